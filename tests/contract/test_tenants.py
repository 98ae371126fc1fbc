"""Generated from the OpenAPI document: another tenant's id answers like one that never was."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.waiting import until

from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.ids import new_id
from cloudsealed.reports.model import Report, ReportRequest
from cloudsealed.reports.store import ReportStore
from cloudsealed.storage.schema import oauth_grants
from cloudsealed.vocabulary import ReportKind, ReportStatus

METHODS = ("get", "head", "post", "patch", "put", "delete", "options")
VARYING = (
    "date",
    "x-request-id",
    "ratelimit",
    "x-ratelimit-remaining",
    "x-ratelimit-used",
    "x-ratelimit-reset",
)
SHARED = ("/v1/frameworks/{id}", "/v1/resource_types/{id}")  # built in: no tenant owns one


@pytest.fixture
def twins(
    make_tenant: Any, roomy: Any, url: str, completed: Any, add_resource: Any
) -> tuple[Any, Any, dict[str, str]]:
    """Two tenants with the same things, and the ids of the second's by the noun's path."""
    mine, theirs = make_tenant(roomy, url), make_tenant(roomy, url)
    ids: dict[str, str] = {}
    for tenant in (mine, theirs):
        ids = _filled(tenant, completed, add_resource)
    return mine, theirs, ids


def _filled(tenant: Any, completed: Any, add_resource: Any) -> dict[str, str]:
    http, role = tenant.http, "arn:aws:iam::123456789012:role/a"
    finding = tenant.add_findings(1)[0]
    policy = http.get(f"/v1/findings/{finding}").json()["policy"]["id"]
    audit = completed(tenant)
    request = ReportRequest(ReportKind.EXECUTIVE_SUMMARY, audit, None, {})
    report = Report(
        new_id("rep"), ReportStatus.QUEUED, request, created_at="2026-01-31T09:30:00.000Z"
    )
    ReportStore(tenant.services.database).add(tenant=tenant.id, report=report)
    connection = {"provider": "aws", "name": "one", "role_arn": role}
    app = {"name": "a", "redirect_uris": ["https://a.example.com/"], "scopes": ["findings:read"]}
    token = {"name": "t", "scopes": ["findings:read"]}
    schedule = {"name": "one", "cron": "0 6 * * MON", "report": {"kind": "executive_summary"}}
    view = {"name": "one", "of": "findings", "query": {}, "shared": True}
    return {
        "/v1/findings": finding,
        "/v1/policies": policy,
        "/v1/audits": audit,
        "/v1/reports": report.id,
        "/v1/simulations": http.post(
            "/v1/policies/simulate", json={"policy": policy, "audit_ids": [audit]}
        ).json()["id"],
        "/v1/resources": add_resource(tenant),
        "/v1/connections": http.post("/v1/connections", json=connection).json()["id"],
        "/v1/schedules": http.post("/v1/schedules", json=schedule).json()["id"],
        "/v1/views": http.post("/v1/views", json=view).json()["id"],
        "/v1/tokens": http.post("/v1/tokens", json=token).json()["id"],
        "/v1/users": http.post(
            "/v1/users", json={"email": f"{new_id('x')}@example.com", "role": "viewer"}
        ).json()["id"],
        "/v1/oauth/apps": http.post("/v1/oauth/apps", json=app).json()["id"],
        "/v1/oauth/clients": _client(http),
        "/v1/oauth/grants": _granted(tenant, http.post("/v1/oauth/apps", json=app).json()),
    }


def _client(http: httpx.Client) -> str:
    """Register a client of a new service account; return its id."""
    account = http.post("/v1/service_accounts", json={"name": "n", "role": "viewer"}).json()["id"]
    body = {"user_id": account, "name": "n", "scopes": ["findings:read"]}
    return str(http.post("/v1/oauth/clients", json=body).json()["id"])


def _granted(tenant: Any, app: dict[str, Any]) -> str:
    """Add a grant in force of an app; return its id."""
    now, ident = tenant.services.clock(), new_id("gra")
    row = {
        "tenant_id": tenant.id,
        "id": ident,
        "user_id": tenant.user_id,
        "client_id": app["client_id"],
        "app_name": app["name"],
        "scopes": '["findings:read"]',
        "created_at": rfc3339(now),
        "redeemed_at": rfc3339(now),
        "expires_at": rfc3339(now + timedelta(hours=1)),
        "last_used_at": None,
        "last_used_ip": None,
    }
    with tenant.services.database.write() as connection:
        connection.run(oauth_grants.insert(), row)
    assert tenant.http.get(f"/v1/oauth/grants/{ident}").status_code == 200
    return ident


def _never(ident: str) -> str:
    """Return an id of the same form that never was."""
    return new_id(ident.partition("_")[0])


def _face(answer: httpx.Response, ident: str) -> Any:
    """Return what a client sees of an answer, the id itself and the request's left out."""
    headers = {k: v for k, v in answer.headers.items() if k not in VARYING}
    text = answer.text.replace(ident, "ID")
    request_id = answer.headers["x-request-id"]
    return answer.status_code, headers, text.replace(request_id, "REQUEST")


def _routes(tenant: Any) -> list[str]:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    return [path for path in document["paths"] if "{id}" in path and path not in SHARED]


