"""The ledger: every provider call of an audit, its outcome and the address of its answer.

A unit and its answer are written in one transaction, fenced by the audit's lease. Whoever asks
for a unit that is there gets the stored answer: that is all of resuming and of reanalyzing.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import orjson
from sqlalchemy import Select, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_ignoring

from cloudsealed.audits.model import LeaseLostError
from cloudsealed.audits.records.tally import tally
from cloudsealed.audits.shard_store import Lease
from cloudsealed.collectors.model import (
    AGAIN,
    NOT_RECORDED,
    Answer,
    Caller,
    CallRequest,
    Place,
    Unit,
)
from cloudsealed.collectors.model import Row as ListRow
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import parse_rfc3339, rfc3339, utc_now
from cloudsealed.kit.counts import COUNTS
from cloudsealed.kit.logs import carried, detail
from cloudsealed.kit.traces import Kind, span
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database, Row
from cloudsealed.storage.forgetting import forget
from cloudsealed.storage.schema import calls
from cloudsealed.vocabulary import CallOutcome

log = logging.getLogger(__name__)

KEY = ("provider", "account", "region", "service", "operation", "parameters", "page")
VALUES = (
    "outcome",
    "attempts",
    "duration_ms",
    "request_id",
    "http_status",
    "error_code",
    "error_message",
    "digest",
    "called_at",
)
_THIS_AUDIT = (calls.c.tenant_id == bindparam("tenant"), calls.c.audit_id == bindparam("audit"))
_GET = select(*(calls.c[name] for name in VALUES)).where(
    *_THIS_AUDIT, *(calls.c[name] == bindparam(f"unit_{name}") for name in KEY)
)
_PUT = insert_ignoring(calls).on_conflict_do_nothing()
_ALL = select(*(calls.c[name] for name in (*KEY, *VALUES))).where(*_THIS_AUDIT)
_IN_ORDER = _ALL.order_by(*(calls.c[name] for name in KEY))
FIRST_PAGE = _IN_ORDER.limit(bindparam("most"))
NEXT_PAGE = FIRST_PAGE.where(
    tuple_(*(calls.c[name] for name in KEY)) > tuple_(*(bindparam(f"after_{n}") for n in KEY))
)
_ENDED = ("outcome", "called_at", "digest")
_AT_ONCE = 100
_READ_AT_ONCE = 1_000
_OPERATION = (
    select(calls.c.parameters, calls.c.page, *(calls.c[name] for name in _ENDED))
    .where(*_THIS_AUDIT, *(calls.c[name] == bindparam(f"the_{name}") for name in KEY[:5]))
    .order_by(calls.c.parameters, calls.c.page)
)
_FIRST_OF = _OPERATION.limit(bindparam("most"))
_SOME_OF = _OPERATION.where(
    calls.c.parameters.in_([bindparam(f"given_{index}") for index in range(_AT_ONCE)])
)
_AGAIN = _OPERATION.where(calls.c.page >= AGAIN).limit(1)
_COLLECTED = (
    select(calls.c.service, func.min(calls.c.called_at), func.max(calls.c.called_at))
    .where(*_THIS_AUDIT)
    .group_by(calls.c.service)
    .order_by(calls.c.service)
)
_BATCH = 200
_BROKEN = (CallOutcome.FAILED, CallOutcome.THROTTLED)
_LOOK_SECONDS, _GRACE_SECONDS = 0.5, 2.0
_LONGEST_PARAMETERS = 2_000
"""Bytes; they are part of a key, and PostgreSQL's index rows end at 2,704."""
_Packed = tuple[Unit, dict[str, Any], dict[str, Any] | None]
"""A unit, its row, and the row of its stored answer."""


def forget_calls(database: Database, *, tenant: str, audit_id: str, most: int) -> int:
    """Drop calls of an audit's ledger as `forget` does; return how many."""
    return forget(database, calls, most=most, tenant_id=tenant, audit_id=audit_id)


@dataclass(frozen=True, slots=True)
class Collected:
    """The services that an audit asked, and the times, RFC 3339, of its first and last call."""

    services: tuple[str, ...]
    first_call_at: str | None
    last_call_at: str | None


