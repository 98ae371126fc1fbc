"""Files and ranges of them, as RFC 9110, section 14, has it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from cloudsealed.api.errors import RangeNotSatisfiableError
from cloudsealed.api.files import File, response

CONTENT = bytes(range(100))


def _open(start: int) -> Any:
    yield from (CONTENT[at : at + 7] for at in range(start, len(CONTENT), 7))


FILE = File(_open, len(CONTENT), "ab" * 32, "application/zip", "a.zip")


def asked(only_head: bool = False, is_known: bool = False, **headers: str) -> tuple[Any, bytes]:
    """Return the response to a request with these headers, and its body."""
    given = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    request = Request({"type": "http", "headers": given})
    answer = response(FILE, request, only_head=only_head, is_known=is_known)
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Any:
        await asyncio.Event().wait()

    asyncio.run(answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send))
    return answer, b"".join(sent)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 100),
        ("bytes=-5", 95, 100),
        ("bytes=-500", 0, 100),
        ("bytes=10-999999999999", 10, 100),
        ("Bytes=5-5", 5, 6),
        ("bytes=0-99", 0, 100),
    ],
)
def test_one_range_is_served_as_206_with_what_it_is_of(wanted: str, start: int, end: int) -> None:
    answer, body = asked(range=wanted)
    assert answer.status_code == 206
    assert body == CONTENT[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == FILE.tag


@pytest.mark.parametrize("wanted", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=999-"])
def test_bytes_that_there_are_none_of_are_416_with_the_size(wanted: str) -> None:
    with pytest.raises(RangeNotSatisfiableError) as error:
        asked(range=wanted)
    assert error.value.headers["Content-Range"] == "bytes */100"


@pytest.mark.parametrize(
    "wanted",
    ["", "bytes=", "bytes=-", "bytes=5-4", "bytes=a-b", "bytes=0-1,5-6", "items=0-1", "bytes=+1-2"],
)
def test_what_is_no_single_range_is_answered_with_the_whole_file(wanted: str) -> None:
    answer, body = asked(range=wanted)
    assert (answer.status_code, body) == (200, CONTENT)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == "100"
    assert "content-range" not in answer.headers


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (FILE.tag, 206),
        (f"W/{FILE.tag}", 200),
        ('"other"', 200),
        ("Sun, 29 Nov 2026 00:00:00 GMT", 200),
    ],
)
def test_a_range_is_of_the_file_that_if_range_names_or_the_file_is_whole(
    condition: str, status: int
) -> None:
    assert asked(range="bytes=0-9", if_range=condition)[0].status_code == status


def test_a_head_has_the_headers_of_the_whole_file_and_reads_none_of_it() -> None:
    answer, body = asked(only_head=True, range="bytes=0-9")
    assert (answer.status_code, body, answer.headers["content-length"]) == (200, b"", "100")
    assert answer.headers["content-type"] == "application/zip"


def test_who_has_the_file_is_told_so() -> None:
    answer, body = asked(is_known=True, range="bytes=0-9")
    assert (answer.status_code, body, answer.headers["etag"]) == (304, b"", FILE.tag)
