"""Every code of the catalogue is reached by a request to a real server, on API and pages."""

from __future__ import annotations

import os
import re
import socket
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from sqlalchemy import text
from tests.auth.oauth.party import Browser, Site, hidden
from tests.auth.oauth.party import serving as serving_pages
from tests.contract.conftest import prepared, serving
from tests.servers import PostgresServer
from tests.waiting import SECONDS

from cloudsealed import working
from cloudsealed.api import protocol
from cloudsealed.api.errors import catalogue
from cloudsealed.auth.model import Scope
from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.ids import new_id
from cloudsealed.policies import service as policies
from cloudsealed.reports.model import Report, ReportFormat, ReportRequest
from cloudsealed.reports.store import ReportStore
from cloudsealed.storage.migrate import engine_for
from cloudsealed.testing.factories import add_resources, make_resource
from cloudsealed.vocabulary import ReportKind, ReportStatus, Role

ROLE_ARN = "arn:aws:iam::123456789012:role/a"
JSON = {"content-type": "application/json"}
POLICY = {
    "key": "k",
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "true",
}


def _code(answer: httpx.Response) -> str:
    assert answer.status_code >= 400, answer.request.url
    if answer.headers["content-type"].startswith("text/html"):
        found = re.search(r'(?:<code>|data-code=")([a-z_]+)', answer.text)
        assert found is not None, answer.text
        return found[1]
    return str(answer.json()["error"]["code"])


def _filters(tenant: Any, audit: str) -> set[str]:
    """Return the codes of filters that nothing can be, each of an object that is there."""
    resource = make_resource()
    add_resources(tenant.services.database, tenant.id, resource)
    there = {"resources": resource.id, "audits": audit}
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    found = set()
    for path, methods in document["paths"].items():
        for item in methods.get("get", {}).get("parameters", ()):
            if item["in"] == "query" and item["name"] not in ("limit", "cursor", "sort"):
                ident = there.get(path.split("/")[2], "x")
                answer = tenant.http.get(path.replace("{id}", ident), params={item["name"]: "\x00"})
                found.add(_code(answer))
    return found


def _bodies(http: httpx.Client) -> list[httpx.Response]:
    def post(content: bytes, kind: str = "application/json") -> httpx.Response:
        return http.post("/v1/policies", content=content, headers={"content-type": kind})

    connection = {"provider": "aws", "name": new_id("n")}
    role = {**connection, "role_arn": ROLE_ARN}
    http.post("/v1/connections", json=role)
    return [
        post(b"{"),
        post(b'{"a":1,"a":2}'),
        post(b"[" * 40),
        post(b"x" * (2**20 + 1)),
        post(b"x", "text/plain"),
        http.post("/v1/policies", json={"x": 1}),
        http.post("/v1/policies", json={}),
        http.post("/v1/policies", json={**POLICY, "severity": "urgent"}),
        http.post("/v1/policies", json={**POLICY, "fail_when": "("}),
        http.post("/v1/policies", json={**POLICY, "examples": {"pass": [{"resource": {}}]}}),
        http.post("/v1/tokens", json={"name": "x", "scopes": ["nope"]}),
        http.post("/v1/connections", json=role),
        http.post("/v1/connections", json=connection),
    ]


def _queries(http: httpx.Client) -> list[httpx.Response]:
    return [
        http.get("/v1/findings?limit=0"),
        http.get("/v1/findings?cursor=x"),
        http.get("/v1/findings?sort=x"),
        http.get("/v1/findings?x=1"),
        http.get("/v1/findings?limit=1&limit=1"),
        http.get("/v1/findings?%ff"),
        http.get("/v1/findings?name=" + "x" * 9000),
        http.get("/v1/findings", headers={"x-large": "x" * 17000}),
        http.get("/v1/findings", headers={"accept": "text/html"}),
        http.put("/v1/findings"),
        http.get("/v1/nope"),
    ]


