"""Serves the API with uvicorn: on the loopback unless the way to it is encrypted."""

from __future__ import annotations

import logging
import socket
import ssl

import uvicorn

from cloudsealed.api.app import create_app
from cloudsealed.api.faces import Pages
from cloudsealed.api.feed import Feed
from cloudsealed.api.listen import Listen, Taken
from cloudsealed.api.protocol import BoundedProtocol
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.wiring import Services

_GRACE_SECONDS = 10
_log = logging.getLogger("cloudsealed.api")


class NotStartedError(CloudSealedError):
    """The server could not begin: the log says why."""

    code = "not_started"
    status = 500


class _Server(uvicorn.Server):
    """Ends streams when it is asked to stop: they would last for as long as they may."""

    def __init__(self, config: uvicorn.Config, feed: Feed, listen: Listen) -> None:
        super().__init__(config)
        self._feed = feed
        self._listen = listen

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin as uvicorn does, but for its own exit code; raises NotStartedError, and
        AddressNotFreeError when another server began to listen in the same moment."""
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise NotStartedError("The server could not begin: its log says why") from error
        except OSError as error:
            await self.lifespan.shutdown()
            raise self._listen.not_free(error) from error
        if sockets:
            _log.info("running on %s", self._listen.url(sockets[0].getsockname()[1]))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what is open, then stop as uvicorn does."""
        self._feed.close()
        await super().shutdown(sockets)


def server(services: Services, listen: Listen, pages: Pages | None = None) -> uvicorn.Server:
    """Return a server that is ready to run; raises UnencryptedHostError."""
    listen.check()
    _tell_address(services.settings, listen)
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
    return _Server(config, feed, listen)


def run(services: Services, listen: Listen, taken: Taken, pages: Pages | None = None) -> None:
    """Serve until a signal says stop; raises AddressNotFreeError and NotStartedError."""
    server(services, listen, pages).run(taken.sockets)


def _tell_address(settings: Settings, listen: Listen) -> None:
    """Say where links lead when that is not where this server listens."""
    if settings.public_url and settings.public_url != settings.listens_at:
        _log.info(
            "links lead to %s, as CLOUDSEALED_PUBLIC_URL says; this server listens at %s",
            settings.public_url,
            settings.listens_at,
        )
    if listen.behind_proxy and not settings.public_url:
        _log.warning(
            "CLOUDSEALED_PUBLIC_URL is not set: links lead to the host that the proxy asks for, by"
            " http"
        )
