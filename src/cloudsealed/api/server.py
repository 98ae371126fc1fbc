"""Serves the API with uvicorn: on the loopback unless the way to it is encrypted."""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import uvicorn

from cloudsealed.api.app import create_app
from cloudsealed.api.faces import Pages
from cloudsealed.api.feed import Feed
from cloudsealed.api.protocol import BoundedProtocol
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.wiring import Services

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


class _Server(uvicorn.Server):
    """Ends streams when it is asked to stop: they would last for as long as they may."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, then stop as uvicorn does."""
        self._feed.close()
        await super().shutdown(sockets)


def server(services: Services, listen: Listen, pages: Pages | None = None) -> uvicorn.Server:
    """Return a server that is ready to run; raises UnencryptedHostError."""
    listen.check()
    if listen.behind_proxy and not services.settings.has_public_url:
        _log.warning(
            "CLOUDSEALED_PUBLIC_URL is not set: links lead to the host that the proxy asks for, by"
            " http"
        )
    feed = Feed(services)
    config = uvicorn.Config(
        create_app(services, pages, feed),
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
        timeout_keep_alive=services.settings.keep_alive_seconds,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=str(listen.tls_cert) if listen.tls_cert else None,
        ssl_keyfile=str(listen.tls_key) if listen.tls_key else None,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    return _Server(config, feed)


def run(services: Services, listen: Listen, pages: Pages | None = None) -> None:
    """Serve until a signal says stop."""
    server(services, listen, pages).run()
