"""The ASGI application: services in, routes made from the nouns' tables, the gate around them."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Any

import anyio.to_thread
import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from cloudsealed.api import body, docs, openapi
from cloudsealed.api.described import described
from cloudsealed.api.endpoint import Desk, Endpoint
from cloudsealed.api.errors import MethodNotAllowedError, RouteNotFoundError, served
from cloudsealed.api.faces import Faces
from cloudsealed.api.faces import Pages as WebPages
from cloudsealed.api.feed import Feed
from cloudsealed.api.gate.cors import Cors
from cloudsealed.api.gate.edge import Edge
from cloudsealed.api.gate.exchange import Addresses, exchange_of
from cloudsealed.api.gate.gate import Gate
from cloudsealed.api.gate.limits import Limits
from cloudsealed.api.gate.metrics import Metrics
from cloudsealed.api.gate.place import Place
from cloudsealed.api.gauges import Gauges
from cloudsealed.api.idempotency import Idempotency
from cloudsealed.api.inside import Inside
from cloudsealed.api.listing import Pages
from cloudsealed.api.oauth import OAuthRoutes
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.parts import Parts
from cloudsealed.api.probes import Probes
from cloudsealed.api.process import Process
from cloudsealed.api.root import root
from cloudsealed.api.v1 import (
    audits,
    clients,
    connections,
    events,
    findings,
    frameworks,
    me,
    oauth,
    policies,
    reports,
    resource_types,
    resources,
    schedules,
    simulations,
    tokens,
    users,
    views,
)
from cloudsealed.events.reads import FLUSH_SECONDS, Reads
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.loop import Loop
from cloudsealed.kit.threads import Crew, Crews
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.flights import Flights, open_flights
from cloudsealed.wiring import Services

TABLES: tuple[Table, ...] = (
    *(
        noun.TABLE
        for noun in (
            findings,
            resources,
            audits,
            simulations,
            policies,
            reports,
            connections,
            schedules,
            views,
            frameworks,
            resource_types,
            tokens,
            me,
            users,
            events,
        )
    ),
    oauth.APPS,
    oauth.GRANTS,
    clients.TABLE,
)
"""The nouns' operations, those asked most often first: routes are tried in this order."""

_LITERAL = frozenset(op.path for table in TABLES for op in table.operations if "{" not in op.path)

THREADS = 8  # with the loop and a login, as many as there are connections to the database
LOOKS = 2  # as many connections as are kept for them
LINE, PATIENCE = 2000, 30.0  # requests of a tenant that wait for a thread, and seconds
HOUSEKEEPING_SECONDS = 5

_log = logging.getLogger("cloudsealed.api")


def create_app(
    services: Services, pages: WebPages | None = None, feed: Feed | None = None
) -> ASGIApp:
    """Return the API of an installation, with the pages that are served beside it; `feed` has the
    streams that whoever serves it ends."""
    place = Place(services.settings.address, follows_host=not services.settings.public_url)
    limits, metrics = Limits(services.settings, services.counters), Metrics()
    parts = Parts(services)
    collectors = (metrics, limits, parts, Gauges(services), Process())
    flights = open_flights(services.database)
    keys = Idempotency(services.database, flights, services.clock)
    faces = Faces(services.settings.address, pages)
    reads = Reads(services.database)
    desk = Desk(
        services, limits, Pages(services.keys), keys, _crews(), feed or Feed(services), reads
    )
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lambda _app: _lifespan(services, keys, flights, reads),
        exception_handlers={
            CloudSealedError: _refuse,
            HTTPException: _refuse_route,
            Exception: _fail,
        },
    )
    for table in TABLES:
        app.router.routes += [OperationRoute(op, Endpoint(op, desk)) for op in table.operations]
    app.router.routes += [
        *Probes(services, parts, collectors).routes(),
        *OAuthRoutes(services, limits, place.prefix).routes(),
        *(pages.routes if pages is not None else ()),
        *docs.ROUTES,
        root(pages.home if pages is not None else "/docs"),
        _document_route(app),
    ]
    place.refuse_shadowed(frozenset(r.path for r in app.router.routes if isinstance(r, Route)))
    app.state.faces = faces
    if pages is not None:
        pages.connect(Inside(app))
    gate = Gate(
        app,
        faces=faces,
        authenticator=services.tokens.authenticator,
        limits=limits,
        metrics=metrics,
        addresses=Addresses(services.settings.trusted_proxies),
        cors=Cors(services.settings.cors_origins),
        place=place,
        crews=Crews(
            Crew("requests", THREADS, line=LINE, patience=PATIENCE),
            Crew("looks", LOOKS, line=LINE, patience=PATIENCE),
        ),
        look_up_in_thread=not desk.reads_on_loop,
        access_log=services.settings.access_log,
    )
    return Edge(gate, place)