class Ledger:
    """Reads one audit's calls."""

    def __init__(self, database: Database, *, tenant: str, audit_id: str) -> None:
        self._database = database
        self._scope = {"tenant": tenant, "audit": audit_id}
        self.tenant = tenant

    def find(self, unit: Unit) -> Answer | None:
        """Return the stored answer of a unit, or None when the ledger lacks it."""
        key = {f"unit_{name}": getattr(unit, name) for name in KEY}
        with self._database.read() as connection:
            row = connection.first(_GET, {**self._scope, **key})
            if row is None:
                return None
            values = dict(zip(VALUES, row, strict=True))
            address = values.pop("digest")
            data = objects.get(connection, self.tenant, address) if address else None
        return _answer(values, data)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield every call in the order of its key, as the API shows it; a few are in memory."""
        statement = FIRST_PAGE
        after: dict[str, Any] = {}
        while True:
            with self._database.read() as connection:
                rows = connection.all(statement, {**self._scope, **after, "most": _READ_AT_ONCE})
            for row in rows:
                yield {"object": "call", **dict(zip((*KEY, *VALUES), row, strict=True))}
            if len(rows) < _READ_AT_ONCE:
                return
            last = zip(KEY, rows[-1], strict=False)
            statement, after = NEXT_PAGE, {f"after_{name}": value for name, value in last}

    def ended(
        self,
        *,
        provider: str,
        account: str,
        region: str,
        service: str,
        operation: str,
        parameters: Collection[str],
    ) -> Iterator[tuple[str, int, dict[str, Any]]]:
        """Yield the parameters, the page and the end (outcome, called_at, sha256) of an operation's
        calls with one of `parameters`, in a query a hundred of them."""
        for batch in batches(sorted(parameters), _AT_ONCE):
            filled = [*batch, *batch[-1:] * (_AT_ONCE - len(batch))]  # always one statement
            given = {f"given_{index}": text for index, text in enumerate(filled)}
            for row in self._operation(
                _SOME_OF, provider, account, region, service, operation, given
            ):
                yield row[0], row[1], _end(row)

    def first(
        self, *, provider: str, account: str, region: str, service: str, operation: str, most: int
    ) -> list[dict[str, Any]]:
        """Return the end of the first calls of an operation, in the order of the key."""
        bound = {"most": most}
        rows = self._operation(_FIRST_OF, provider, account, region, service, operation, bound)
        return [_end(row) for row in rows]

    def listed_again(
        self, *, provider: str, account: str, region: str, service: str, operation: str
    ) -> bool:
        """Say whether a list was asked for a second time."""
        return bool(self._operation(_AGAIN, provider, account, region, service, operation, {}))

    def _operation(
        self,
        statement: Select[Any],
        provider: str,
        account: str,
        region: str,
        service: str,
        operation: str,
        bound: Mapping[str, Any],
    ) -> list[Row]:
        named = {
            "the_provider": provider,
            "the_account": account,
            "the_region": region,
            "the_service": service,
            "the_operation": operation,
        }
        with self._database.read() as connection:
            return connection.all(statement, {**self._scope, **named, **bound})

    def collected(self) -> Collected:
        """Return which services were asked, and from when until when; a ledger that was dropped
        says nothing of it."""
        with self._database.read() as connection:
            rows: list[Row] = connection.all(_COLLECTED, self._scope)
        begun, ended = (sorted(row[place] for row in rows) for place in (1, 2))
        services = tuple(row[0] for row in rows)
        return Collected(services, begun[0] if begun else None, ended[-1] if ended else None)

    def count(self) -> dict[str, int]:
        """Return how many calls ended in each outcome."""
        counts = {outcome.value: 0 for outcome in CallOutcome}
        for call in tally(self._database, tenant=self.tenant, audit_id=self._scope["audit"]):
            counts[call.outcome] += call.count
        return counts


class StoredCalls:
    """A Caller that only reads a ledger: what derivation and reanalysis use."""

    def __init__(self, ledger: Ledger, clock: str) -> None:
        """`clock` is the moment of what is not there."""
        self._ledger = ledger
        self._missing = _not_recorded(parse_rfc3339(clock))

    def call(self, request: CallRequest) -> Answer:
        """Return the stored answer, `failed` for a call that is not there: nobody is asked."""
        return self._ledger.find(request.unit) or self._missing

    def listed_again(self, row: ListRow, place: Place) -> bool:
        """Say whether the list of a type in a place was asked for a second time."""
        return row.operation is not None and self._ledger.listed_again(
            provider=place.provider,
            account=place.account,
            region=place.region,
            service=row.service,
            operation=row.operation,
        )


class RecordedCalls:
    """A Caller that asks the ledger first, then the provider, and records what that said."""

    def __init__(self, ledger: Ledger, provider: Caller, recorder: Recorder) -> None:
        self._ledger = ledger
        self._provider = provider
        self._recorder = recorder
        self._aside: dict[Unit, Answer] = {}
        self._last = True

    def begin_pass(self, *, last: bool) -> None:
        """Ask anew for what was put aside. In every pass but the last, what was throttled, or
        failed for a silent service, is put aside instead of being recorded."""
        self._aside = {}
        self._last = last

    def is_aside(self, unit: Unit) -> bool:
        """Say whether a unit waits for the next pass; the ledger lacks it until then."""
        return unit in self._aside

    def call(self, request: CallRequest) -> Answer:
        """Return the answer of a unit, from the ledger when it is there."""
        if len(request.unit.parameters.encode()) > _LONGEST_PARAMETERS:
            return _not_recorded(utc_now())
        with self._recorder.turn(request.unit):  # a second answer might differ from the stored one
            unit, aside = request.unit, self._aside
            known = aside.get(unit) or self._recorder.pending(unit) or self._ledger.find(unit)
            if known is not None:
                return known
            self._recorder.stop_if_asked()
            answer = self._asked(request)
            if answer.may_pass and not self._last:
                aside[unit] = answer
                return answer
            COUNTS.add("provider_calls", service=unit.service, outcome=answer.outcome)
            detail(
                log,
                f"{unit.action} {answer.outcome}",
                region=unit.region,
                page=unit.page,
                attempts=answer.attempts,
                milliseconds=answer.duration_ms,
                **({"code": answer.error_code} if answer.error_code else {}),
            )
            return self._recorder.record(unit, answer)

    def _asked(self, request: CallRequest) -> Answer:
        """Ask the provider. The span has no parameters, no answer, and no text of either."""
        unit = request.unit
        facts = {
            "rpc.system": unit.provider,
            "rpc.service": unit.service,
            "rpc.method": unit.operation,
            "cloud.region": unit.region,
        }
        with span(unit.action, Kind.CLIENT, facts) as traced:
            answer = self._provider.call(request)
            traced.tell({"outcome": answer.outcome, "attempts": answer.attempts})
            if answer.outcome in _BROKEN:
                traced.fail(answer.outcome)
        return answer


class Recorder:
    """Writes units in batches from a thread of its own: SQLite has one writer, threads many calls.

    A unit that is not yet on disk when the process dies is called again by the next run.
    """

    def __init__(self, lease: Lease, audit_id: str) -> None:
        self._lease = lease
        self._audit_id = audit_id
        self._waiting: dict[Unit, Answer] = {}
        self._turns: WeakValueDictionary[Unit, threading.Lock] = WeakValueDictionary()
        self._turns_lock = threading.Lock()
        self._queue: queue.Queue[_Packed | None] = queue.Queue(maxsize=4 * _BATCH)
        self._error: BaseException | None = None
        self._refusal: BaseException | None = None
        self.calls = 0
        self._thread = threading.Thread(target=carried(self._run), name="ledger", daemon=True)

    def __enter__(self) -> Recorder:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        """Wait until all is on disk; on the way out with an error, not for long."""
        if kind is not None:
            self.abort(LeaseLostError(self._audit_id))
            with suppress(queue.Full):
                self._queue.put(None, timeout=_LOOK_SECONDS)
            self._thread.join(_GRACE_SECONDS)
            return
        self._hand(None)
        while self._thread.is_alive():
            self._thread.join(_LOOK_SECONDS)
            self._lease.check()

    def turn(self, unit: Unit) -> threading.Lock:
        """Return the lock of a unit: the walks of a type and of its children ask for one list."""
        with self._turns_lock:
            return self._turns.setdefault(unit, threading.Lock())

    def pending(self, unit: Unit) -> Answer | None:
        """Return an answer that is recorded but not yet on disk."""
        return self._waiting.get(unit)

    def record(self, unit: Unit, answer: Answer) -> Answer:
        """Hand a unit over and return its answer, `failed` when it cannot be stored; waits when
        the disk is behind. Raises as `stop_if_asked` does."""
        try:
            packed = self._packed(unit, answer)
        except (TypeError, ValueError, RecursionError, MemoryError):
            answer = _unstorable(answer)
            packed = self._packed(unit, answer)
        self._waiting[unit] = answer
        self._hand(packed)
        self.calls += 1
        return answer

    def stop_if_asked(self) -> None:
        """Raise what stopped the writing: a lost lease, a cancellation, a full disk."""
        error = self._error or self._refusal
        if error is not None:
            raise error
        self._lease.check()

    def _hand(self, packed: _Packed | None) -> None:
        while True:
            self.stop_if_asked()
            try:
                self._queue.put(packed, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def abort(self, error: BaseException) -> None:
        """Make every further call raise `error`; what was handed over is still written."""
        self._refusal = self._refusal or error

    def _run(self) -> None:
        try:
            while self._write_some():
                pass
        except BaseException as error:  # the callers' threads must learn of it
            self._error = error

    def _write_some(self) -> bool:
        """Write what is there, after a while if nothing is; False at the end."""
        batch: list[_Packed | None] = []
        with suppress(queue.Empty):
            batch.append(self._queue.get(timeout=_LOOK_SECONDS))
            while len(batch) < _BATCH:
                batch.append(self._queue.get_nowait())
        self._lease.check()
        self._write([item for item in batch if item is not None])
        return None not in batch and bool(batch or self._refusal is None)

    def _write(self, batch: list[_Packed]) -> None:
        if not batch:
            return
        with self._lease.write() as connection:
            objects.put_many(connection, [stored for _, _, stored in batch if stored])
            connection.many(_PUT, [row for _, row, _ in batch])
        for unit, _row, _stored in batch:
            self._waiting.pop(unit, None)

    def _packed(self, unit: Unit, answer: Answer) -> _Packed:
        if answer.document is None:
            return unit, self._row(unit, answer, None), None
        data = canonical(answer.document)
        address, stored = objects.pack(self._lease.tenant, data, self._lease.month)
        return unit, self._row(unit, answer, address), stored

    def _row(self, unit: Unit, answer: Answer, address: str | None) -> dict[str, Any]:
        return {
            "tenant_id": self._lease.tenant,
            "audit_id": self._audit_id,
            **{name: getattr(unit, name) for name in KEY},
            "outcome": answer.outcome,
            "attempts": answer.attempts,
            "duration_ms": answer.duration_ms,
            "request_id": _text(answer.request_id),
            "http_status": answer.http_status,
            "error_code": _text(answer.error_code),
            "error_message": _text(answer.error_message),
            "digest": address,
            "called_at": rfc3339(answer.called_at),
        }


def _not_recorded(at: datetime) -> Answer:
    return Answer(
        CallOutcome.FAILED,
        None,
        at,
        error_code=NOT_RECORDED,
        error_message="The ledger has no such call",
    )


def _unstorable(answer: Answer) -> Answer:
    return replace(
        answer,
        outcome=CallOutcome.FAILED,
        document=None,
        error_code="NotStorable",
        error_message="The answer holds what JSON of ours cannot hold",
    )


def _text(value: str | None) -> str | None:
    """Return a text that every database stores: PostgreSQL refuses NUL, both half a character."""
    return value and value.encode(errors="replace").decode().replace("\0", "")


def _end(row: Row) -> dict[str, Any]:
    outcome, called_at, digest = row[2:]
    return {"outcome": outcome, "called_at": called_at, "sha256": digest}


def _answer(values: Mapping[str, Any], data: bytes | None) -> Answer:
    return Answer(
        outcome=CallOutcome(values["outcome"]),
        document=None if data is None else orjson.loads(data),
        called_at=parse_rfc3339(values["called_at"]),
        error_code=values["error_code"],
        error_message=values["error_message"],
        attempts=values["attempts"],
        duration_ms=values["duration_ms"],
        request_id=values["request_id"],
        http_status=values["http_status"],
    )
