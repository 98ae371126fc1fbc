"""Runs one operation: checks the request, calls the handler, shapes the answer.

The order of refusals is that of the contract: scope, object, media types, size, JSON, parameters,
`If-Match`, conflicts. What an operation writes and the answer kept for its Idempotency-Key are one
transaction, in which `If-Match` is compared.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from cloudsealed.api import accept, body, query
from cloudsealed.api.errors import (
    EtagMismatchError,
    IdempotencyInProgressError,
    InvalidRequestError,
    NotAcceptableError,
    RouteNotFoundError,
    envelope,
)
from cloudsealed.api.gate import coding
from cloudsealed.api.gate.exchange import Exchange, exchange_of
from cloudsealed.api.gate.limits import Limits, tighter
from cloudsealed.api.idempotency import (
    AnsweredError,
    Claim,
    Idempotency,
    Kept,
    with_request_id,
    without_secrets,
)
from cloudsealed.api.listing import Pages, Walk
from cloudsealed.api.operation import Call, Costs, Operation, Reply, Stream
from cloudsealed.api.shown import PARTIAL, SHOWN, read_shown
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.kit.threads import Crew, CrowdedError, Holder, run_in_threadpool
from cloudsealed.storage.database import Connection, ReadDeadlineError
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.tenancy import hold
from cloudsealed.wiring import Services

_LONGEST_NAME = 200
LONGEST_TAGS = 8192
_AFTER_PRECONDITION = (409, 429)  # refusals that a failed precondition goes before
_CODED = re.compile(r'(-|;)(gzip|br|zstd|deflate)"$')
QUICK_SECONDS = 0.005  # how long a read may hold the event loop
_COST_NOTHING = (CrowdedError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every endpoint shares."""

    services: Services
    limits: Limits
    pages: Pages
    idempotency: Idempotency
    crews: Mapping[str, Crew]

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
        _refuse_long_tags(request)
        for heavy in operation.budgets:
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
            return await self._done(request, exchange, call, walk)
        except NotFoundError:
            raise
        except CloudSealedError as error:
            if error.status < 500:
                await self._refuse_missing(call)
            raise

    async def _done(
        self, request: Request, exchange: Exchange, call: Call, walk: Walk | None
    ) -> Response:
        """Do the operation where its kind of work is done: on the loop, in a thread, in a crew."""
        operation = self._operation

        def work() -> Response:
            with self._budgeted(exchange, call):
                if operation.writes:
                    return self._once(request, exchange, call)
                return self._shape(request, exchange, self._handled(call), walk)

        if operation.costs is not None:
            return await self._paid(operation.costs, exchange, call, work)
        if self._on_loop and not (call.shown and call.shown.expansions):
            call.deadline = QUICK_SECONDS
            try:
                return work()
            except ReadDeadlineError:
                call.deadline = None
        return await run_in_threadpool(work)

    async def _paid(
        self, costs: Costs, exchange: Exchange, call: Call, work: Callable[[], Response]
    ) -> Response:
        """Spend what the request costs, then do its work among the few that may do such."""
        limits, crew = self._desk.limits, self._desk.crews[costs.budget]
        purse = _Purse(limits, costs.budget, call.tenant, exchange)
        await limits.asked(purse.spend)
        try:
            return await crew.run(Holder(call.tenant, call.caller.token_id), work)
        except _COST_NOTHING:
            await limits.asked(purse.give_back)
            raise

    async def _refuse_missing(self, call: Call) -> None:
        """Raise the 404 that goes before any other fault of the request."""
        if self._operation.getter is not None:
            await run_in_threadpool(self._operation.getter, call)

    async def _read(self, request: Request, call: Call) -> Walk | None:
        operation = self._operation
        call.accept = request.headers.get("accept", "")
        # Whoever takes JSON takes our errors: a file is sent to them as well (RFC 9110, 12.4.1).
        answered = (*operation.produces, body.JSON_TYPE)
        if operation.status != 204 and accept.choose(call.accept, answered) is None:
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
        if "fields" in operation.parameters:
            assert operation.answer is not None
            call.shown = read_shown(operation.answer, operation.expansions, given, call.caller)
            given = {n: v for n, v in given.items() if operation.listed or n not in SHOWN}
        if operation.listed is None:
            call.query = _parameters(operation.parameters, given)
            return None
        walk, call.page = self._desk.pages.read(
            operation.listed, given, tenant=call.tenant, path=request.scope["path"]
        )
        return walk

    def _once(self, request: Request, exchange: Exchange, call: Call) -> Response:
        """Run the operation, or answer again what its Idempotency-Key stands for."""
        claim = self._claim(request, call)
        if claim is None:
            return self._unit(request, exchange, call, None)
        keys = self._desk.idempotency
        try:
            with keys.flight(claim):
                try:
                    return self._unit(request, exchange, call, claim)
                except IdempotencyInProgressError:
                    raise
                except CloudSealedError as error:
                    if error.status == 409:
                        refusal = envelope(error, exchange.request_id)
                        keys.keep_alone(claim, Kept(error.status, {}, refusal))
                    raise
        except AnsweredError as answered:
            return _replayed(answered.kept, exchange)

    def _claim(self, request: Request, call: Call) -> Claim | None:
        key = request.headers.get("idempotency-key")
        if key is None or not self._operation.once:
            return None
        path, asked = request.scope["path"], request.scope["query_string"].decode("latin-1")
        return self._desk.idempotency.read(
            caller=call.caller, path=path, key=key, query=asked, body=call.body
        )

    def _unit(
        self, request: Request, exchange: Exchange, call: Call, claim: Claim | None
    ) -> Response:
        """Run the handler in one transaction with its precondition and its kept answer.

        The transaction begins with the handler's first write: what it does before makes none wait.
        """
        database, keys = self._desk.services.database, self._desk.idempotency
        precondition = _Precondition(self._operation, call, request.headers.get("if-match"))

        def begins(connection: Connection) -> None:
            if claim is not None:
                keys.begin(connection, claim)
            precondition.compare(connection)

        with database.unit(begins):
            try:
                response = self._shape(request, exchange, self._operation.handler(call), None)
            except CloudSealedError as error:
                if error.status in _AFTER_PRECONDITION:
                    precondition.require()
                raise
            if claim is not None or precondition.is_asked:
                with database.write() as connection:
                    precondition.require()
                    if claim is not None:
                        keys.keep(connection, claim, self._kept(response))
        return response

    def _kept(self, response: Response) -> Kept:
        headers = {n: response.headers[n] for n in ("location",) if n in response.headers}
        shown = without_secrets(bytes(response.body), self._operation.secrets)
        return Kept(response.status_code, headers, shown)

    @contextmanager
    def _budgeted(self, exchange: Exchange, call: Call) -> Iterator[None]:
        """Let the handler spend its heavy budgets, and give them back if its work fails."""
        purses = {
            name: _Purse(self._desk.limits, name, call.tenant, exchange)
            for name in self._operation.heavy
        }
        call.admits = {name: purse.spend for name, purse in purses.items()}
        try:
            yield
        except BaseException:
            for purse in purses.values():
                purse.give_back()
            raise

    def _handled(self, call: Call) -> Reply:
        reply = self._operation.handler(call)
        shown: Reply = reply if call.shown is None else call.shown.of(reply, call)
        return shown

    def _shape(
        self, request: Request, exchange: Exchange, reply: Reply, walk: Walk | None
    ) -> Response:
        operation = self._operation
        if reply is None:
            return Response(status_code=204)
        if isinstance(reply, Stream):
            return _streamed(reply)
        headers: dict[str, str] = {}
        if isinstance(reply, Page):
            assert walk is not None
            content, headers = self._desk.pages.answer(walk, reply, exchange.base)
        elif isinstance(reply, bytes):
            content = reply
        else:
            content = orjson.dumps(reply)
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
        is_part = "fields" in operation.parameters and "fields" in request.query_params
        kind = PARTIAL if is_part else operation.produces[0]
        return Response(content, operation.status, headers, kind)


