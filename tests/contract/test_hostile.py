"""What attackers try (OWASP API Top 10 2023): each item that applies has a test here.

Tenants and cursors are in test_tenants and test_pagination, roles in test_roles, limits in
test_rate_limits, strict JSON in test_errors.
"""

from __future__ import annotations

import gc
import http.client
import logging
import random
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cloudsealed.auth import credential

SEED = 20260131
MALFORMED = 10_000
MASS = ("tenant_id", "id", "role", "is_admin", "created_at", "severity_override", "owner_id")


def test_mass_assignment_is_refused_on_every_body(tenant: Any) -> None:
    document = httpx.get(f"{tenant.url}/openapi.json", trust_env=False).json()
    finding = tenant.add_findings(1)[0]
    policy = tenant.http.get("/v1/policies?source=custom").json()["data"][0]["id"]
    idents = {"/v1/findings": finding, "/v1/policies": policy}
    tried = 0
    for path, methods in document["paths"].items():
        ident = idents.get(path.partition("/{id}")[0], "")
        for method in methods.keys() & {"post", "patch"}:
            if "requestBody" not in methods[method] or ("{id}" in path and not ident):
                continue
            for name in MASS:
                answer = tenant.http.request(method, path.replace("{id}", ident), json={name: "x"})
                if path == "/v1/policies/validate":
                    assert answer.json()["valid"] is False
                    continue
                assert answer.status_code == 422, (method, path, name, answer.text)
                known = name == "role" and path.startswith("/v1/users")  # a field of theirs
                expected = "invalid_field" if known else "unknown_field"
                assert answer.json()["error"]["code"] == expected
                tried += 1
    assert tried >= 7 * 7


@pytest.mark.parametrize("prefix", ["csat_", "csrt_", "csac_"])
def test_a_credential_of_another_kind_is_no_bearer_token(tenant: Any, prefix: str) -> None:
    with tenant.client(credential.mint(prefix)) as http:
        assert http.get("/v1/me").json()["error"]["code"] == "invalid_token"


def test_the_scheme_has_no_case_and_other_schemes_and_cookies_are_nothing(tenant: Any) -> None:
    text, url = tenant.token(), f"{tenant.url}/v1/me"
    for header, status in (
        (f"bearer {text}", 200), (f"BEARER {text}", 200), (f"Basic {text}", 401), (text, 401),
        ("Bearer", 401), (f"Bearer {text} {text}", 401),
        (f"Bearer {text}{'x' * 7000}", 401),
    ):  # fmt: skip
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
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
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


def test_cross_origin_requests_are_off(tenant: Any) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        tenant.http.get("/v1/me", headers=headers), tenant.http.options("/v1/me", headers=headers),
    ):  # fmt: skip
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_an_unknown_version_is_not_found_in_our_shape(tenant: Any) -> None:
    for path in ("/v2", "/v2/findings", "/v1/findings/", "/V1/findings", "/v1//findings"):
        answer = tenant.http.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["code"] == "not_found"


def test_a_failure_shows_no_trace_and_the_log_no_token(
    tenant: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = tenant.token()

    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(type(tenant.services.reports), "list", fail)
    with tenant.client(text) as http, caplog.at_level(logging.DEBUG):
        answer = http.get("/v1/reports")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text
    assert "secret detail" in caplog.text
    assert text not in caplog.text


def test_10_000_filters_and_long_lists_are_refused_cheaply(tenant: Any) -> None:
    for query in (
        "&".join(f"severity={n}" for n in range(700)), "severity=" + ",".join(["high"] * 101),
        "cursor=" + "A" * 7000, "&".join(f"x{n}=1" for n in range(900)), "sort=" + "-" * 5000,
    ):  # fmt: skip
        answer = tenant.http.get(f"/v1/findings?{query}")
        assert answer.status_code in (414, 422)
        assert answer.elapsed.total_seconds() < 1


def test_a_body_one_byte_over_the_limit_is_refused_chunked_or_not(tenant: Any) -> None:
    kind = {"content-type": "application/json"}
    whole = b'{"name": "' + b"x" * (2**20 - 12) + b'"}'
    assert len(whole) == 2**20
    for extra, status in ((b"", 422), (b" ", 413)):
        for content in (whole + extra, iter([whole, extra])):
            answer = tenant.http.post("/v1/tokens", content=content, headers=kind)
            assert answer.status_code == status


def _head(random_: random.Random, token: str) -> bytes:
    method = random_.choice(
        [b"GET", b"POST", b"PATCH", b"DELETE", b"HEAD", b"PUT", b"get", b"\x00"]
    )
    path = random_.choice([
        b"/v1/findings", b"/v1/policies", b"/v1/tokens/%00", b"/v1/findings/%ff%fe", b"/", b"*",
        b"//", b"/v1/../v1/me", b"/v1/audits/\xff", b"/v1/reports?%", b"http://x/v1/me", b"",
    ])  # fmt: skip
    query = random_.randbytes(random_.randrange(12)).hex().encode()
    version = random_.choice([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/x", b""])
    headers = [b"Host: x", b"Authorization: Bearer " + token.encode()]
    headers += random_.sample([
        b"Content-Length: -1", b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 6",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, gzip", b"Expect: 100-continue",
        b"Content-Type: application/json", b"Content-Type: \xff/\x01", b": x", b"A\x00: b",
        b"Accept: */*;q=x", b"If-Match: \"", b"Idempotency-Key: \xe9", b"Upgrade: websocket",
        b"Connection: upgrade", b"Range: bytes=0-", b"X-Forwarded-For: ,,,", b"Cookie: =;=",
        b"Content-Encoding: gzip", b"Content-Type: application/json; charset=utf-16",
    ], random_.randrange(6))  # fmt: skip
    return method + b" " + path + b"?" + query + b" " + version + b"\r\n" + b"\r\n".join(headers)


def _malformed(random_: random.Random, token: str) -> bytes:
    """Return a request that is wrong somewhere, or bytes that are none."""
    body = random_.choice([
        b"", b"{", b"[" * random_.randrange(200), b'{"a":1,"a":2}', b"\xff\xfe{}", b"NaN",
        b'{"name":"\\ud800"}', random_.randbytes(random_.randrange(80)), b"5\r\nhello\r\n0\r\n\r\n",
    ])  # fmt: skip
    whole = _head(random_, token) + b"\r\n\r\n" + body
    if random_.random() < 0.3:
        place = random_.randrange(len(whole))
        whole = whole[:place] + random_.randbytes(3) + whole[place + 1 :]
    return whole


def _status(url: str, request: bytes) -> int:
    """Return the status of an answer; 0 when the server closed without one."""
    parts = urlsplit(url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=10) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        try:
            head = client.recv(64)
        except ConnectionError:
            return 0
    return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0


def _resident() -> int:
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1])


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads its memory from /proc")
def test_10_000_malformed_requests_are_no_5xx_and_leave_no_memory_behind(tenant: Any) -> None:
    random_ = random.Random(SEED)
    token = tenant.token()
    for _ in range(1500):  # what is made once is made here
        _status(tenant.url, _malformed(random_, token))
    before = _resident()
    seen: dict[int, int] = {}
    for number in range(MALFORMED):
        if number % 900 == 0:
            token = tenant.token()  # whose budget is not spent yet
        request = _malformed(random_, token)
        status = _status(tenant.url, request)
        seen[status] = seen.get(status, 0) + 1
        assert status < 500, request
    assert seen.get(400, 0) > 1000
    assert len(seen) >= 6, seen
    assert _resident() <= before * 1.1
    assert tenant.http.get("/healthz").status_code == 200
