from __future__ import annotations

import time
from typing import Any

import httpx
from sqlalchemy import text

from cloudsealed.auth.model import Scope
from cloudsealed.storage.migrate import engine_for

NAMES = (
    "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-used",
    "x-ratelimit-resource", "ratelimit-policy", "ratelimit", "x-request-id",
)  # fmt: skip


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
    assert abs(int(first.headers["x-ratelimit-reset"]) - opened - 60) <= 2
    assert time.time() - opened < 55, "too slow to judge"
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


def _broken(tenant: Any) -> Any:
    """Return the answer of a route whose database is damaged."""
    with engine_for(tenant.services.settings).begin() as connection:
        connection.execute(text("ALTER TABLE reports RENAME TO gone"))
    answer = tenant.http.get("/v1/reports")
    with engine_for(tenant.services.settings).begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO reports"))
    return answer
