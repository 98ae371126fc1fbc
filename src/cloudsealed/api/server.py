"""Serves the API with uvicorn: on the loopback unless the way to it is encrypted."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cloudsealed.api.app import create_app
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.wiring import Services

HEAD_SECONDS = 10
LARGEST_HEAD = 64 * 1024  # the gate answers 431 from 16 kB; beyond this the connection is closed
_GRACE_SECONDS = 10

_log = logging.getLogger("cloudsealed.api")


class UnencryptedHostError(CloudSealedError):
    """The server was to listen beyond this machine without TLS and without a proxy before it."""

    code = "unencrypted_host"
    status = 500


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and what encrypts the way to it."""

    host: str = "127.0.0.1"
    port: int = 8000
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False

    def check(self) -> None:
        """Raise UnencryptedHostError unless bearer tokens cannot cross a network in the clear."""
        if _is_loopback(self.host) or self.behind_proxy or (self.tls_cert and self.tls_key):
            return
        raise UnencryptedHostError(
            f"{self.host} is not this machine alone: give --tls-cert and --tls-key, or"
            " --behind-proxy when a proxy before it speaks TLS"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose heads are bounded in size and time; beyond that the connection is closed."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._head_timer: asyncio.TimerHandle | None = None
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, unless it belongs to a head that does not end."""
        if self._head_timer is not None:
            if self._head_size > LARGEST_HEAD:
                self._give_up()
                return
            self._head_size += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Wait for the rest of a new head."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Stop waiting: the head is here."""
        self._head_arrived()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_arrived()
        self._head_size = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def server(services: Services, listen: Listen) -> uvicorn.Server:
    """Return a server that is ready to run; raises UnencryptedHostError."""
    listen.check()
    config = uvicorn.Config(
        create_app(services),
        host=listen.host,
        port=listen.port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        server_header=False,
        proxy_headers=False,  # the gate reads X-Forwarded-For, from trusted proxies alone
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=str(listen.tls_cert) if listen.tls_cert else None,
        ssl_keyfile=str(listen.tls_key) if listen.tls_key else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    return uvicorn.Server(config)


def run(services: Services, listen: Listen) -> None:
    """Serve until a signal says stop."""
    server(services, listen).run()
