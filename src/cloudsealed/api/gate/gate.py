"""The gate: pure ASGI around the application. Nothing is answered except through it.

It gives each request an id, finds the caller, spends a budget, and puts the id and the budget on
every response, whatever its status. It looks up no object and knows no route.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, MutableMapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsealed.api.faces import Faces, Pages
from cloudsealed.api.gate.cors import Cors
from cloudsealed.api.gate.exchange import KEY, Addresses, Exchange
from cloudsealed.api.gate.head import bearer, read_head
from cloudsealed.api.gate.limits import Limits, Rate
from cloudsealed.api.gate.metrics import METHODS, Metrics, ticks
from cloudsealed.api.gate.place import Place, check_host
from cloudsealed.api.gate.request_ids import RequestIds
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.errors import CredentialError, IpNotAllowedError
from cloudsealed.auth.model import Caller
from cloudsealed.auth.passwords import TooManyLoginAttemptsError
from cloudsealed.kit.addresses import budget_key
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import ACCESS_LOG, enter, say
from cloudsealed.kit.threads import Crews, Holder, belong, look
from cloudsealed.kit.traces import Kind, Span, span
from cloudsealed.storage.database import ReadDeadlineError, ServiceUnavailableError

UNLIMITED = frozenset(("/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"))
UNLIMITED_PREFIXES = ("/docs/", "/static/")
CLIENTS = frozenset(
    ("/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/device_authorization")
)
"""Paths that name their client in the body, and spend its budget when they have read it."""

_FIXED = UNLIMITED | CLIENTS

LOOK_UP_SECONDS = 0.005  # how long finding a caller may hold the event loop

Headers = Sequence[tuple[bytes, bytes]]

_log = logging.getLogger("cloudsealed.api")
_access = logging.getLogger(ACCESS_LOG)


class Gate:
    """ASGI middleware; `look_up_in_thread` when a look-up may block the event loop for long."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        faces: Faces,
        authenticator: Authenticator,
        limits: Limits,
        metrics: Metrics,
        addresses: Addresses,
        cors: Cors,
        place: Place,
        crews: Crews,
        look_up_in_thread: bool,
        access_log: bool = False,
    ) -> None:
        self._app = app
        self.faces = faces
        self._authenticator = authenticator
        self._limits = limits
        self.metrics = metrics
        self._addresses = addresses
        self._cors = cors
        self._place = place
        self._crews = crews
        self._in_thread = look_up_in_thread
        self.logs_access = access_log
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(
            self._ids.new(),
            self._addresses.of(scope),
            self._place.base(scope),
            scope["method"] == "HEAD",
            extra_headers=self._cors.headers(scope),
        )
        enter({"request": exchange.request_id})
        belong(self._crews, Holder(exchange.address, exchange.address))
        outgoing = _Outgoing(self, send, exchange, scope)
        with span("request", Kind.SERVER, headers=scope["headers"]) as traced:
            await self._answer(scope, receive, outgoing, exchange)
            outgoing.trace(traced)

    async def _answer(
        self, scope: Scope, receive: Receive, outgoing: _Outgoing, exchange: Exchange
    ) -> None:
        try:
            if scope["method"] == "OPTIONS" and self._cors.is_preflight(scope):
                exchange.rate = await self._show(exchange)
                check_host(scope)
                await outgoing.answer(204, self._cors.preflight())
                return
            await self._admit(scope, exchange)
            inner = scope.copy()  # type: ignore[attr-defined]  # a dict, in ASGI 3
            inner[KEY] = exchange
            inner["client"] = (exchange.address, 0)  # who asks, not the proxy that passes it on
            if scope["method"] == "HEAD":  # answered as GET, its body left out
                inner["method"] = "GET"
            await self._app(inner, receive, outgoing)
        except CloudSealedError as error:
            await outgoing.refuse(error)
        except asyncio.CancelledError:  # the server ends: what it waits for takes too long
            await outgoing.refuse(ServiceUnavailableError("The server is ending: try again"))
        except Exception:
            _log.exception("a request failed")
            await outgoing.refuse(
                CloudSealedError("The server failed; its log has the request's id")
            )

    def _admit(self, scope: Scope, exchange: Exchange) -> Awaitable[None]:
        path = scope["path"]
        if path.startswith("/v1/"):
            return self._admit_client(scope, exchange)
        if _is_unlimited(path) or (path in CLIENTS and scope["method"] == "POST"):
            return self._admit_anyone(scope, exchange)
        if pages := self.faces.page(path):
            return self._admit_visitor(scope, exchange, pages)
        return self._admit_client(scope, exchange, guarded=path == "/v1")

    async def _admit_anyone(self, scope: Scope, exchange: Exchange) -> None:
        exchange.rate = await self._show(exchange)
        if scope["path"] in _FIXED:
            exchange.route = scope["path"]
        read_head(scope)

    async def _admit_client(
        self, scope: Scope, exchange: Exchange, *, guarded: bool = True
    ) -> None:
        limits = self._limits
        try:
            text = bearer(scope)
            exchange.caller = caller = await self._caller(text, exchange.address)
            exchange.again = partial(self._authenticator.still, text, exchange.address)
        except CloudSealedError as error:
            exchange.rate = await self._spend("anonymous", budget_key(exchange.address))
            if not isinstance(error, CredentialError | IpNotAllowedError):
                raise
            if exchange.rate.exceeded:
                raise exchange.rate.refusal(self._limits.clock()) from error
            if guarded:
                raise
        else:
            belong(self._crews, Holder(caller.tenant_id, caller.token_id))
            exchange.rate = rate = await limits.asked(limits.spend, "core", caller.token_id)
            if rate.exceeded:
                raise rate.refusal(limits.clock())

    async def _caller(self, text: str, address: str) -> Caller:
        """Find the caller on the event loop, if that takes no longer than it may be held."""
        known = self._authenticator
        if not self._in_thread or known.is_cached(text, address):
            with suppress(ReadDeadlineError):
                return known.authenticate(text, address, deadline=LOOK_UP_SECONDS)
        return await look(lambda deadline: known.authenticate(text, address, deadline=deadline))

    async def _admit_visitor(self, scope: Scope, exchange: Exchange, pages: Pages) -> None:
        read_head(scope)
        exchange.route = pages.route(scope["path"]) or exchange.route
        address = budget_key(exchange.address)
        logging_in = scope["method"] == "POST" and pages.takes_password(scope["path"])
        if logging_in:
            exchange.rate = await self._spend("login", address)
        elif session := await look(partial(pages.visitor, scope)):
            belong(self._crews, Holder(session, session))
            exchange.rate = await self._spend("core", session)
        else:
            exchange.rate = await self._spend("anonymous", address)
        if exchange.rate.exceeded:
            refusal = exchange.rate.refusal(self._limits.clock())
            if logging_in:
                raise TooManyLoginAttemptsError(refusal.message, headers=refusal.headers)
            raise refusal

    async def _spend(self, resource: str, key: str) -> Rate:
        return await self._limits.asked(self._limits.spend, resource, key)

    async def _show(self, exchange: Exchange) -> Rate:
        key = budget_key(exchange.address)
        return await self._limits.asked(self._limits.show, "anonymous", key)

    def enveloped(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return a response's headers with those that every response carries."""
        rate = exchange.rate or self._limits.show("anonymous", budget_key(exchange.address))
        return [
            *headers,
            (b"x-request-id", exchange.request_id.encode()),
            *rate.headers(self._limits.clock()),
            (b"x-content-type-options", b"nosniff"),
            *exchange.extra_headers,
        ]


class _Outgoing:
    """The send side of one exchange."""

    __slots__ = ("_began", "_exchange", "_gate", "_method", "_path", "_send", "_started", "_status")

    def __init__(self, gate: Gate, send: Send, exchange: Exchange, scope: Scope) -> None:
        self._gate = gate
        self._send = send
        self._exchange = exchange
        self._method: str = scope["method"]
        self._path: str = scope["path"]
        self._started = False
        self._status = 0
        self._began = ticks()

    def __call__(self, message: MutableMapping[str, Any]) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self._started = True
            self._status = message["status"]
            gate, exchange = self._gate, self._exchange
            message["headers"] = gate.enveloped(exchange, message.get("headers", ()))
            seconds = ticks() - self._began
            gate.metrics.count(exchange.route, self._method, message["status"], seconds)
            if gate.logs_access:
                self._log_access(message["status"], seconds)
        elif self._method == "HEAD":
            message["body"] = b""
        return self._send(message)

    def trace(self, traced: Span) -> None:
        """Tell a span what was asked and answered: the route, never the path."""
        method = self._method if self._method in METHODS else "_OTHER"
        route, status = self._exchange.route, self._status
        traced.rename(f"{method} {route}")
        traced.tell(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
            }
        )
        if status >= 500:
            traced.fail(str(status))

    def _log_access(self, status: int, seconds: float) -> None:
        """Log the request: no query, which may hold what is secret, and no e-mail."""
        caller = self._exchange.caller
        say(
            _access,
            f"{self._method} {self._path}",
            status=status,
            seconds=round(seconds, 4),
            address=self._exchange.address,
            user=caller.user_id if caller else "-",
            token=caller.token_id if caller else "-",
        )

    async def answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send a whole response."""
        if status != 204:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})

    async def refuse(self, error: CloudSealedError) -> None:
        """Send an error, unless a response has begun: then the connection breaks off."""
        if self._started:
            return
        refusal = self._gate.faces.refusal(self._path, error, self._exchange.request_id)
        headers = [item for item in refusal.raw_headers if item[0] != b"content-length"]
        await self.answer(refusal.status_code, headers, bytes(refusal.body))


def _is_unlimited(path: str) -> bool:
    return path in UNLIMITED or path.startswith(UNLIMITED_PREFIXES)
