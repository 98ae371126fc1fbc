from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.api.listen import AddressNotFreeError, Listen, UnencryptedHostError
from cloudsealed.api.server import NotStartedError, server


def test_another_host_is_refused_before_anything_is_served(services: Any) -> None:
    with pytest.raises(UnencryptedHostError, match="--behind-proxy"):
        server(services, Listen("0.0.0.0"))


def test_localhost_and_the_loopback_network_are_this_machine() -> None:
    for host in ("localhost", "127.0.0.1", "127.1.2.3", "::1"):
        Listen(host).check()


def test_a_server_says_nothing_of_what_it_is(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"server:" not in answer.lower()


def test_an_idle_connection_outlives_that_of_a_load_balancer(services: Any) -> None:
    assert server(services, Listen()).config.timeout_keep_alive == 75 > 60
    longer = replace(services, settings=replace(services.settings, keep_alive_seconds=300))
    assert server(longer, Listen()).config.timeout_keep_alive == 300


def test_who_stands_behind_a_proxy_without_saying_where_is_told(
    services: Any, caplog: pytest.LogCaptureFixture
) -> None:
    known = replace(services.settings, public_url="https://example.com")
    server(replace(services, settings=known), Listen(behind_proxy=True))
    assert "links lead to https://example.com, as CLOUDSEALED_PUBLIC_URL says" in caplog.text
    caplog.clear()
    same = replace(services.settings, public_url=services.settings.listens_at)
    server(replace(services, settings=same), Listen())
    server(services, Listen())
    assert "PUBLIC_URL" not in caplog.text
    server(services, Listen(behind_proxy=True))
    assert "CLOUDSEALED_PUBLIC_URL is not set" in caplog.text


def test_the_address_of_a_server_is_what_it_listens_on() -> None:
    with Listen("localhost", 0).taken() as taken:
        port = taken.sockets[0].getsockname()[1]
        assert taken.url == f"http://localhost:{port}"
        assert {each.getsockname()[1] for each in taken.sockets} == {port}
        for each in taken.sockets:
            each.listen()
        second = Listen("127.0.0.1", port).taken()
        with pytest.raises(AddressNotFreeError, match="taken by another program"):
            second.__enter__()
    assert Listen("::1").url(8000) == "http://[::1]:8000"
    tls = Listen("0.0.0.0", tls_cert=Path("a"), tls_key=Path("b"))
    assert tls.url(443) == f"https://{socket.gethostname().lower()}:443"


def test_a_server_that_cannot_begin_is_an_error_of_ours(services: Any) -> None:
    """Its exit code would be uvicorn's own otherwise, which is that of findings."""
    with Listen(port=0).taken() as taken:
        refused = server(services, Listen())
        refused.config.app = _refuse_to_begin
        with pytest.raises(NotStartedError):
            refused.run(taken.sockets)


async def _refuse_to_begin(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no"})