def _objects(tenant: Any, completed: Any) -> list[httpx.Response]:
    http = tenant.http
    nouns = ("findings", "resources", "audits", "policies", "reports", "connections", "tokens")
    paths = [
        *nouns,
        "schedules",
        "views",
        "users",
        "frameworks",
        "resource_types",
        "oauth/apps",
        "oauth/grants",
        "oauth/clients",
        "simulations",
    ]
    found = [http.get(f"/v1/{path}/x") for path in paths]
    audit = completed(tenant)
    queued = http.post(f"/v1/audits/{audit}/reanalyze").json()["id"]
    finding = tenant.add_findings(1)[0]
    tenant.services.policies.synchronize(tenant=tenant.id)
    builtin = http.get("/v1/policies?source=builtin&limit=1").json()["data"][0]["id"]
    key = {"Idempotency-Key": "k"}
    http.post("/v1/tokens", json={"name": "a", "scopes": ["admin"]}, headers=key)
    report = http.post("/v1/reports", json={"kind": "executive_summary", "audit_id": audit}).json()
    triage = {"triage": {"state": "acknowledged"}}
    return [
        *found,
        http.post(f"/v1/audits/{queued}/reanalyze"),
        http.post(f"/v1/audits/{queued}/resume"),
        http.post(f"/v1/audits/{audit}/cancel"),
        http.post("/v1/findings/bulk", json={"filter": {}, "count": 9, **triage}),
        http.patch(f"/v1/findings/{finding}", json=triage, headers={"If-Match": '"x"'}),
        http.delete(f"/v1/policies/{builtin}"),
        http.post("/v1/tokens", json={"name": "b", "scopes": ["admin"]}, headers=key),
        http.get(f"/v1/reports/{report['id']}/download"),
        http.get(f"/v1/reports/{report['id']}/download?format=x"),
        http.get(f"/v1/reports/{_expired(tenant, audit)}/download"),
        _past_the_end(tenant, audit),
        _unseen(tenant),
        _in_progress(tenant),
        _expired_evidence(tenant, completed),
    ]


def _expired(tenant: Any, audit: str) -> str:
    request = ReportRequest(ReportKind.EXECUTIVE_SUMMARY, audit, None, {})
    moment = "2025-01-31T09:30:00.000Z"
    report = Report(new_id("rep"), ReportStatus.EXPIRED, request, created_at=moment)
    ReportStore(tenant.services.database).add(tenant=tenant.id, report=report)
    return report.id


def _past_the_end(tenant: Any, audit: str) -> httpx.Response:
    """Return the answer to a range that a file has not."""
    file = ReportFormat("pdf", 1, "0" * 64)
    report = Report(
        new_id("rep"),
        ReportStatus.READY,
        ReportRequest(ReportKind.EXECUTIVE_SUMMARY, audit),
        "2026-01-31T09:30:00.000Z",
        expires_at="2999-01-01T00:00:00.000Z",
        formats=(file,),
    )
    ReportStore(tenant.services.database).add(tenant=tenant.id, report=report)
    tenant.services.blobs.put(file.blob(report.id), b"x")
    path = f"/v1/reports/{report.id}/download?format=pdf"
    answer: httpx.Response = tenant.http.get(path, headers={"Range": "bytes=1-"})
    return answer


def _unseen(tenant: Any) -> httpx.Response:
    """Return the answer to a comparison with what no audit saw."""
    resource = make_resource()
    add_resources(tenant.services.database, tenant.id, resource)
    answer: httpx.Response = tenant.http.get(f"/v1/resources/{resource.id}/comparison")
    return answer


def _in_progress(tenant: Any) -> httpx.Response:
    """Return the answer of a key whose first request has not ended: it waits to write."""
    body, headers = {"name": "c", "scopes": ["admin"]}, {"Idempotency-Key": "running"}
    with ThreadPoolExecutor(2) as pool, tenant.services.database.write():
        asked = [
            pool.submit(tenant.http.post, "/v1/tokens", json=body, headers=headers)
            for _ in range(2)
        ]
        return wait(asked, SECONDS, FIRST_COMPLETED).done.pop().result()


def _credentials(tenant: Any) -> list[httpx.Response]:
    past = rfc3339(datetime.now(UTC) - timedelta(seconds=1))
    expired = tenant.services.tokens.issue(
        tenant=tenant.id,
        user_id=tenant.user_id,
        name="old",
        scopes=frozenset({Scope.ADMIN}),
        expires_at=past,
    ).text
    bound = {"name": "b", "scopes": ["findings:read"], "allowed_cidrs": ["192.0.2.0/24"]}
    elsewhere = tenant.http.post("/v1/tokens", json=bound).json()["token"]
    me = tenant.http.get("/v1/me").json()["token_id"]
    editor, weak = tenant.token(role=Role.EDITOR), tenant.token(Scope.FINDINGS_READ)
    asked = [
        (None, "GET", "/v1/me"),
        ("bad", "GET", "/v1/me"),
        (expired, "GET", "/v1/me"),
        (elsewhere, "GET", "/v1/me"),
        (weak, "GET", "/v1/audits"),
        (editor, "DELETE", f"/v1/tokens/{me}"),
        (weak, "GET", f"/v1/me?access_token={weak}"),
    ]
    found = []
    for credential, method, path in asked:
        with tenant.client(credential) as http:
            found.append(http.request(method, path))
    with tenant.client(None) as nobody:
        last = [nobody.get("/v1/me") for _ in range(70)][-1]
    return [*found, last]


