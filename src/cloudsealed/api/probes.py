"""What is outside /v1: /healthz, /readyz, /metrics, the keys of seals, and /tokens/report-leak."""

from __future__ import annotations

import logging

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloudsealed.api import body
from cloudsealed.api.gate.exchange import exchange_of
from cloudsealed.api.gate.metrics import Metrics
from cloudsealed.audits.seal import public_keys
from cloudsealed.kit.fields import Fields
from cloudsealed.storage.counters import Counters
from cloudsealed.storage.database import ServiceUnavailableError, ping
from cloudsealed.wiring import Services

_log = logging.getLogger("cloudsealed.api")
_JSON = body.JSON_TYPE


class Probes:
    """The routes outside /v1; none of them needs a credential."""

    def __init__(self, services: Services, metrics: Metrics, counters: Counters) -> None:
        self._services = services
        self._metrics = metrics
        self._counters = counters

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._counts),
            Route("/.well-known/cloudsealed-keys", self._keys),
            Route("/tokens/report-leak", self._report_leak, methods=["POST"]),
        ]

    async def _health(self, request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def _ready(self, request: Request) -> Response:
        """Say whether requests can be answered; a lost Valkey is said, but refuses none."""
        await run_in_threadpool(self._ask_database)
        fault = await run_in_threadpool(self._counters.fault)
        limits = {"shared": self._counters.is_shared and not fault, "fault": fault}
        return Response(orjson.dumps({"status": "ready", "limits": limits}), media_type=_JSON)

    async def _counts(self, request: Request) -> Response:
        return PlainTextResponse(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def _keys(self, request: Request) -> Response:
        """Show the public keys of seals, the current one first, for `cloudsealed verify --key`."""
        keys = [
            {"key_id": name, "algorithm": "ed25519", "public_key": text, "current": not number}
            for number, (name, text) in enumerate(public_keys(self._services.keys).items())
        ]
        return Response(orjson.dumps({"keys": keys}), media_type=_JSON)

    async def _report_leak(self, request: Request) -> Response:
        """Revoke the token in the body; the answer is the same whether it was one."""
        given = Fields(body.parse(await body.read(request, (_JSON,))), ("token",))
        await run_in_threadpool(
            self._services.tokens.report_leak, text=given.text("token"),
            ip=exchange_of(request.scope).address,
        )  # fmt: skip
        return Response(orjson.dumps({"status": "accepted"}), 202, media_type=_JSON)

    def _ask_database(self) -> None:
        try:
            with self._services.database.read() as connection:
                ping(connection)
        except ServiceUnavailableError:
            raise
        except Exception as error:
            _log.exception("the database does not answer")
            raise ServiceUnavailableError("The database does not answer") from error
