from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text
from tests.contract.conftest import prepared, serving
from tests.program import program
from tests.valkey_server import ValkeyServer

from cloudsealed.auth.model import Scope
from cloudsealed.storage.migrate import engine_for
from cloudsealed.vocabulary import Role

NAMES = (
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-used",
    "x-ratelimit-resource",
    "ratelimit-policy",
    "ratelimit",
    "x-request-id",
)


def test_1000_requests_a_minute_a_token_then_429(strict_tenant: Any) -> None:
    http = strict_tenant.http
    first = http.get("/v1/findings", params={"limit": 1})
    opened = time.time()
    assert first.headers["x-ratelimit-limit"] == "1000"
    assert first.headers["x-ratelimit-resource"] == "core"
    for used in range(2, 1001):
        answer = http.get("/v1/findings", params={"limit": 1})
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-used"] == str(used)
        assert answer.headers["x-ratelimit-remaining"] == str(1000 - used)
        assert answer.headers["x-ratelimit-reset"] == first.headers["x-ratelimit-reset"]
    assert int(first.headers["x-ratelimit-reset"]) <= opened + 61
    refused = http.get("/v1/findings", params={"limit": 1})
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-used"] == "1000"
    with strict_tenant.client(strict_tenant.token()) as other:
        assert other.get("/v1/findings").status_code == 200


def test_no_or_a_bad_token_has_60_a_minute_an_address_and_a_good_one_spends_none(
    strict_tenant: Any,
) -> None:
    with strict_tenant.client(None) as nobody, strict_tenant.client("bad") as bad:
        for number in range(60):
            answer = (nobody if number % 2 else bad).get("/v1/me")
            assert answer.status_code == 401
            assert answer.headers["x-ratelimit-resource"] == "anonymous"
            assert answer.headers["x-ratelimit-remaining"] == str(59 - number)
        for http in (nobody, bad):
            assert http.get("/v1/me").status_code == 429
        for path in ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"):
            assert nobody.get(path).status_code == 200
    assert strict_tenant.http.get("/v1/me").status_code == 200


def test_every_response_carries_the_headers_whatever_its_status(strict_tenant: Any) -> None:
    http = strict_tenant.http
    plain = {"content-type": "text/plain"}
    kind = {"content-type": "application/json"}
    with (
        strict_tenant.client(None) as nobody,
        strict_tenant.client(strict_tenant.token(Scope.RESOURCES_READ)) as weak,
    ):
        answers = {
            200: http.get("/v1/findings"),
            201: http.post("/v1/tokens", json={"name": "x", "scopes": ["findings:read"]}),
            204: http.options("/v1/findings"),
            400: http.post("/v1/policies", content=b"{", headers=kind),
            401: nobody.get("/v1/findings"),
            403: weak.get("/v1/findings"),
            404: http.get("/v1/findings/fnd_x"),
            405: http.put("/v1/findings"),
            406: http.get("/v1/findings", headers={"Accept": "text/html"}),
            413: http.post("/v1/policies", content=b" " * (2**20 + 1), headers=kind),
            414: http.get("/v1/findings", params={"name": "x" * 9000}),
            415: http.post("/v1/policies", content=b"x", headers=plain),
            422: http.get("/v1/findings", params={"limit": 0}),
            431: http.get("/v1/findings", headers={"x-large": "x" * 20000}),
            500: _broken(strict_tenant),
        }
        for _ in range(70):
            last = nobody.get("/v1/findings")
        answers[429] = last
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        for name in NAMES:
            assert name in answer.headers, (status, name)
        used, left, limit = (
            int(answer.headers[f"x-ratelimit-{name}"]) for name in ("used", "remaining", "limit")
        )
        assert used + left == limit
    for path in ("/nope", "/healthz", "/docs", "/openapi.json", "/metrics"):
        answer = httpx.get(f"{strict_tenant.url}{path}", trust_env=False)
        assert all(name in answer.headers for name in NAMES), path


def test_reports_have_10_a_minute_and_only_a_202_spends(strict_tenant: Any, completed: Any) -> None:
    audit_id = completed(strict_tenant)
    body = {"kind": "executive_summary", "audit_id": audit_id}
    refused = strict_tenant.http.post("/v1/reports", json={**body, "kind": "x"})
    assert refused.status_code == 422
    assert refused.headers["x-ratelimit-resource"] == "reports"
    assert refused.headers["x-ratelimit-remaining"] == "10"
    for number in range(10):
        answer = strict_tenant.http.post("/v1/reports", json=body)
        assert answer.status_code == 202, answer.text
        assert answer.headers["x-ratelimit-remaining"] == str(9 - number)
    over = strict_tenant.http.post("/v1/reports", json=body)
    assert over.status_code == 429
    assert over.headers["x-ratelimit-resource"] == "reports"
    assert int(over.headers["retry-after"]) <= 60
    assert strict_tenant.http.get("/v1/reports").headers["x-ratelimit-resource"] == "core"
    budgets = strict_tenant.http.get("/v1/rate_limit").json()["resources"]
    assert budgets["reports"]["remaining"] == 0
    hour = next(w for w in budgets["reports"]["windows"] if w["window"] == 3600)
    assert hour["limit"] == 100
    assert hour["used"] == 10