def _broken(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(type(tenant.services.reports), "list", fail)
    answer: httpx.Response = tenant.http.get("/v1/reports")
    return answer


def _over_quota(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    with monkeypatch.context() as patch:
        patch.setattr(policies, "MOST_CHECKS", 0)
        answer: httpx.Response = tenant.http.post("/v1/policies", json={**POLICY, "key": "over"})
    return answer


def _unexplained(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    """Ask why a finding fails whose snapshot retention dropped."""
    ident = tenant.add_findings(1)[0]
    with monkeypatch.context() as patch:
        gone = {"snapshot": None}
        patch.setattr(type(tenant.services.audits), "evidence", lambda *_, **__: gone)
        answer: httpx.Response = tenant.http.get(f"/v1/findings/{ident}/explanation")
    return answer


def _expired_evidence(tenant: Any, completed: Any) -> httpx.Response:
    """Ask for the calls of an audit whose evidence retention dropped."""
    audit_id, services = completed(tenant), tenant.services
    with engine_for(services.settings).begin() as connection:
        connection.execute(text("UPDATE audits SET finished_at = created_at"))
    forgetful = replace(services.settings, retention_days=1)
    working.expire_evidence(replace(services, settings=forgetful))
    answer: httpx.Response = tenant.http.get(f"/v1/audits/{audit_id}/calls")
    return answer


def _without_database(postgres: PostgresServer, folder: Path, make_tenant: Any) -> httpx.Response:
    address = postgres.create("away", "migrated")
    services = prepared(folder, database_url=address)
    for url in serving(services):
        http = make_tenant(services, url).http
        postgres.drop("away")
        return http.get("/v1/findings")
    raise AssertionError("nothing was served")


def _late(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the code of a head that does not arrive in time; httpx cannot send one."""
    monkeypatch.setattr(protocol, "SECONDS", {"head": 0.2, "body": 0.2})
    return _sent(url, b"GET /healthz HTTP/1.1\r\n")


def _sent(url: str, request: bytes) -> str:
    """Send bytes that are no whole request; return the code that comes back."""
    parts = urlsplit(url)
    with socket.create_connection(
        (str(parts.hostname), parts.port or 0), timeout=SECONDS
    ) as client:
        client.sendall(request)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    return str(orjson.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"])


def _pages(site: Site) -> list[httpx.Response]:
    """Return the refusals of the pages; the last is of a tenant whose row somebody removed."""
    browser, stranger = site.browser(), Browser(site.url)
    tokens = browser.http.get("/account/tokens")
    with engine_for(site.services.settings).begin() as connection:
        connection.execute(text("UPDATE sessions SET confirmed_at = '2026-01-01T00:00:00.000Z'"))
    found = [
        stranger.log_in("ann@example.com", "a wrong password"),
        browser.http.post("/account/tokens", data={**hidden(tokens), "name": "x"}),
        *(_entered(browser, "BBBB-BBBB") for _ in range(6)),
        *(stranger.http.post("/login", data={"email": "x"}) for _ in range(9)),
    ]
    with engine_for(site.services.settings).begin() as connection:
        connection.execute(text("DELETE FROM tenants"))
    return [*found, browser.http.get("/account")]


def _entered(browser: Browser, code: str) -> httpx.Response:
    page = browser.http.get("/device")
    return browser.http.post("/device", data={**hidden(page), "user_code": code})


def _failed_audit(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the code that an audit bears which found no way into its cloud."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    body = {"provider": "aws", "name": new_id("n"), "role_arn": ROLE_ARN}
    connection = tenant.http.post("/v1/connections", json=body).json()["id"]
    made = tenant.http.post("/v1/audits", json={"connection_ids": [connection]})
    worker = working.worker(tenant.services)
    while worker.run_once("audit"):  # those before it too
        pass
    return str(tenant.http.get(made.headers["location"]).json()["error"]["code"])


def test_every_code_of_the_catalogue_is_reached(
    strict_tenant: Any,
    make_tenant: Any,
    completed: Any,
    monkeypatch: pytest.MonkeyPatch,
    postgres: PostgresServer,
    tmp_path: Path,
) -> None:
    make_tenant(strict_tenant.services, strict_tenant.url)  # so that ambient credentials are off
    with serving_pages(tmp_path / "pages", roomy=False) as site:
        pages = _pages(site)
    answers = [
        *pages,
        *_queries(strict_tenant.http),
        *_bodies(strict_tenant.http),
        *_objects(strict_tenant, completed),
        *_credentials(strict_tenant),
        _broken(strict_tenant, monkeypatch),
        _over_quota(strict_tenant, monkeypatch),
        _unexplained(strict_tenant, monkeypatch),
        _without_database(postgres, tmp_path / "away", make_tenant),
    ]
    reached = {_code(answer) for answer in answers} | _filters(
        strict_tenant, completed(strict_tenant)
    )
    reached.add(_failed_audit(strict_tenant, monkeypatch))
    reached.add(_late(strict_tenant.url, monkeypatch))
    assert catalogue().keys() == reached


def test_a_malformed_request_line_has_its_code_too(tenant: Any) -> None:
    assert _sent(tenant.url, b"nonsense\r\n\r\n") == "invalid_request"
