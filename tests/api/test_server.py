from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cloudsealed.api import server as servers
from cloudsealed.api.server import Listen, UnencryptedHostError, server


@pytest.fixture
def port(services: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(servers, "HEAD_SECONDS", 0.3)
    running = server(services, Listen(port=0))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    ends = time.monotonic() + 20
    while not running.started:
        assert time.monotonic() < ends
        time.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    thread.join(20)


def test_another_host_is_refused_before_anything_is_served(services: Any) -> None:
    with pytest.raises(UnencryptedHostError, match="--behind-proxy"):
        server(services, Listen("0.0.0.0"))


def test_localhost_and_the_loopback_network_are_this_machine() -> None:
    for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1"):
        Listen(host).check()


def test_a_head_that_does_not_arrive_in_time_closes_the_connection(port: int) -> None:
    for start in (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(start)
            assert client.recv(1000) == b""


def test_a_head_that_does_not_end_closes_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            client.sendall(b"x" * 100_000_000)


def test_a_server_says_nothing_of_what_it_is(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()