def _crews() -> dict[str, Crew]:
    """Return the threads of what costs more than this process, by budget."""
    costs = {op.costs for table in TABLES for op in table.operations if op.costs is not None}
    return {each.budget: Crew(each.budget, each.most) for each in costs}


class OperationRoute(APIRoute):
    """A route that FastAPI documents and that runs our endpoint as it is.

    The endpoint checks its request itself: FastAPI's own checking costs more than a whole list.
    """

    def __init__(self, operation: Operation, endpoint: Endpoint) -> None:
        super().__init__(
            operation.path,
            _documented,
            methods=[operation.method],
            name=operation.name,
            operation_id=operation.name,
            summary=operation.texts[0],
            tags=[operation.tag],
            status_code=operation.status,
            response_class=Response,
            openapi_extra=described(operation),
        )
        self.app = endpoint
        self._is_template = "{" in operation.path

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """Match as FastAPI does, but that a path with a name of its own is no object's."""
        if self._is_template and scope["path"] in _LITERAL:
            return Match.NONE, {}
        return super().matches(scope)


async def _documented() -> None:
    """Stand in for an operation in FastAPI's eyes."""


def _document_route(app: FastAPI) -> Route:
    """Return the route of the OpenAPI document, which is made when it is asked for first: to make
    it costs ten times what all else of a start does."""
    mark = "https://public-url.invalid"
    making = threading.Lock()

    @functools.cache
    def made() -> bytes:
        found = openapi.document(app, TABLES, version=version("cloudsealed"), public_url=mark)
        return orjson.dumps(found)

    def content(base: str) -> bytes:
        with making:
            found = made()
        return found.replace(mark.encode(), base.encode())

    async def serve(request: Request) -> Response:
        base = exchange_of(request.scope).base
        return Response(await run_in_threadpool(content, base), media_type=body.JSON_TYPE)

    return Route("/openapi.json", serve)


@asynccontextmanager
async def _lifespan(
    services: Services, keys: Idempotency, flights: Flights, reads: Reads
) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    flush = services.tokens.authenticator.flush
    loops = [
        Loop(name, step, every=seconds)
        for name, step, seconds in (
            ("use of tokens", flush, HOUSEKEEPING_SECONDS),
            ("idempotency keys", keys.purge, HOUSEKEEPING_SECONDS),
            ("files", services.evidence.purge, HOUSEKEEPING_SECONDS),
            ("events of reads", reads.flush, FLUSH_SECONDS),
        )
    ]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.stop()
        for each in (reads.flush, flush):
            with suppress(ServiceUnavailableError):  # a full disk lets the server end
                await run_in_threadpool(each)
        flights.close()


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, CloudSealedError)
    known = served(error)
    if known is not error:
        _log.error("an error that no response carries: %s: %s", error.code, error.message)
    faces: Faces = request.app.state.faces
    path, ident = request.url.path, exchange_of(request.scope).request_id
    if not faces.are_for_people(path, request):
        return faces.refusal(path, known, ident)
    return await run_in_threadpool(faces.refusal, path, known, ident, request)


async def _fail(request: Request, error: Exception) -> Response:
    return await _refuse(
        request, CloudSealedError("The server failed; its log has the request's id")
    )


async def _refuse_route(request: Request, error: Exception) -> Response:
    """Answer what no route takes: OPTIONS, a wrong method, an unknown path."""
    allowed = _allowed(request.app.router.routes, request.scope)
    if not allowed:
        return await _refuse(request, RouteNotFoundError(f"There is no {request.url.path}"))
    allow = ", ".join(sorted(allowed | {"OPTIONS"}))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    message = f"{request.url.path} takes {allow}"
    return await _refuse(request, MethodNotAllowedError(message, headers={"Allow": allow}))


def _allowed(routes: list[BaseRoute], scope: Any) -> set[str]:
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found | {"HEAD"} if "GET" in found else found
