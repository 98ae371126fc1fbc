"""While what `serve` waits for hangs, others are answered, and nothing is left of it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.dripping import Dripping
from tests.explained import explainable
from tests.served import Served, served
from tests.waiting import SECONDS, until

from cloudsealed.kit.ids import new_id

MANY = 64
ROOMY = {
    "CLOUDSEALED_LIMIT_EXPLANATIONS": "1000/minute",
    "CLOUDSEALED_LIMIT_CONNECTION_TESTS": "1000/minute",
    "CLOUDSEALED_LIMIT_CORE": "100000/minute",
}


@contextmanager
def many(running: Served, method: str, path: str) -> Iterator[list[Future[httpx.Response]]]:
    """Ask the same many times at once."""
    with ThreadPoolExecutor(MANY) as pool:
        http = httpx.Client(
            base_url=running.http.base_url,
            headers=running.http.headers,
            trust_env=False,
            timeout=SECONDS,
            limits=httpx.Limits(max_connections=MANY, keepalive_expiry=None),
        )
        with http:
            yield [pool.submit(http.request, method, path) for _ in range(MANY)]


def still(asked: list[Future[httpx.Response]], at_work: int) -> list[httpx.Response]:
    """Wait until only so many are at work; return the answers of the others."""
    until(lambda: sum(not each.done() for each in asked) == at_work, "the others are refused")
    return [each.result() for each in asked if each.done()]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for task in tasks for each in (task / "children").read_text().split()]


def warm_process(running: Served) -> int:
    """Return the process that forks explanations."""
    found = children(running.process.pid)
    [warm] = [pid for pid in found if "kit.warm" in Path(f"/proc/{pid}/cmdline").read_text()]
    return warm


@pytest.fixture(scope="module")
def silent() -> Iterator[Dripping]:
    found = Dripping(MANY)
    yield found
    found.end()


@pytest.fixture(scope="module")
def running(silent: Dripping, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A `serve` whose cloud never comes to the end of an answer."""
    folder = tmp_path_factory.mktemp("waiting")
    environment = {
        **ROOMY,
        "AWS_ENDPOINT_URL": silent.url,
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }
    with served(folder / "data", folder / "log", environment) as found:
        yield found


def ordinary_requests_are_answered(running: Served) -> None:
    for path in ("/v1/me", "/v1/findings", "/v1/rate_limit", "/v1/errors", "/readyz") * 5:
        assert running.http.get(path).status_code == 200, path
    assert running.connect(new_id("c")).status_code == 201


def test_explanations_that_hang_keep_no_other_request_waiting_and_too_many_are_told(
    running: Served,
) -> None:
    path = f"/v1/findings/{explainable(running)}/explanation"
    told: Any = running.http.get(path)
    assert (told.status_code, told.json()["outcome"]) == (200, "fail")
    warm = warm_process(running)
    os.kill(warm, signal.SIGSTOP)
    try:
        with many(running, "GET", path) as asked:
            refused = still(asked, 2)
            assert {each.status_code for each in refused} == {503}
            assert {each.headers["retry-after"] for each in refused} == {"1"}
            assert refused[0].json()["error"]["code"] == "service_unavailable"
            ordinary_requests_are_answered(running)
            assert sum(not each.done() for each in asked) == 2, "they hang still"
            os.kill(warm, signal.SIGCONT)
            assert Counter(each.result().status_code for each in asked) == {200: 2, 503: MANY - 2}
    finally:
        os.kill(warm, signal.SIGCONT)
    os.kill(warm, signal.SIGKILL)
    assert running.http.get(path).status_code == 200, "another process is begun"
    assert running.complaints() == []


def test_tests_of_connections_that_hang_keep_no_other_request_waiting(
    running: Served, silent: Dripping
) -> None:
    path = f"/v1/connections/{running.connect('silent').json()['id']}/test"
    with many(running, "POST", path) as asked:
        assert {each.status_code for each in still(asked, 8)} == {503}
        until(lambda: silent.asked == 8, "all of them wait for the cloud")
        ordinary_requests_are_answered(running)
        assert sum(not each.done() for each in asked) == 8, "they hang still"
        silent.end()
        answers = [each.result() for each in asked]
    ended = [each.json()["ok"] for each in answers if each.status_code == 200]
    assert ended == [False] * 8


def test_the_budgets_of_what_costs_more_are_shown_and_what_there_is_not_spends_none(
    running: Served,
) -> None:
    def remaining() -> int:
        standing = running.http.get("/v1/rate_limit").json()["resources"]
        assert standing["connection_tests"]["limit"] == 1000
        return int(standing["explanations"]["remaining"])

    before = remaining()
    assert running.http.get("/v1/findings/fnd_x/explanation").status_code == 404
    assert remaining() == before


def test_no_process_is_left_when_it_ends(running: Served) -> None:
    [finding] = running.http.get("/v1/findings").json()["data"]
    assert running.http.get(f"/v1/findings/{finding['id']}/explanation").status_code == 200
    left = children(running.process.pid)
    assert len(left) == 2, "the worker, and what forks explanations"
    running.stop()
    assert running.process.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)
