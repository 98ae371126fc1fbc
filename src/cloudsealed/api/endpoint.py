"""Runs one operation: checks the request, calls the handler, shapes the answer.

The order of refusals is that of the contract: scope, object, media types, size, JSON, parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from cloudsealed.api import accept, body, files, query
from cloudsealed.api.errors import (
    EtagMismatchError,
    InvalidRequestError,
    NotAcceptableError,
    RouteNotFoundError,
    envelope,
)
from cloudsealed.api.events import EventStream
from cloudsealed.api.feed import Feed, Watcher
from cloudsealed.api.files import File
from cloudsealed.api.gate import coding
from cloudsealed.api.gate.exchange import Exchange, exchange_of
from cloudsealed.api.gate.head import bearer
from cloudsealed.api.gate.limits import Limits, tighter
from cloudsealed.api.idempotency import Idempotency, Kept, with_request_id, without_secrets
from cloudsealed.api.listing import Pages, Walk
from cloudsealed.api.operation import Call, Follow, Operation, Reply, Stream
from cloudsealed.api.query import Parameter
from cloudsealed.kit import deprecation
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.storage.database import ReadDeadlineError
from cloudsealed.storage.keyset import Filter, Page
from cloudsealed.wiring import Services

_LONGEST_NAME = 200
LONGEST_TAGS = 8192
_CODED = re.compile(r'(-|;)(gzip|br|zstd|deflate)"$')
QUICK_SECONDS = 0.005  # how long a read may hold the event loop


@dataclass(frozen=True, slots=True)
class Desk:
    """What every endpoint shares."""

    services: Services
    limits: Limits
    pages: Pages
    idempotency: Idempotency
    feed: Feed

    @property
    def reads_on_loop(self) -> bool:
        """Whether an indexed read is so short that a thread would cost more."""
        return self.services.database.name == "sqlite"


class Endpoint:
    """One operation as an ASGI application; the gate is around it."""

    def __init__(self, operation: Operation, desk: Desk) -> None:
        self._operation = operation
        self._desk = desk
        self._on_loop = operation.quick and desk.reads_on_loop
        self._ages = operation.ages_in_part
        patch = (body.JSON_TYPE, body.MERGE_PATCH)
        self._media_types = patch if operation.method == "PATCH" else (body.JSON_TYPE,)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        exchange = exchange_of(scope)
        exchange.route = self._operation.path
        response = await self._answer(request, exchange)
        await response(scope, receive, send)

    async def _answer(self, request: Request, exchange: Exchange) -> Response:
        operation, caller = self._operation, exchange.authenticated
        if operation.deprecated is not None:
            _say_deprecated(exchange, (operation.deprecated,))
        _refuse_long_tags(request)
        for heavy in operation.heavy:
            limits = self._desk.limits
            shown = await limits.asked(limits.show, heavy, caller.tenant_id)
            exchange.rate = tighter(exchange.rate, shown)
        if operation.scope is not None:
            caller.require(operation.scope)
        if not all(_is_name(value) for value in request.path_params.values()):
            raise RouteNotFoundError("There is no such path")
        call = Call(self._desk.services, self._desk.limits, caller, request.path_params)
        try:
            walk = await self._read(request, call)
            if self._ages:
                _say_deprecated(exchange, _deprecations_used(operation, request, call))
            return await self._once(request, exchange, call, walk)
        except NotFoundError:
            raise
        except CloudSealedError:
            await self._refuse_missing(call)
            raise

    async def _refuse_missing(self, call: Call) -> None:
        """Raise the 404 that goes before any other fault of the request."""
        if self._operation.getter is not None:
            await run_in_threadpool(self._operation.getter, call)

    async def _read(self, request: Request, call: Call) -> Walk | None:
        operation = self._operation
        call.accept = request.headers.get("accept", "")
        if operation.status != 204 and accept.choose(call.accept, operation.produces) is None:
            offered = ", ".join(operation.produces)
            raise NotAcceptableError(f"This answers in: {offered}")
        accepted = ",".join(request.headers.getlist("accept-encoding"))
        if coding.choose(accepted, operation.codings) is None:
            offered = ", ".join((coding.IDENTITY, *operation.codings))
            raise NotAcceptableError(f"This answers in the codings: {offered}")
        if operation.body is not None:
            raw = await body.read(request, self._media_types)
            call.body = body.parse(raw) if raw or not operation.body_optional else None
        given = query.parse(request.scope["query_string"], operation.parameters)
        if operation.listed is None:
            call.query = _parameters(operation.parameters, given)
            return None
        walk, call.page = self._desk.pages.read(
            operation.listed, given, tenant=call.tenant, path=request.scope["path"]
        )
        return walk

    async def _once(
        self, request: Request, exchange: Exchange, call: Call, walk: Walk | None
    ) -> Response:
        """Run the operation, or answer again what its Idempotency-Key stands for."""
        key = request.headers.get("idempotency-key")
        if key is None or not self._operation.once:
            return await self._precondition(request, exchange, call, walk)
        keys = self._desk.idempotency
        path, asked = request.scope["path"], request.scope["query_string"].decode("latin-1")
        claim = await run_in_threadpool(
            keys.claim, caller=call.caller, path=path, key=key, query=asked, body=call.body
        )
        if claim.kept is not None:
            return _replayed(claim.kept, exchange)
        try:
            response = await self._precondition(request, exchange, call, walk)
        except BaseException as error:
            if isinstance(error, CloudSealedError) and error.status == 409:
                kept = Kept(error.status, {}, envelope(error, exchange.request_id))
                await run_in_threadpool(keys.keep, claim, kept)
            else:
                await run_in_threadpool(keys.release, claim)
            raise
        headers = {n: response.headers[n] for n in ("location",) if n in response.headers}
        shown = without_secrets(bytes(response.body), self._operation.secrets)
        await run_in_threadpool(keys.keep, claim, Kept(response.status_code, headers, shown))
        return response

    async def _precondition(
        self, request: Request, exchange: Exchange, call: Call, walk: Walk | None
    ) -> Response:
        wanted = request.headers.get("if-match")
        getter = self._operation.getter
        if wanted is not None and getter is not None and self._operation.method != "GET":
            current = etag(await run_in_threadpool(getter, call))
            if not _names(wanted, current):
                raise EtagMismatchError("The object has changed: read it again")
        reply = await self._budgeted(exchange, call)
        return self._shape(request, exchange, reply, walk)

    async def _budgeted(self, exchange: Exchange, call: Call) -> Reply:
        """Run the handler, which spends a heavy budget when it accepts the work."""
        purses = {
            name: _Purse(self._desk.limits, name, call.tenant, exchange)
            for name in self._operation.heavy
        }
        call.admits = {name: purse.spend for name, purse in purses.items()}
        try:
            return await self._run(call)
        except BaseException:
            for purse in purses.values():
                await run_in_threadpool(purse.give_back)
            raise

    async def _run(self, call: Call) -> Reply:
        if self._on_loop:
            call.deadline = QUICK_SECONDS
            try:
                return self._operation.handler(call)
            except ReadDeadlineError:
                call.deadline = None
        return await run_in_threadpool(self._operation.handler, call)

    def _shape(
        self, request: Request, exchange: Exchange, reply: Reply, walk: Walk | None
    ) -> Response:
        operation = self._operation
        if reply is None:
            return Response(status_code=204)
        if isinstance(reply, Stream):
            return _streamed(reply)
        if isinstance(reply, File):
            known = _names(request.headers.get("if-none-match", ""), reply.tag)
            return files.response(reply, request, only_head=exchange.is_head, is_known=known)
        if isinstance(reply, Follow):
            return self._followed(request, exchange, reply)
        headers: dict[str, str] = {}
        if isinstance(reply, Page):
            assert walk is not None
            content, headers = self._desk.pages.answer(walk, reply, exchange.base)
        elif isinstance(reply, bytes):
            content = reply
        else:
            content = _encoded(reply)
        if operation.tagged or operation.is_list:
            weak = "W/" if operation.is_list else ""
            headers["ETag"] = weak + etag(content)
            wanted = request.headers.get("if-none-match", "")
            if operation.is_conditional and _names(wanted, headers["ETag"]):
                return Response(status_code=304, headers=headers)
        if operation.status in (201, 202):
            made = orjson.loads(content)
            collection = operation.collection.format(object=made.get("object"))
            headers["Location"] = f"{exchange.base}{collection}/{made['id']}"
        if operation.secrets:
            headers["Cache-Control"] = "no-store"
        return Response(content, operation.status, headers, operation.produces[0])

    def _followed(self, request: Request, exchange: Exchange, reply: Follow) -> EventStream:
        """Return the stream of an audit's events for a client, from what it knows already."""
        assert self._operation.scope is not None, "what is followed needs a scope"
        known = request.headers.get("last-event-id")
        watcher = Watcher(
            exchange.authenticated, bearer(request.scope), self._operation.scope,
            reply.standing.id, known,
        )  # fmt: skip
        return EventStream(self._desk.feed, watcher, reply.standing, only_head=exchange.is_head)


