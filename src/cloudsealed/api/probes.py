"""What is outside /v1: /healthz, /readyz, /metrics, the keys of seals, and /tokens/report-leak."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudsealed.api import body
from cloudsealed.api.gate.exchange import exchange_of
from cloudsealed.api.parts import Parts
from cloudsealed.audits.sealing.seal import public_keys
from cloudsealed.auth.bodies import LEAK
from cloudsealed.kit.exposition import CONTENT_TYPE, Collector, exposed
from cloudsealed.kit.shapes import read_body
from cloudsealed.kit.threads import run_in_threadpool, write_in_threadpool
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.wiring import Services

_JSON = body.JSON_TYPE


class Probes:
    """The routes outside /v1; none of them needs a credential."""

    def __init__(self, services: Services, parts: Parts, collectors: Sequence[Collector]) -> None:
        self._services = services
        self._parts = parts
        self._collectors = collectors

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route("/.well-known/cloudsealed-keys", self._keys),
            Route("/tokens/report-leak", self._report_leak, methods=["POST"]),
        ]

    async def _health(self, request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type=_JSON)

    async def _ready(self, request: Request) -> Response:
        """Say whether requests can be answered, and what is wrong with each part.

        Raises ServiceUnavailableError when they cannot. A lost Valkey, a dead worker and a full
        disk are said, and make the answer `degraded`.
        """
        found = dict(await self._parts.look())
        fault = found.pop("limits").fault
        faults = {name: part for name, part in found.items() if part.fault}
        if fatal := {name: part.fault for name, part in faults.items() if part.fatal}:
            raise ServiceUnavailableError(
                "; ".join(filter(None, fatal.values())),
                details=[
                    {"field": name, "code": ServiceUnavailableError.code, "message": part.fault}
                    for name, part in faults.items()
                ],
            )
        limits = {"shared": self._services.counters.is_shared and not fault, "fault": fault}
        answer = {
            "status": "degraded" if faults or fault else "ready",
            "parts": {name: part.public() for name, part in found.items()},
            "limits": limits,
        }
        return Response(orjson.dumps(answer), media_type=_JSON)

    async def _metrics(self, request: Request) -> Response:
        content = await run_in_threadpool(exposed, self._collectors)
        return Response(content, media_type=CONTENT_TYPE)

    async def _keys(self, request: Request) -> Response:
        """Show the public keys of seals, the current one first, for `cloudsealed verify --key`."""
        keys = [
            {"key_id": name, "algorithm": "ed25519", "public_key": text, "current": not number}
            for number, (name, text) in enumerate(public_keys(self._services.keys).items())
        ]
        return Response(orjson.dumps({"keys": keys}), media_type=_JSON)

    async def _report_leak(self, request: Request) -> Response:
        """Revoke the token in the body; the answer is the same whether it was one."""
        given = read_body(LEAK, body.parse(await body.read(request, (_JSON,))))
        await write_in_threadpool(
            self._services.tokens.report_leak,
            text=given["token"],
            ip=exchange_of(request.scope).address,
        )
        return Response(orjson.dumps({"status": "accepted"}), 202, media_type=_JSON)
