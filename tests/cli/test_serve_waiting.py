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

Asked = list[Future[httpx.Response]]
MANY = 64
ROOMY = {
    "CLOUDSEALED_LIMIT_EXPLANATIONS": "1000/minute",
    "CLOUDSEALED_LIMIT_CONNECTION_TESTS": "1000/minute",
    "CLOUDSEALED_LIMIT_CORE": "100000/minute",
}


@contextmanager
def at_once(running: Served, *requests: tuple[str, str]) -> Iterator[list[Asked]]:
    """Ask for each of some things many times, all at once."""
    most = MANY * len(requests)
    http = httpx.Client(
        base_url=running.http.base_url,
        headers=running.http.headers,
        trust_env=False,
        timeout=SECONDS,
        limits=httpx.Limits(max_connections=most, keepalive_expiry=None),
    )
    with ThreadPoolExecutor(most) as pool, http:
        rounds = [[pool.submit(http.request, *each) for each in requests] for _ in range(MANY)]
        yield [list(asked) for asked in zip(*rounds, strict=True)]


def hang(asked: Asked) -> int:
    """Return how many are at work."""
    return sum(not each.done() for each in asked)


def refused(asked: Asked, at_work: int) -> None:
    """Wait until only so many are at work, and the others are told when to ask again."""
    until(lambda: hang(asked) == at_work, "the others are refused")
    for answer in (each.result() for each in asked if each.done()):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["code"] == "service_unavailable"


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


def test_explanations_and_tests_of_connections_that_hang_keep_no_other_request_waiting(
    running: Served, silent: Dripping
) -> None:
    explanation = f"/v1/findings/{explainable(running)}/explanation"
    told: Any = running.http.get(explanation)
    assert (told.status_code, told.json()["outcome"]) == (200, "fail")
    test = f"/v1/connections/{running.connect('silent').json()['id']}/test"
    warm = warm_process(running)
    os.kill(warm, signal.SIGSTOP)
    try:
        with at_once(running, ("GET", explanation), ("POST", test)) as (explained, tested):
            refused(explained, at_work=2)
            refused(tested, at_work=8)
            until(lambda: silent.asked == 8, "all tests at work wait for the cloud")
            ordinary_requests_are_answered(running)
            assert (hang(explained), hang(tested)) == (2, 8), "they hang still"
            os.kill(warm, signal.SIGCONT)
            silent.end()
            ended = [each.result() for each in (*explained, *tested)]
    finally:
        os.kill(warm, signal.SIGCONT)
    assert Counter(each.status_code for each in ended) == {200: 10, 503: 2 * MANY - 10}
    assert [each.json()["ok"] for each in ended[MANY:] if each.status_code == 200] == [False] * 8
    os.kill(warm, signal.SIGKILL)
    assert running.http.get(explanation).status_code == 200, "another process is begun"
    assert running.complaints() == []


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