class _Precondition:
    """A request's `If-Match`, compared once, in the transaction that writes if there is one.

    Until that ends the object stays as it was compared. A mismatch is raised only when the handler
    has nothing against the request that goes before it.
    """

    def __init__(self, operation: Operation, call: Call, wanted: str | None) -> None:
        self.is_asked = wanted is not None and operation.getter is not None
        self._operation = operation
        self._call = call
        self._wanted = wanted or ""
        self._fits: bool | None = None

    def compare(self, connection: Connection | None) -> None:
        """Compare the object's tag; raises the 404 of one that is gone."""
        if not self.is_asked or self._fits is not None:
            return
        getter, rows, call = self._operation.getter, self._operation.rows, self._call
        assert getter is not None
        if connection is not None and rows is not None:
            hold(connection, rows, **call.one)
        self._fits = _names(self._wanted, etag(getter(call)))

    def require(self) -> None:
        """Raise EtagMismatchError unless the object is the one that the request means."""
        self.compare(None)
        if self._fits is False:
            raise EtagMismatchError("The object has changed: read it again")


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


def _parameters(known: query.Known, given: query.Given) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, item in known.items():
        if isinstance(item, Filter):
            if name in given:
                found[name] = query.read_filter(item, given[name])
        elif name in given:
            found[name] = item.read(given[name])
        elif item.default is not None:
            found[name] = item.read((item.default,))
    return found


def _streamed(reply: Stream) -> Response:
    disposition = f'attachment; filename="{reply.filename}"'
    headers = {"Content-Disposition": disposition}
    return _Streamed(reply.pieces, headers, reply.media_type)


class _Streamed(StreamingResponse):
    """A file whose pieces end with the response, also when the client goes away: what they hold
    would else be held until memory is next cleaned up."""

    def __init__(
        self, pieces: Iterator[bytes], headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(_in_threads(pieces), 200, headers, media_type)
        self._pieces = pieces

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self._pieces, Generator):
                with suppress(ValueError):  # a piece is being made, and ends with its thread
                    self._pieces.close()


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Have each piece made in a thread: who reads slowly holds none meanwhile."""
    while (piece := await run_in_threadpool(next, pieces, None)) is not None:
        yield piece


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
