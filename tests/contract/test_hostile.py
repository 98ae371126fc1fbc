"""What attackers try (OWASP API Security Top 10, 2023): each item that applies has a test.

API1 (others' objects): test_tenants, test_pagination. API2 (authentication): here, in
test_hostile_login, test_authentication and test_oauth. API3 (fields): here; what answers hold is
judged by the guard of every test. API4 and API6 (consumption, flows): here, in test_hostile_flows,
test_hostile_bytes and test_rate_limits. API5 (functions): test_roles. API7 and API10 (what leads
out, what comes in): test_hostile_cloud, and the tests of collectors and reports. API8 and API9
(configuration, inventory): here and in test_roles.
"""

from __future__ import annotations

import http.client
import io
import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.waiting import SECONDS, until

from cloudsealed.auth import credential
from cloudsealed.kit.logs import LineFormatter, LogHandler

MASS = ("tenant_id", "id", "role", "is_admin", "created_at", "severity_override", "owner_id")


def _owned(tenant: Any, audit: str) -> dict[str, str]:
    """Return an object of the tenant's for every path with an id that takes a body."""
    role = {"provider": "aws", "name": "x", "role_arn": "arn:aws:iam::123456789012:role/a"}
    app = {"name": "x", "redirect_uris": ["https://x.example.com/"], "scopes": ["findings:read"]}
    machine = {"name": "x", "role": "viewer"}
    account = tenant.http.post("/v1/service_accounts", json=machine).json()
    made = {
        "/v1/connections": role,
        "/v1/oauth/apps": app,
        "/v1/oauth/clients": {"name": "x", "user_id": account["id"], "scopes": ["findings:read"]},
        "/v1/tokens": {"name": "x", "scopes": ["findings:read"]},
        "/v1/users": {"email": "mass@example.com", "role": "viewer"},
        "/v1/views": {"name": "x", "of": "findings", "query": {}},
        "/v1/schedules": {
            "name": "x",
            "cron": "0 6 * * 1",
            "report": {"kind": "executive_summary"},
        },
    }
    finding = tenant.add_findings(1)[0]
    policy = tenant.http.get("/v1/policies?source=custom").json()["data"][0]["id"]
    known = {"/v1/findings": finding, "/v1/policies": policy, "/v1/audits": audit}
    return known | {
        path: tenant.http.post(path, json=body).json()["id"] for path, body in made.items()
    }