def _say_deprecated(exchange: Exchange, used: Iterable[Deprecation]) -> None:
    """Have every answer to this request say what of it will go away; of an operation once."""
    said = {name for name, _ in exchange.extra_headers}
    more = deprecation.headers(used, f"{exchange.base}/docs")
    if more and more[0][0] not in said:
        exchange.extra_headers = [*exchange.extra_headers, *more]


def _deprecations_used(operation: Operation, request: Request, call: Call) -> Iterable[Deprecation]:
    """Yield the deprecations of the parameters and fields that a request has."""
    given = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), True))
    items = (item.deprecated for name, item in operation.parameters.items() if name in given)
    yield from filter(None, items)
    if operation.body is not None:
        yield from deprecation.fields_used(operation.body, call.body)


class _Purse:
    """A tenant's heavy budget during one request: spent at most once, given back if work fails."""

    def __init__(self, limits: Limits, heavy: str, tenant: str, exchange: Exchange) -> None:
        self._limits = limits
        self._budget = heavy, tenant
        self._exchange = exchange
        self._core = exchange.rate
        self._is_spent = False

    def spend(self) -> None:
        """Count the request; raises RateLimitedError when it is one too many."""
        rate = self._limits.reserve(*self._budget)
        if rate.exceeded:
            self._exchange.rate = rate
            raise rate.refusal(self._limits.clock())
        self._is_spent = True
        self._exchange.rate = tighter(self._core, rate)

    def give_back(self) -> None:
        """Take the request back, if it was counted."""
        if self._is_spent:
            self._limits.give_back(*self._budget)
            self._exchange.rate = tighter(self._core, self._limits.show(*self._budget))


