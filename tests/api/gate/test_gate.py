from __future__ import annotations

import asyncio
from typing import Any

import orjson
from prometheus_client.parser import text_string_to_metric_families

from cloudsealed.api.app import create_app

ORIGIN = "https://app.example.com"


def test_a_preflight_from_a_listed_origin_needs_no_credential(connect: Any) -> None:
    async def ask() -> None:
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
        async with connect(anonymous=True) as http:
            answers = [await http.options(p, headers=headers) for p in ("/v1/me", "/v1/nope")]
            for answer in answers:
                assert answer.status_code == 204
                assert answer.headers["access-control-allow-origin"] == ORIGIN
                assert "Authorization" in answer.headers["access-control-allow-headers"]
                assert "x-ratelimit-limit" in answer.headers
            other = await http.options("/v1/me", headers={**headers, "Origin": "https://evil"})
            assert other.status_code == 401
            assert "access-control-allow-origin" not in other.headers

    asyncio.run(ask())


def test_an_answer_to_a_listed_origin_exposes_its_headers(connect: Any) -> None:
    async def ask() -> None:
        async with connect() as http:
            answer = await http.get("/v1/me", headers={"Origin": ORIGIN})
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            exposed = answer.headers["access-control-expose-headers"].split(", ")
            for name in (
                "X-Request-Id",
                "Location",
                "Content-Disposition",
                "WWW-Authenticate",
                "ETag",
                "Idempotency-Replayed",
                "Retry-After",
                "Link",
                "Deprecation",
                "Sunset",
            ):
                assert name in exposed
            assert "access-control-allow-credentials" not in answer.headers

    asyncio.run(ask())


def test_each_address_has_its_own_anonymous_budget(connect: Any) -> None:
    async def ask() -> None:
        async with connect("192.0.2.1", anonymous=True) as one:
            for _ in range(61):
                last = await one.get("/v1/me")
            assert last.status_code == 429
        async with connect("192.0.2.2", anonymous=True) as other:
            assert (await other.get("/v1/me")).status_code == 401
        async with connect("10.0.0.1", anonymous=True) as proxy:
            answer = await proxy.get("/v1/me", headers={"X-Forwarded-For": "192.0.2.1"})
            assert answer.status_code == 429

    asyncio.run(ask())


def test_two_credentials_come_before_the_budget_of_the_address(connect: Any) -> None:
    async def ask() -> None:
        async with connect("192.0.2.9", anonymous=True) as http:
            for _ in range(61):
                await http.get("/v1/me")
            both = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
            assert (await http.get("/v1/me", headers=both)).status_code == 400

    asyncio.run(ask())


def test_requests_are_counted_by_route_method_and_status(connect: Any) -> None:
    async def ask() -> str:
        async with connect() as http:
            await http.get("/v1/me")
            await http.get("/v1/findings/fnd_x")
            await http.request("BREW", "/nope")
            text: str = (await http.get("/metrics")).text
            return text

    text = asyncio.run(ask())
    name = "cloudsealed_http_responses_total"
    counted = {
        (s.labels["route"], s.labels["method"], s.labels["status"]): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if s.name == name
    }
    assert counted == {
        ("/v1/me", "GET", "200"): 1,
        ("/v1/findings/{id}", "GET", "404"): 1,
        ("unmatched", "other", "404"): 1,
    }
    timed = 'cloudsealed_http_response_seconds_count{method="GET",route="/v1/me"} 1'
    assert timed in text
    assert "fnd_x" not in text


def test_the_application_itself_sends_no_body_to_head(connect: Any) -> None:
    async def ask() -> None:
        async with connect() as http:
            got, head = await http.get("/v1/me"), await http.head("/v1/me")
            missing = await http.head("/v1/nope")
            assert head.status_code == 200
            assert head.content == missing.content == b""
            assert head.headers["content-length"] == got.headers["content-length"] != "0"
            assert missing.status_code == 404

    asyncio.run(ask())


def test_what_still_waits_when_the_server_ends_is_told_so_as_any_other(services: Any) -> None:
    sent: list[Any] = []

    async def ask() -> None:
        waits = asyncio.Event()

        async def receive() -> Any:
            waits.set()
            await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/tokens/report-leak",
            "query_string": b"",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", b"5"),
            ],
            "client": ("192.0.2.1", 1),
        }
        asked = asyncio.create_task(create_app(services)(scope, receive, send))
        await waits.wait()
        asked.cancel()
        await asked

    asyncio.run(ask())
    start, body = sent
    headers = dict(start["headers"])
    error = orjson.loads(body["body"])["error"]
    assert (start["status"], error["code"]) == (503, "service_unavailable")
    assert error["request_id"].encode() == headers[b"x-request-id"]
    assert b"ratelimit" in headers
