"""What leaves is coded where the client asks and it is worth it, and says on what it depends."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from cloudsealed.api.gate.edge import SMALLEST, Edge
from cloudsealed.api.gate.place import Place

JSON = b"application/json"
LONG = b'{"data":"' + b"x" * 4000 + b'"}'


def asked(
    accepted: str | None,
    *pieces: bytes,
    method: str = "GET",
    status: int = 200,
    kind: bytes = JSON,
    **headers: str,
) -> httpx.Response:
    """Return the answer of an application that sends these pieces through the edge."""
    given = [(b"content-type", kind)] if kind else []
    given += [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    if len(pieces) == 1:
        given.append((b"content-length", b"%d" % len(pieces[0])))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": given})
        for number, piece in enumerate(pieces, start=1):
            body = b"" if method == "HEAD" else piece
            more = number < len(pieces)
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def ask() -> httpx.Response:
        edge = Edge(application, Place("http://x", follows_host=False))
        transport = httpx.ASGITransport(edge)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            http.headers.clear()
            sent = {} if accepted is None else {"Accept-Encoding": accepted}
            return await http.request(method, "/", headers=sent)

    return asyncio.run(ask())


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_a_long_text_is_coded_as_asked_and_its_tag_becomes_weak(name: str) -> None:
    answer = asked(name, LONG, etag='"a"')
    assert answer.headers["content-encoding"] == name
    assert answer.headers["etag"] == 'W/"a"'
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < len(LONG)
    assert answer.content == LONG


def test_without_being_asked_nothing_is_coded_and_the_answer_says_that_it_depends() -> None:
    for accepted in (None, "", "deflate", "gzip;q=0", "identity;q=0"):
        answer = asked(accepted, LONG, etag='"a"')
        assert "content-encoding" not in answer.headers
        assert answer.headers["etag"] == '"a"'
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) == len(LONG) == len(answer.content)


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        (b"application/pdf", {}),
        (b"application/zip", {}),
        (b"text/html; charset=utf-8", {}),
        (b"text/event-stream", {}),
        (b"", {}),
        (JSON, {"cache-control": "no-store"}),
        (JSON, {"accept-ranges": "bytes"}),
        (JSON, {"content-encoding": "br"}),
    ],
)
def test_what_is_compressed_secret_a_stream_or_a_file_is_left_alone(
    kind: bytes, headers: dict[str, str]
) -> None:
    coded = headers.get("content-encoding")
    answer = asked("gzip", b"" if coded else LONG, kind=kind, **headers)
    assert answer.headers.get("content-encoding") == coded
    assert "vary" not in answer.headers


def test_what_is_small_is_coded_only_for_who_takes_nothing_else() -> None:
    small = LONG[: SMALLEST - 1]
    assert "content-encoding" not in asked("gzip", small).headers
    assert asked("gzip, identity;q=0", small).headers["content-encoding"] == "gzip"
    assert asked("gzip", LONG[:SMALLEST]).headers["content-encoding"] == "gzip"


def test_what_comes_in_pieces_is_coded_in_pieces() -> None:
    for name in ("gzip", "br", "zstd"):
        answer = asked(name, b"", LONG, b"", LONG, b"")
        assert answer.headers["content-encoding"] == name
        assert "content-length" not in answer.headers
        assert answer.content == LONG + LONG


def test_a_head_says_what_a_get_would_but_for_the_length() -> None:
    answer = asked("gzip", LONG, method="HEAD", etag='"a"')
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["etag"] == 'W/"a"'
    assert "content-length" not in answer.headers
    plain = asked("gzip", b"{}", method="HEAD")
    assert plain.headers["content-length"] == "2"


def test_an_answer_without_a_body_says_that_it_depends_when_its_copy_does() -> None:
    answer = asked("gzip", b"", status=304, kind=b"")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in answer.headers
    assert "vary" not in asked("gzip", b"", status=204, kind=b"").headers
