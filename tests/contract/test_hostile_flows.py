"""Many at once and many in a row: what is dear is counted exactly, and two audits run at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from tests.contract.conftest import prepared, serving
from tests.waiting import SECONDS

from cloudsealed.audits.shard_store import JOB
from cloudsealed.jobs import Worker
from cloudsealed.settings import parse_budget
from cloudsealed.working import _SLOTS

AT_ONCE = 100


def _together(ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Ask a hundred times, all beginning at the same moment."""
    start = threading.Barrier(AT_ONCE)

    def one(number: int) -> httpx.Response:
        start.wait(SECONDS)
        return ask(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_of_100_reanalyses_at_once_six_are_taken_and_the_others_leave_nothing(
    strict_tenant: Any, completed: Any
) -> None:
    audit, headers = completed(strict_tenant), dict(strict_tenant.http.headers)
    url = f"{strict_tenant.url}/v1/audits/{audit}/reanalyze"
    answers = _together(
        lambda _: httpx.post(url, headers=headers, timeout=SECONDS, trust_env=False)
    )
    assert Counter(answer.status_code for answer in answers) == {202: 6, 429: AT_ONCE - 6}
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["error"]["code"] for answer in refused} == {"rate_limited"}
    assert {answer.headers["x-ratelimit-resource"] for answer in refused} == {"audits"}
    listed = strict_tenant.http.get("/v1/audits", params={"parent": audit}).json()["data"]
    assert {item["id"] for item in listed} == {
        answer.json()["id"] for answer in answers if answer.status_code == 202
    }
    left = strict_tenant.http.get("/v1/rate_limit").json()["resources"]["audits"]
    assert (left["used"], left["remaining"]) == (6, 0)


def test_of_six_audits_two_run_at_once(strict_tenant: Any, completed: Any) -> None:
    audit = completed(strict_tenant)
    for _ in range(6):
        made = strict_tenant.http.post(f"/v1/audits/{audit}/reanalyze")
        assert made.status_code == 202
    turn, ended = threading.Condition(), threading.Event()
    running: set[str] = set()
    begun: list[int] = []

    def run(job: Any) -> None:
        with turn:
            running.add(job.id)
            begun.append(len(running))
            turn.notify_all()  # nobody ends before there are two, but the last
            assert turn.wait_for(lambda: len(running) >= 2 or len(begun) == 6, SECONDS)
        with turn:
            running.discard(job.id)
            if len(begun) == 6 and not running:
                ended.set()

    worker = Worker(strict_tenant.services.database, {JOB: run}, slots=_SLOTS)
    worker.start()
    assert ended.wait(SECONDS)
    worker.stop()
    assert (len(begun), max(begun)) == (6, 2)


def test_of_100_orders_with_one_key_at_once_one_is_carried_out(strict_tenant: Any) -> None:
    headers = {**strict_tenant.http.headers, "Idempotency-Key": "storm"}
    body, url = {"name": "x", "scopes": ["findings:read"]}, f"{strict_tenant.url}/v1/tokens"
    answers = _together(
        lambda _: httpx.post(url, json=body, headers=headers, timeout=SECONDS, trust_env=False)
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    kinds = {answer.json().get("error", {}).get("code") for answer in answers}
    assert kinds <= {None, "idempotency_in_progress"}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    listed = strict_tenant.http.get("/v1/tokens").json()["data"]
    assert [item["name"] for item in listed].count("x") == 1


def test_tokens_and_invitations_are_made_no_faster_than_the_budget_of_the_token(
    tmp_path: Path, make_tenant: Any
) -> None:
    services = prepared(tmp_path, limit_core=parse_budget("20/minute"))
    for url in serving(services):
        tenant = make_tenant(services, url)
        made = Counter[int]()
        for number in range(15):
            token = {"name": "x", "scopes": ["findings:read"]}
            user = {"email": f"u{number}@example.com", "role": "viewer"}
            made[tenant.http.post("/v1/tokens", json=token).status_code] += 1
            made[tenant.http.post("/v1/users", json=user).status_code] += 1
        assert made == {201: 20, 429: 10}
        with tenant.client(tenant.token()) as http:
            assert len(http.get("/v1/users").json()["data"]) == 1 + 10
