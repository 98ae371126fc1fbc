"""Ten thousand requests that are wrong: none is a 5xx, and the server's memory comes back."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.contract.conftest import Tenant, prepared
from tests.waiting import SECONDS, until

from cloudsealed.settings import parse_budget

SEED = 20260131
MALFORMED = 10_000
WARM = 2_000
GROWTH = 1.1

_SERVE = """
import ctypes, gc, sys, threading
from pathlib import Path
from cloudsealed.api.server import Listen, server
from cloudsealed.console import Console
from cloudsealed.settings import Settings, parse_budget
from cloudsealed.wiring import build_services
import asyncio

def resident():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back before it is counted
    return int(Path("/proc/self/statm").read_text().split()[1])

def answer():
    for _ in sys.stdin:
        print(resident(), flush=True)

async def main():
    services = build_services(
        Settings(data_dir=Path(sys.argv[1]), limit_anonymous=parse_budget("1000000/minute"))
    )
    running = server(services, Listen(port=0), Console(services))
    task = asyncio.create_task(running.serve())
    while not running.started:
        await asyncio.sleep(0.01)
    print(running.servers[0].sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=answer, daemon=True).start()
    await task

asyncio.run(main())
"""


_UNFINISHED = (
    b"POST /tokens/report-leak HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 1000000\r\n\r\n" + b" " * 900_000
)


class Server:
    """A server in a process of its own, which says how much memory it holds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = self._said()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _said(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the server ended"
        return int(line)

    def resident(self) -> int:
        """Return the pages of memory that it holds once everything unused was given back."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._said()


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)


def _head(random_: random.Random, token: str) -> bytes:
    method = random_.choice(
        [b"GET", b"POST", b"PATCH", b"DELETE", b"HEAD", b"PUT", b"get", b"\x00"]
    )
    path = random_.choice(
        [
            b"/v1/findings",
            b"/v1/policies",
            b"/v1/tokens/%00",
            b"/v1/findings/%ff%fe",
            b"/",
            b"*",
            b"//",
            b"/v1/../v1/me",
            b"/v1/audits/\xff",
            b"/v1/reports?%",
            b"http://x/v1/me",
            b"",
        ]
    )
    query = random_.randbytes(random_.randrange(12)).hex().encode()
    version = random_.choice([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/x", b""])
    headers = [b"Host: x", b"Authorization: Bearer " + token.encode()]
    headers += random_.sample(
        [
            b"Content-Length: -1",
            b"Content-Length: 5",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: chunked, gzip",
            b"Expect: 100-continue",
            b"Content-Type: application/json",
            b"Content-Type: \xff/\x01",
            b": x",
            b"A\x00: b",
            b"Accept: */*;q=x",
            b'If-Match: "',
            b"Idempotency-Key: \xe9",
            b"Upgrade: websocket",
            b"Connection: upgrade",
            b"Range: bytes=0-",
            b"X-Forwarded-For: ,,,",
            b"Cookie: =;=",
            b"Content-Encoding: gzip",
            b"Content-Type: application/json; charset=utf-16",
        ],
        random_.randrange(6),
    )
    return method + b" " + path + b"?" + query + b" " + version + b"\r\n" + b"\r\n".join(headers)


def _malformed(random_: random.Random, token: str) -> bytes:
    """Return a request that is wrong somewhere, or bytes that are none."""
    body = random_.choice(
        [
            b"",
            b"{",
            b"[" * random_.randrange(200),
            b'{"a":1,"a":2}',
            b"\xff\xfe{}",
            b"NaN",
            b'{"name":"\\ud800"}',
            random_.randbytes(random_.randrange(80)),
            b"5\r\nhello\r\n0\r\n\r\n",
        ]
    )
    whole = _head(random_, token) + b"\r\n\r\n" + body
    if random_.random() < 0.3:
        place = random_.randrange(len(whole))
        whole = whole[:place] + random_.randbytes(3) + whole[place + 1 :]
    return whole


def _status(port: int, request: bytes) -> int:
    """Return the status of an answer; 0 when the server closed without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        try:
            head = client.recv(64)
        except ConnectionError:
            return 0
    return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/") else 0


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_10_000_malformed_requests_are_no_5xx_and_leave_no_memory_behind(
    tmp_path: Path, make_tenant: Any
) -> None:
    services = prepared(tmp_path, limit_anonymous=parse_budget("1000000/minute"))
    random_, seen = random.Random(SEED), dict.fromkeys((0, 400), 0)
    with running(tmp_path) as server:
        tenant: Tenant = make_tenant(services, server.url)
        for number in range(WARM + MALFORMED):
            if number == WARM:  # what is made once was made
                before = server.resident()
            if number % 900 == 0:
                token = tenant.token()  # whose budget is not spent yet
            request = _malformed(random_, token)
            status = _status(server.port, request)
            seen[status] = seen.get(status, 0) + 1
            assert status < 500, request
        after = server.resident()
        assert httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
    services.database.close()
    assert seen[400] > 1000
    assert len(seen) >= 6, seen
    assert after <= before * GROWTH, (before, after)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_memory_that_a_server_keeps_is_seen(tmp_path: Path) -> None:
    prepared(tmp_path).database.close()
    with running(tmp_path) as server:
        before = server.resident()
        held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
        for client in held:
            client.sendall(_UNFINISHED)
        until(lambda: server.resident() > before * GROWTH, "it has grown")
        for client in held:
            client.close()
