"""The gate: pure ASGI around the application. Nothing is answered except through it.

It gives each request an id, finds the caller, spends a budget, and puts the id and the budget on
every response, whatever its status. It looks up no object and knows no route.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsealed.api.errors import HeadersTooLargeError, UriTooLongError
from cloudsealed.api.faces import Faces, Pages
from cloudsealed.api.gate.bearer import bearer
from cloudsealed.api.gate.cors import Cors
from cloudsealed.api.gate.exchange import KEY, Addresses, Exchange, budget_key
from cloudsealed.api.gate.limits import Limits, Rate
from cloudsealed.api.gate.metrics import Metrics
from cloudsealed.api.gate.request_ids import RequestIds
from cloudsealed.auth.authenticator import Authenticator
from cloudsealed.auth.errors import CredentialError, IpNotAllowedError
from cloudsealed.auth.passwords import TooManyLoginAttemptsError
from cloudsealed.kit.clock import Clock
from cloudsealed.kit.errors import CloudSealedError

LONGEST_HEAD = 16 * 1024
LONGEST_URI = 8 * 1024
REFUSAL = "cloudsealed.refusal"  # in a scope: what the protocol refuses about the request
UNLIMITED = frozenset(("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"))
UNLIMITED_PREFIXES = ("/docs/", "/static/")
CLIENTS = frozenset(("/oauth/token", "/oauth/revoke", "/oauth/introspect"))
"""Paths that name their client in the body, and spend its budget when they have read it."""

_log = logging.getLogger("cloudsealed.api")


class Gate:
    """ASGI middleware; `look_up_in_thread` when a look-up may block the event loop for long."""

    def __init__(
        self, app: ASGIApp, *, faces: Faces, authenticator: Authenticator, limits: Limits,
        metrics: Metrics, addresses: Addresses, cors: Cors, clock: Clock, look_up_in_thread: bool,
    ) -> None:  # fmt: skip
        self._app = app
        self.faces = faces
        self._authenticator = authenticator
        self._limits = limits
        self.metrics = metrics
        self._addresses = addresses
        self._cors = cors
        self._clock = clock
        self._in_thread = look_up_in_thread
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(
            self._ids.new(), self._addresses.of(scope), extra_headers=self._cors.headers(scope)
        )
        outgoing = _Outgoing(self, send, exchange, scope)
        try:
            if self._cors.is_preflight(scope):
                exchange.rate = await self._show(exchange)
                await outgoing.answer(204, self._cors.preflight())
                return
            await self._admit(scope, exchange)
            inner = {**scope, KEY: exchange, "client": (exchange.address, 0)}
            if scope["method"] == "HEAD":  # answered as GET, its body left out
                inner["method"] = "GET"
            await self._app(inner, receive, outgoing)
        except CloudSealedError as error:
            await outgoing.refuse(error)
        except Exception:
            _log.exception("request %s failed", exchange.request_id)
            await outgoing.refuse(
                CloudSealedError("The server failed; its log has the request's id")
            )

    async def _admit(self, scope: Scope, exchange: Exchange) -> None:
        path = scope["path"]
        if path.startswith("/v1/"):
            await self._admit_client(scope, exchange)
        elif _is_unlimited(path) or (path in CLIENTS and scope["method"] == "POST"):
            exchange.rate = await self._show(exchange)
            _refuse_bad_head(scope)
        elif pages := self.faces.page(path):
            _refuse_bad_head(scope)
            exchange.route = path
            await self._admit_visitor(scope, exchange, pages)
        else:
            await self._admit_client(scope, exchange, guarded=path == "/v1")

    async def _admit_client(
        self, scope: Scope, exchange: Exchange, *, guarded: bool = True
    ) -> None:
        try:
            _refuse_bad_head(scope)
            text, now = bearer(scope), self._clock()
            asked = (text, exchange.address, now)
            if self._in_thread and not self._authenticator.is_cached(text):
                caller = await run_in_threadpool(self._authenticator.authenticate, *asked)
            else:
                caller = self._authenticator.authenticate(*asked)
            exchange.caller = caller
        except CloudSealedError as error:
            exchange.rate = await self._spend("anonymous", budget_key(exchange.address))
            if not isinstance(error, CredentialError | IpNotAllowedError):
                raise
            if exchange.rate.exceeded:
                raise exchange.rate.refusal(self._limits.clock()) from error
            if guarded:
                raise
        else:
            exchange.rate = await self._spend("core", caller.token_id)
            if exchange.rate.exceeded:
                raise exchange.rate.refusal(self._limits.clock())

    async def _admit_visitor(self, scope: Scope, exchange: Exchange, pages: Pages) -> None:
        address = budget_key(exchange.address)
        logging_in = scope["method"] == "POST" and pages.takes_password(scope["path"])
        if logging_in:
            exchange.rate = await self._spend("login", address)
        elif session := await run_in_threadpool(pages.visitor, scope):
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

    def leaving(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """Return the headers that every response carries."""
        rate = exchange.rate or self._limits.show("anonymous", budget_key(exchange.address))
        return [
            (b"x-request-id", exchange.request_id.encode()),
            *rate.headers(self._limits.clock()),
            (b"x-content-type-options", b"nosniff"),
            *exchange.extra_headers,
        ]


class _Outgoing:
    """The send side of one exchange."""

    def __init__(self, gate: Gate, send: Send, exchange: Exchange, scope: Scope) -> None:
        self._gate = gate
        self._send = send
        self._exchange = exchange
        self._method: str = scope["method"]
        self._path: str = scope["path"]
        self._started = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            message["headers"] = [*message.get("headers", ()), *self._gate.leaving(self._exchange)]
            self._gate.metrics.count(self._exchange.route, self._method, message["status"])
        elif self._method == "HEAD":
            message["body"] = b""
        await self._send(message)

    async def answer(
        self, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> None:
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


def _refuse_bad_head(scope: Scope) -> None:
    if REFUSAL in scope:
        raise scope[REFUSAL]
    target = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
    if target > LONGEST_URI:
        raise UriTooLongError(f"The path and query must be at most {LONGEST_URI} bytes")
    if sum([len(k) + len(v) + 4 for k, v in scope["headers"]]) > LONGEST_HEAD:
        raise HeadersTooLargeError(f"The request's head must be at most {LONGEST_HEAD} bytes")