def _fields(document: Any, schema: Any) -> set[str]:
    """Return the names that a body may have, of any of its kinds."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    kinds = (_fields(document, kind) for kind in schema.get("oneOf", ()))
    return set(schema.get("properties", ())).union(*kinds)


def test_mass_assignment_is_refused_on_every_body_and_changes_nothing(
    tenant: Any, completed: Any
) -> None:
    document = tenant.http.get("/openapi.json").json()
    owned = _owned(tenant, completed(tenant))
    before = {path: tenant.http.get(f"{path}/{ident}").json() for path, ident in owned.items()}
    bodies = [
        (method, path, operation["requestBody"]["content"]["application/json"]["schema"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]
    assert len(bodies) >= 16
    for method, path, schema in bodies:
        known = _fields(document, schema)
        target = path.replace("{id}", owned[path.partition("/{id}")[0]]) if "{" in path else path
        for name in set(MASS) - known:
            answer = tenant.http.request(method, target, json={name: "x"})
            if path == "/v1/policies/validate":  # what is wrong is its answer
                assert answer.json()["valid"] is False
                continue
            assert answer.status_code == 422, (method, path, name, answer.text)
            assert answer.json()["error"]["code"] == "unknown_field", (method, path, name)
    assert before == {
        path: tenant.http.get(f"{path}/{ident}").json() for path, ident in owned.items()
    }


@pytest.mark.parametrize("prefix", ["csat_", "csrt_", "csac_"])
def test_a_credential_of_another_kind_is_no_bearer_token(tenant: Any, prefix: str) -> None:
    with tenant.client(credential.mint(prefix)) as http:
        assert http.get("/v1/me").json()["error"]["code"] == "invalid_token"


def test_the_scheme_has_no_case_and_other_schemes_and_cookies_are_nothing(tenant: Any) -> None:
    text, url = tenant.token(), f"{tenant.url}/v1/me"
    for header, status in (
        (f"bearer {text}", 200),
        (f"BEARER {text}", 200),
        (f"Basic {text}", 401),
        (text, 401),
        ("Bearer", 401),
        (f"Bearer {text} {text}", 401),
        (f"Bearer {text}{'x' * 7000}", 401),
    ):
        answer = httpx.get(url, headers={"Authorization": header}, trust_env=False)
        assert answer.status_code == status, header[:20]
    for cookies in ({"token": text}, {"access_token": text}, {"Authorization": f"Bearer {text}"}):
        with httpx.Client(cookies=cookies, trust_env=False) as http:
            assert http.get(url).status_code == 401


def test_a_form_is_no_place_for_a_token(tenant: Any) -> None:
    answer = httpx.post(
        f"{tenant.url}/v1/findings", data={"access_token": tenant.token()}, trust_env=False
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT"])
def test_methods_that_nothing_takes_are_405_or_refused(tenant: Any, method: str) -> None:
    parts = urlsplit(tenant.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=SECONDS)
    connection.putrequest(method, "/v1/me")
    connection.putheader("Authorization", f"Bearer {tenant.token()}")
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status in (400, 405)
    assert b"Bearer" not in body, "TRACE would echo the credential"
    connection.close()


def test_a_hosts_name_never_reaches_a_link(tenant: Any) -> None:
    tenant.add_findings(2)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    listed = tenant.http.get("/v1/findings?limit=1", headers=headers)
    made = tenant.http.post(
        "/v1/tokens", headers=headers, json={"name": "x", "scopes": ["findings:read"]}
    )
    document = httpx.get(f"{tenant.url}/openapi.json", headers=headers, trust_env=False)
    metadata = httpx.get(
        f"{tenant.url}/.well-known/oauth-authorization-server", headers=headers, trust_env=False
    )
    for answer in (listed, made, document, metadata):
        assert "evil.example" not in answer.text + str(answer.headers.raw), answer.url
    assert "link" in listed.headers


def test_every_response_says_that_it_is_what_it_says(tenant: Any) -> None:
    for path in ("/v1/me", "/v1/nope", "/healthz", "/docs", "/openapi.json"):
        assert tenant.http.get(path).headers["x-content-type-options"] == "nosniff", path


def test_a_header_that_names_another_path_or_scheme_changes_nothing(tenant: Any) -> None:
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"):
        answer = tenant.http.get("/v1/me", headers={name: "/v1/nope"})
        assert answer.json()["object"] == "me", name
        with tenant.client(None) as http:
            assert http.get("/v1/me", headers={name: "/healthz"}).status_code == 401
            assert http.get("/v1/me;/healthz").status_code == 401
            assert http.get("/healthz/../v1/me").status_code == 401


def test_cross_origin_requests_are_off(tenant: Any) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        tenant.http.get("/v1/me", headers=headers),
        tenant.http.options("/v1/me", headers=headers),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_unknown_version_is_not_found_in_our_shape(tenant: Any) -> None:
    for path in ("/v2", "/v2/findings", "/v1/findings/", "/V1/findings", "/v1//findings"):
        answer = tenant.http.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.inside
def test_a_failure_shows_no_trace_and_the_log_no_token(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = tenant.token()

    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(tenant.services.reports), "list", fail)
    log = io.StringIO()
    handler = LogHandler(log)
    handler.setFormatter(LineFormatter())
    with tenant.client(text) as http, caplog.at_level(logging.DEBUG):
        logging.getLogger().addHandler(handler)
        answer = http.get("/v1/reports")
        until(lambda: "secret detail" in log.getvalue(), "it is logged, maybe after the answer")
        logging.getLogger().removeHandler(handler)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert f"request={answer.headers['x-request-id']}" in log.getvalue()
    assert text not in caplog.text + log.getvalue()


def test_10_000_filters_and_long_lists_are_refused_cheaply(
    tenant: Any, statements: list[str]
) -> None:
    for query in (
        "&".join(f"severity={n}" for n in range(700)),
        "severity=" + ",".join(["high"] * 101),
        "cursor=" + "A" * 7000,
        "&".join(f"x{n}=1" for n in range(900)),
        "sort=" + "-" * 5000,
    ):
        answer = tenant.http.get(f"/v1/findings?{query}")
        assert answer.status_code in (414, 422)
    assert not [each for each in statements if "FROM findings" in each]


def test_a_body_one_byte_over_the_limit_is_refused_chunked_or_not(tenant: Any) -> None:
    kind = {"content-type": "application/json"}
    whole = b'{"name": "' + b"x" * (2**20 - 12) + b'"}'
    assert len(whole) == 2**20
    for extra, status in ((b"", 422), (b" ", 413)):
        for content in (whole + extra, iter([whole, extra])):
            answer = tenant.http.post("/v1/tokens", content=content, headers=kind)
            assert answer.status_code == status