def test_audits_and_reanalyses_share_6_an_hour(strict_tenant: Any, completed: Any) -> None:
    audit_id = completed(strict_tenant)
    for number in range(6):
        answer = strict_tenant.http.post(f"/v1/audits/{audit_id}/reanalyze")
        assert answer.status_code == 202, answer.text
        assert answer.headers["x-ratelimit-remaining"] == str(5 - number)
    over = strict_tenant.http.post(f"/v1/audits/{audit_id}/reanalyze")
    assert over.status_code == 429
    assert over.headers["x-ratelimit-resource"] == "audits"
    assert 3500 < int(over.headers["retry-after"]) <= 3600


def test_of_1500_requests_at_once_on_one_token_exactly_1000_pass(strict_tenant: Any) -> None:
    assert _at_once([strict_tenant.url], strict_tenant.token(), 1500) == {200: 1000, 429: 500}


def test_over_4_processes_that_share_a_valkey_at_most_1001_of_1500_pass(tmp_path: Path) -> None:
    valkey = ValkeyServer()
    services = prepared(tmp_path, valkey_url=valkey.url)
    tenant = services.tenants.create(name="Acme").id
    user = services.users.create(tenant=tenant, email="ann@example.com", role=Role.ADMIN)
    token = services.tokens.issue(
        tenant=tenant, user_id=user.id, name="t", scopes=frozenset({Scope.ADMIN})
    ).text
    with ExitStack() as stack:
        stack.callback(services.database.close)
        stack.callback(valkey.remove)
        start = partial(
            program().talk, str(tmp_path), valkey.url, code=_SERVE, environment=os.environ
        )
        servers = [stack.enter_context(start()) for _ in range(4)]
        urls = [f"http://127.0.0.1:{int(server.said())}" for server in servers]
        counts = _at_once(urls, token, 1500)
        assert counts[200] + counts[429] == 1500
        assert 1000 <= counts[200] <= 1001


def test_with_valkey_gone_the_api_answers_and_says_so(tmp_path: Path, caplog: Any) -> None:
    valkey = ValkeyServer()
    services = prepared(tmp_path, valkey_url=valkey.url)
    for url in serving(services):
        ready = httpx.get(f"{url}/readyz", trust_env=False)
        assert ready.json()["limits"] == {"shared": True, "fault": None}
        valkey.stop()
        for _ in range(3):
            answer = httpx.get(f"{url}/v1/me", trust_env=False)
            assert answer.status_code == 401
            assert answer.headers["x-ratelimit-limit"] == "60"
        ready = httpx.get(f"{url}/readyz", trust_env=False)
        assert ready.status_code == 200
        assert ready.json()["limits"]["shared"] is False
        assert "Valkey does not answer" in ready.json()["limits"]["fault"]
    assert "Valkey does not answer" in caplog.text
    valkey.remove()


def test_a_heavy_budget_is_judged_after_everything_else(strict_tenant: Any, completed: Any) -> None:
    audit_id, http = completed(strict_tenant), strict_tenant.http
    for _ in range(6):
        assert http.post(f"/v1/audits/{audit_id}/reanalyze").status_code == 202
    running = http.get("/v1/audits").json()["data"][0]["id"]
    refusals = {
        404: http.post("/v1/audits/aud_x/reanalyze"),
        406: http.post(f"/v1/audits/{audit_id}/reanalyze", headers={"Accept": "text/html"}),
        422: http.post(f"/v1/audits/{audit_id}/reanalyze", json={"policies": ["nope"]}),
        412: http.post(f"/v1/audits/{audit_id}/reanalyze", headers={"If-Match": '"x"'}),
        409: http.post(f"/v1/audits/{running}/reanalyze"),
        429: http.post(f"/v1/audits/{audit_id}/reanalyze"),
    }
    assert [a.status_code for a in refusals.values()] == list(refusals)
    rate = http.get("/v1/rate_limit").json()["resources"]["audits"]
    assert (rate["used"], rate["remaining"]) == (6, 0)


def _at_once(urls: list[str], token: str, count: int) -> Counter[int]:
    """Return how often each status came of `count` requests, over `urls`.

    100 are asked at a time, each by a client of its own: what one client's pool does for a request
    grows with its connections.
    """
    numbers = iter(range(count))
    headers = {"Authorization": f"Bearer {token}"}

    async def some() -> Counter[int]:
        seen: Counter[int] = Counter()
        async with httpx.AsyncClient(headers=headers, timeout=None, trust_env=False) as http:
            for number in numbers:
                answer = await http.get(f"{urls[number % len(urls)]}/v1/errors")
                seen[answer.status_code] += 1
        return seen

    async def ask() -> Counter[int]:
        return sum(await asyncio.gather(*(some() for _ in range(100))), Counter())

    return asyncio.run(ask())


_SERVE = """
import sys
from pathlib import Path
from cloudsealed.api.server import Listen, server
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.storage import counters
from cloudsealed.wiring import build_services
import asyncio
counters.TIMEOUT_SECONDS = 60  # nobody counts alone because the machine is busy
async def main():
    budget = parse_budget("1000/hour")  # whose window does not end meanwhile
    settings = Settings(data_dir=Path(sys.argv[1]), valkey_url=sys.argv[2], limit_core=budget)
    running = server(build_services(settings), Listen(port=0))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    print(running.servers[0].sockets[0].getsockname()[1], flush=True)
    await task
asyncio.run(main())
"""


def _broken(tenant: Any) -> Any:
    """Return the answer of a route whose database is damaged."""
    with engine_for(tenant.services.settings).begin() as connection:
        connection.execute(text("ALTER TABLE reports RENAME TO gone"))
    answer = tenant.http.get("/v1/reports")
    with engine_for(tenant.services.settings).begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO reports"))
    return answer