def _parameters(
    known: Mapping[str, Filter | Parameter], given: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, item in known.items():
        if isinstance(item, Filter):
            if name in given:
                found[name] = query.read_filter(item, given[name])
        elif name in given:
            found[name] = item.read(given[name])
        elif item.default is not None:
            found[name] = item.read(item.default)
    return found


def _encoded(reply: Any) -> bytes:
    if isinstance(reply, Mapping):
        return orjson.dumps(reply)
    return orjson.dumps({"data": list(reply), "next_cursor": None, "has_more": False})


def _streamed(reply: Stream) -> Response:
    disposition = f'attachment; filename="{reply.filename}"'
    headers = {"Content-Disposition": disposition}
    return StreamingResponse(reply.pieces, 200, headers, reply.media_type)


def _replayed(kept: Kept, exchange: Exchange) -> Response:
    headers = {**kept.headers, "Idempotency-Replayed": "true"}
    content = kept.body  # of a 2xx as it is: some objects have a key `error` of their own
    if kept.status >= 400:
        content = with_request_id(content, exchange.request_id)
    return Response(content, kept.status, headers, body.JSON_TYPE)


def _is_name(text: str) -> bool:
    return text.isprintable() and len(text) <= _LONGEST_NAME


def etag(content: bytes) -> str:
    """Return the entity tag of an object's JSON."""
    return f'"{sha256(content)[:32]}"'


def _refuse_long_tags(request: Request) -> None:
    for name in ("if-match", "if-none-match"):
        if len(request.headers.get(name, "")) > LONGEST_TAGS:
            raise InvalidRequestError(f"{name} must be at most {LONGEST_TAGS} bytes")


def _names(header: str, tag: str) -> bool:
    """Say whether a list of entity tags, or `*`, names `tag` (RFC 9110, section 13.1).

    They are compared weakly, also for `If-Match`, which the RFC would have strong: a tag is a
    digest of the object's state, and stays exact when a coding, ours or a proxy's, made it weak
    (nginx) or added its name (Apache). Who sends back what they got would always be refused.
    """
    names = [_CODED.sub('"', part.strip()).removeprefix("W/") for part in header.split(",")]
    return "*" in names or tag.removeprefix("W/") in names