@pytest.mark.inside
def test_every_route_with_an_id_answers_every_method_as_if_it_never_was(twins: Any) -> None:
    mine, theirs, ids = twins
    routes = _routes(mine)
    assert {path.partition("/{id}")[0] for path in routes} == set(ids)
    before = {k: theirs.http.get(f"{k}/{i}").content for k, i in ids.items()}
    refused = 0
    for path, method in itertools.product(routes, METHODS):
        foreign = ids[path.partition("/{id}")[0]]
        with mine.client(mine.token()) as http:  # whose budget is never spent
            for body in (None, {}, {"name": "x"}, {"triage": None}):
                faces = []
                for ident in (foreign, _never(foreign)):
                    answer = http.request(method, path.replace("{id}", ident), json=body)
                    assert answer.status_code < 500
                    assert answer.status_code != 429
                    faces.append(_face(answer, ident))
                assert faces[0] == faces[1], (method, path, body)
                refused += faces[0][0] == 404
    assert refused > len(routes)
    assert {k: theirs.http.get(f"{k}/{i}").content for k, i in ids.items()} == before


def test_an_id_of_another_noun_is_not_found_either(twins: Any) -> None:
    mine, _theirs, ids = twins
    for path in _routes(mine):
        noun = path.partition("/{id}")[0]
        for other in (ident for key, ident in ids.items() if key != noun):
            answer = mine.http.get(path.replace("{id}", other))
            assert answer.status_code in (404, 405), (path, other)


def test_ids_in_bodies_and_filters_answer_alike(twins: Any) -> None:
    mine, _theirs, ids = twins
    audit, connection = ids["/v1/audits"], ids["/v1/connections"]
    asked = [
        ("POST", "/v1/reports", {"kind": "executive_summary", "audit_id": audit}, audit),
        ("POST", "/v1/audits", {"connection_ids": [connection]}, connection),
        *(
            ("POST", "/v1/schedules", {"name": "n", "cron": "0 0 * * *", kind: body}, connection)
            for kind, body in (
                ("audit", {"connection_ids": [connection]}),
                ("report", {"kind": "executive_summary", "connection_ids": [connection]}),
            )
        ),
        ("POST", "/v1/policies/simulate", {"policy": "x", "audit_ids": [audit]}, audit),
        ("POST", "/v1/policies/simulate", {"policy": ids["/v1/policies"]}, ids["/v1/policies"]),
        ("GET", f"/v1/frameworks/cis-aws-5.0?audit={audit}", None, audit),
        *(
            ("GET", f"/v1/{noun}?{name}={ids[f'/v1/{key}']}", None, ids[f"/v1/{key}"])
            for noun, name, key in (
                ("findings", "policy", "policies"),
                ("findings", "resource", "resources"),
                ("findings", "audit", "audits"),
                ("findings", "connection", "connections"),
                ("resources", "audit", "audits"),
                ("resources", "connection", "connections"),
                ("reports", "audit", "audits"),
            )
        ),
    ]
    for method, path, body, ident in asked:
        never = _never(ident)
        other = {k: _swapped(v, ident, never) for k, v in body.items()} if body else None
        first = mine.http.request(method, path, json=body)
        second = mine.http.request(method, path.replace(ident, never), json=other)
        assert _face(first, ident) == _face(second, never), (method, path)
        if method == "GET" and first.status_code == 200:
            assert first.json()["data"] == []


def _swapped(value: Any, ident: str, never: str) -> Any:
    if isinstance(value, dict):
        return {k: _swapped(v, ident, never) for k, v in value.items()}
    return [never] if isinstance(value, list) else never if value == ident else value


def test_a_cursor_of_another_tenant_is_refused_on_every_list(twins: Any) -> None:
    mine, theirs, _ids = twins
    theirs.add_findings(2)
    role = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/b"}
    theirs.http.post("/v1/connections", json={**role, "name": "two"})
    theirs.http.post("/v1/tokens", json={"name": "x", "scopes": ["findings:read"]})
    tried = 0
    document = httpx.get(f"{mine.url}/openapi.json", trust_env=False).json()
    for path, methods in document["paths"].items():
        names = {p["name"] for p in methods.get("get", {}).get("parameters", ())}
        if "cursor" not in names or "{id}" in path:
            continue
        cursor = theirs.http.get(path, params={"limit": 1}).json()["next_cursor"]
        if cursor:
            answer = mine.http.get(path, params={"cursor": cursor})
            assert answer.json()["error"]["code"] == "invalid_cursor", path
            tried += 1
    assert tried >= 3


@pytest.mark.inside
def test_the_time_of_an_answer_tells_nothing_on_any_route(
    twins: Any, statements: list[str]
) -> None:
    """A refusal costs the same work: the same statements, whosever the id is."""
    mine, _theirs, ids = twins
    document = httpx.get(f"{mine.url}/openapi.json", trust_env=False).json()
    for path in _routes(mine):
        if "get" not in document["paths"][path]:
            continue
        foreign = ids[path.partition("/{id}")[0]]
        with mine.client(mine.token()) as http:  # whose budget is never spent

            def work(ident: str, http: httpx.Client = http, path: str = path) -> list[str]:
                statements.clear()
                assert http.get(path.replace("{id}", ident)).status_code == 404
                return list(statements)

            # Now and then the token is looked up anew, or what runs beside requests has its turn.
            until(lambda: work(foreign) == work(_never(foreign)) != [], f"{path} works alike")  # noqa: B023
