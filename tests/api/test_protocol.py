from __future__ import annotations

import re
import socket
import threading
from dataclasses import replace
from typing import Any

import orjson
import pytest
from tests.waiting import SECONDS, until

from cloudsealed.api import protocol
from cloudsealed.api.server import Listen, server

HEAD = b"POST /tokens/report-leak HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads and bodies must arrive within parts of a second."""
    monkeypatch.setattr(protocol, "SECONDS", {"head": 0.3, "body": 0.3})


def _ask(port: int, *pieces: bytes) -> bytes:
    """Send pieces and return everything that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        for piece in pieces:
            client.sendall(piece)
        answer = b""
        while more := client.recv(65536):
            answer += more
        return answer


def _refused(answer: bytes, status: int, code: str) -> None:
    """Check that the last of the answers is a refusal in the contract's shape."""
    head, _, body = answer[answer.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    error = orjson.loads(body)["error"]
    assert error["code"] == code
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["x-request-id"] == error["request_id"]
    assert re.fullmatch(r"req_[0-9A-HJKMNP-TV-Z]{26}", error["request_id"])
    assert headers["x-ratelimit-resource"] == "anonymous"
    assert int(headers["x-ratelimit-remaining"]) < int(headers["x-ratelimit-limit"])


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a b\r\n", b"Host: a/b\r\n"]
)
@pytest.mark.parametrize("target", [b"GET /healthz", b"GET /v1/me", b"OPTIONS /v1/me", b"HEAD /"])
def test_a_request_without_one_good_host_is_refused(port: int, hosts: bytes, target: bytes) -> None:
    request = target + b" HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
    answer = _ask(port, request)
    if target in (b"HEAD /", b"GET /healthz"):  # without a body, without a budget
        assert answer.startswith(b"HTTP/1.1 400 ")
    else:
        _refused(answer, 400, "invalid_request")


def test_http_1_0_needs_no_host(port: int) -> None:
    assert _ask(port, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: b\x00c\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_is_400_in_the_contracts_shape(port: int, request_bytes: bytes) -> None:
    _refused(_ask(port, request_bytes), 400, "invalid_request")


def test_a_chunk_that_is_malformed_is_400(port: int) -> None:
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    _refused(_ask(port, start, b"not a size\r\n"), 400, "invalid_request")


def test_a_malformed_request_waits_for_the_answer_of_the_one_before_it(port: int) -> None:
    answer = _ask(port, GET + b"\r\n" + b"nonsense\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    _refused(answer, 400, "invalid_request")


def test_a_head_that_does_not_arrive_in_time_is_408(quick: None, port: int) -> None:
    _refused(_ask(port, GET), 408, "request_timeout")


def test_a_connection_that_asks_nothing_is_kept_as_an_idle_one_and_closed_without_a_word(
    services: Any, quick: None
) -> None:
    brief = replace(services, settings=replace(services.settings, keep_alive_seconds=1))
    running = server(brief, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, "the server starts")
    number = running.servers[0].sockets[0].getsockname()[1]
    assert _ask(number) == b""
    _refused(_ask(number, GET), 408, "request_timeout")
    running.should_exit = True
    thread.join(SECONDS)


def test_a_connection_that_asks_late_is_answered(quick: None, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.settimeout(1)
        with pytest.raises(TimeoutError):  # longer than a head may take
            client.recv(1)
        client.settimeout(SECONDS)
        client.sendall(GET + b"Connection: close\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_arrive_in_time_is_408(quick: None, port: int) -> None:
    _refused(_ask(port, HEAD + b"Content-Length: 9\r\n\r\n{"), 408, "request_timeout")


def test_a_body_that_nobody_waits_for_may_not_take_longer(quick: None, port: int) -> None:
    answer = _ask(port, GET + b"Content-Length: 9\r\n\r\n{")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_a_whole_head_over_16_kb_is_431_and_a_long_target_414(port: int) -> None:
    for target, header, status, code in (
        (b"nope", 17000, 431, "headers_too_large"),
        (b"x" * 9000, 1, 414, "uri_too_long"),
    ):
        head = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % target
        _refused(_ask(port, head + b"A: " + b"x" * header + b"\r\n\r\n"), status, code)


@pytest.mark.parametrize(
    ("start", "status", "code"),
    [(GET + b"A: ", 431, "headers_too_large"), (b"GET /", 414, "uri_too_long")],
)
def test_a_head_that_does_not_end_is_refused_at_16_kb(
    port: int, start: bytes, status: int, code: str
) -> None:
    _refused(_ask(port, start + b"x" * 16385), status, code)


def test_what_follows_a_refusal_is_not_read(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(GET + b"A: ")
        with pytest.raises(ConnectionError):
            client.sendall(b"x" * 100_000_000)


def test_a_connection_is_kept_between_requests_that_arrive_whole(port: int) -> None:
    asked = (GET + b"\r\n") * 3 + GET + b"Connection: close\r\n\r\n"
    assert _ask(port, asked).count(b"HTTP/1.1 200 OK") == 4


def test_a_request_in_pieces_is_answered(port: int) -> None:
    whole: Any = GET + b"Connection: close\r\n\r\n"
    pieces = [whole[i : i + 5] for i in range(0, len(whole), 5)]
    assert _ask(port, *pieces).startswith(b"HTTP/1.1 200 OK")
