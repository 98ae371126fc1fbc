"""Runs one operation: checks the request, calls the handler, shapes the answer.

The order of refusals is that of the contract: scope, object, media types, size, JSON, parameters,
`If-Match`, conflicts. What an operation writes and the answer kept for its Idempotency-Key are one
transaction, in which `If-Match` is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from cloudsealed.api import accept, body, files, query
from cloudsealed.api.errors import (
    IdempotencyInProgressError,
    NotAcceptableError,
    RouteNotFoundError,
    envelope,
)
from cloudsealed.api.events import EventStream
from cloudsealed.api.feed import Feed, Watcher
from cloudsealed.api.files import File
from cloudsealed.api.gate import coding
from cloudsealed.api.gate.exchange import Exchange, exchange_of
from cloudsealed.api.gate.limits import Limits, tighter
from cloudsealed.api.gate.purse import Purse
from cloudsealed.api.idempotency import (
    AnsweredError,
    Claim,
    Idempotency,
    Kept,
    with_request_id,
    without_secrets,
)
from cloudsealed.api.listing import Pages, Walk
from cloudsealed.api.operation import Call, Costs, Follow, Operation, Reply, Stream
from cloudsealed.api.precondition import Precondition, etag, names, refuse_long_tags
from cloudsealed.api.recording import Recording, read_of
from cloudsealed.api.shown import PARTIAL, SHOWN, read_shown
from cloudsealed.api.streams import streamed
from cloudsealed.events.reads import Reads
from cloudsealed.kit import deprecation
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.kit.shapes import deprecations_used
from cloudsealed.kit.threads import (
    Crew,
    CrowdedError,
    Holder,
    look,
    run_in_threadpool,
    write_in_threadpool,
)
from cloudsealed.storage.database import Connection, ReadDeadlineError, ServiceUnavailableError
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Page
from cloudsealed.wiring import Services

T = TypeVar("T")

_LONGEST_NAME = 200
_AFTER_PRECONDITION = (409, 429)  # refusals that a failed precondition goes before
QUICK_SECONDS = 0.005  # how long a read may hold the event loop
_READ = (200, 206)  # what hands something out
_COST_NOTHING = (CrowdedError, ServiceUnavailableError, NotFoundError)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every endpoint shares."""

    services: Services
    limits: Limits
    pages: Pages
    idempotency: Idempotency
    crews: Mapping[str, Crew]
    feed: Feed
    reads: Reads

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
        refuse_long_tags(request)
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
            if self._ages:
                _say_deprecated(exchange, _deprecations_used(operation, request, call))
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

        def work() -> Response | Reply:
            with self._budgeted(exchange, call):
                if self._operation.writes:
                    return self._once(request, exchange, call)
                return self._handled(call)

        made = await self._placed(exchange, call, work)
        if isinstance(made, Response):
            return made
        response = self._shape(request, exchange, made, walk)
        if (
            self._operation.event is not None
            and response.status_code in _READ
            and not exchange.is_head
        ):
            self._desk.reads.add(read_of(self._operation, call, exchange.request_id))
        return response

    async def _placed(self, exchange: Exchange, call: Call, work: Callable[[], T]) -> T:
        costs = self._operation.costs
        if costs is not None and costs.when(call.body):
            return await self._paid(costs, exchange, call, work)
        if self._on_loop and not (call.shown and call.shown.expansions):
            call.deadline = QUICK_SECONDS
            try:
                return work()
            except ReadDeadlineError:
                call.deadline = None
        if self._operation.writes:
            return await write_in_threadpool(work)
        if not self._operation.is_json:
            return await run_in_threadpool(work)
        return await self._looked(work)

    async def _looked(self, work: Callable[[], T]) -> T:
        def hurried(deadline: float | None) -> T:
            with self._desk.services.database.hurried(deadline):
                return work()

        return await look(hurried)

    async def _paid(self, costs: Costs, exchange: Exchange, call: Call, work: Callable[[], T]) -> T:
        """Spend what the request costs, then do its work among the few that may do such."""
        limits, crew = self._desk.limits, self._desk.crews[costs.budget]
        purse = Purse(limits, costs.budget, call.tenant, exchange)
        await limits.asked(purse.spend)
        try:
            return await crew.run(Holder(call.tenant, call.caller.token_id), work)
        except _COST_NOTHING:
            await limits.asked(purse.give_back)
            raise

    async def _refuse_missing(self, call: Call) -> None:
        """Raise the 404 that goes before any other fault of the request."""
        if self._operation.getter is not None:
            await self._looked(partial(self._operation.getter, call))

    async def _read(self, request: Request, call: Call) -> Walk | None:
        operation = self._operation
        call.accept = request.headers.get("accept", "")
        # Whoever takes JSON takes our errors: a file is sent to them as well (RFC 9110, 12.4.1),
        # but not a stream of events, which would never end for them.
        also = () if operation.is_followed else (body.JSON_TYPE, *_partly(operation, request))
        answered = (*operation.produces, *also)
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
        """Run the handler in one transaction with its precondition, event and kept answer.

        The transaction begins with the handler's first write: what it does before makes none wait.
        """
        database, keys = self._desk.services.database, self._desk.idempotency
        precondition = Precondition(self._operation, call, request.headers.get("if-match"))
        recording = Recording(self._operation, call, exchange.request_id)

        def begins(connection: Connection) -> None:
            if claim is not None:
                keys.begin(connection, claim)
            precondition.compare(connection)
            recording.begin(connection)

        with recording.doing(), database.unit(begins):
            try:
                response = self._shape(request, exchange, self._operation.handler(call), None)
            except CloudSealedError as error:
                if error.status in _AFTER_PRECONDITION:
                    precondition.require()
                raise
            recording.finish(bytes(response.body))
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
            name: Purse(self._desk.limits, name, call.tenant, exchange)
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
            return streamed(reply)
        if isinstance(reply, File):
            known = names(request.headers.get("if-none-match", ""), reply.tag)
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
            content = orjson.dumps(reply)
        if operation.tagged or operation.is_list:
            weak = "W/" if operation.is_list else ""
            is_object = operation.path.endswith("{id}")
            headers["ETag"] = weak + etag(content, operation.untagged if is_object else ())
            wanted = request.headers.get("if-none-match", "")
            if operation.is_conditional and names(wanted, headers["ETag"]):
                return Response(status_code=304, headers=headers)
        if operation.status in (201, 202):
            made = orjson.loads(content)
            collection = operation.collection.format(object=made.get("object"))
            headers["Location"] = f"{exchange.base}{collection}/{made['id']}"
        if operation.secrets:
            headers["Cache-Control"] = "no-store"
        kind = (*_partly(operation, request), *operation.produces)[0]
        return Response(content, operation.status, headers, kind)

    def _followed(self, request: Request, exchange: Exchange, reply: Follow) -> EventStream:
        """Return the stream of an audit's events for a client, from what it knows already."""
        assert self._operation.scope is not None, "what is followed needs a scope"
        known = request.headers.get("last-event-id")
        watcher = Watcher(
            exchange.authenticated, exchange.still, self._operation.scope, reply.standing.id, known
        )
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
        yield from deprecations_used(operation.body, call.body)


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


def _partly(operation: Operation, request: Request) -> tuple[str, ...]:
    """Return the media type of an answer that shows parts alone, if that is what is asked for."""
    asked = "fields" in operation.parameters and "fields" in request.query_params
    return (PARTIAL,) if asked else ()


def _replayed(kept: Kept, exchange: Exchange) -> Response:
    headers = {**kept.headers, "Idempotency-Replayed": "true"}
    content = kept.body  # of a 2xx as it is: some objects have a key `error` of their own
    if kept.status >= 400:
        content = with_request_id(content, exchange.request_id)
    return Response(content, kept.status, headers, body.JSON_TYPE)


def _is_name(text: str) -> bool:
    return text.isprintable() and len(text) <= _LONGEST_NAME
