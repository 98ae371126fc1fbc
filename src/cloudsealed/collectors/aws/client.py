"""The caller that asks AWS: paced, retried with jitter, ended by a deadline, redacted.

Whatever AWS does becomes an answer's outcome and never an exception. It refuses to make a call
that changes anything: only operations that describe, list and get are let through.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from botocore import xform_name

from cloudsealed.collectors.aws.access import AwsSession
from cloudsealed.collectors.aws.answers import (
    HOST_NOT_FOUND,
    UNLISTED,
    UNREACHABLE,
    Failure,
    failure_of,
    is_silence,
    is_transient,
    outcome_of,
    request_id_of,
    sentence_of,
)
from cloudsealed.collectors.aws.breaker import Breaker, Patience
from cloudsealed.collectors.aws.pacing import (
    CEILINGS,
    DEFAULT_CEILING,
    PACER,
    Key,
    Monotonic,
    Pacer,
    Sleep,
)
from cloudsealed.collectors.aws.pagination import page_members
from cloudsealed.collectors.aws.places import Places
from cloudsealed.collectors.aws.shape import check_answer
from cloudsealed.collectors.aws.standing import Standing
from cloudsealed.collectors.aws.wire import Call
from cloudsealed.collectors.model import CIRCUIT_OPEN, Answer, CallRequest, Document, Unit
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.redaction import redact
from cloudsealed.collectors.storable import UnstorableError, storable
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.kit.counts import COUNTS
from cloudsealed.vocabulary import CallOutcome

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds
_READING = ("Describe", "List", "Get", "GenerateCredentialReport")


class CallerClosedError(Exception):
    """A caller was closed while it had calls to make: nobody waits for their answers."""


@dataclass(slots=True)
class _Tries:
    """The attempts of one call, and when they end."""

    end: float
    attempts: int = 0
    renewed: bool = False


@dataclass(slots=True)
class AwsCaller:
    """Answers requests about one account; safe for threads.

    `redaction_key` is the tenant's. `ceilings` are calls a second for a service. Without a `pacer`
    it shares that of the process, and with `places` its ceilings with other processes.
    """

    session: AwsSession
    redaction_key: bytes
    ceilings: Mapping[str, float] = field(default_factory=lambda: CEILINGS)
    clock: Clock = utc_now
    monotonic: Monotonic = time.monotonic
    sleep: Sleep | None = None
    jitter: Callable[[], float] = random.random
    pacer: Pacer | None = None
    places: Places | None = None
    _pacer: Pacer = field(init=False)
    _breaker: Breaker = field(init=False)
    _standing: Standing = field(init=False)
    _closed: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        own_time = self.sleep is not None or self.monotonic is not time.monotonic
        self._pacer = self.pacer or (Pacer(self.monotonic) if own_time else PACER)
        self._breaker = Breaker(self.monotonic)
        self._standing = Standing(self.session, self.monotonic)

    def close(self) -> None:
        """Close the connections; a call that waits for its turn raises CallerClosedError, and one
        that is under way is not tried again."""
        self._closed.set()
        self.session.close()

    def call(self, request: CallRequest) -> Answer:
        """Ask AWS for one unit; the deadline counts from when its turn has come.

        Raises CallerClosedError, and CloudAccessError when the session has ended and the SDK's
        chain has no other credentials.
        """
        unit = request.unit
        if not unit.operation.startswith(_READING):
            raise ValueError(f"{unit.action} is no call that only reads")
        with self.places.at(_lane(unit), self._pause) if self.places else nullcontext():
            started = self._pace(unit)
            called_at, start = self.clock(), self.monotonic()
            tries = _Tries(start)
            result = self._asked(request, tries, started)
        spent = self.monotonic() - start
        return (self._failed if isinstance(result, Failure) else self._answered)(
            request,
            result,
            attempts=tries.attempts,
            duration_ms=round(spent * 1000),
            called_at=called_at,
        )

    def _pace(self, unit: Unit) -> float:
        ceiling = self.ceilings.get(unit.service, DEFAULT_CEILING)
        return self._pacer.wait(_lane(unit), ceiling, self._pause)

    def _pause(self, seconds: float) -> None:
        if self.sleep is not None:
            self.sleep(seconds)
        elif self._closed.wait(seconds):
            raise CallerClosedError

    def _asked(self, request: CallRequest, tries: _Tries, started: float) -> Failure | Any:
        """Ask as the breaker has it, and tell it how that ended."""
        access, where = self.session.access, (request.unit.service, request.unit.region)
        patience = self._breaker.patience(where)
        if patience is Patience.NONE:
            self._pacer.ended(_lane(request.unit), started)
            return Failure(CIRCUIT_OPEN)
        brief = patience is Patience.BRIEF
        tries.end += min(access.brief, access.deadline) if brief else access.deadline
        result = self._attempts(request, tries, started, 1 if brief else access.max_attempts)
        if not (isinstance(result, Failure) and is_silence(result)):
            self._breaker.answered(where)
            return result
        self._breaker.silent(where)
        return Failure(CIRCUIT_OPEN) if brief else result

    def _attempts(
        self, request: CallRequest, tries: _Tries, started: float, most: int
    ) -> Failure | Any:
        """Try until an answer, a lasting failure, the last attempt or the deadline.

        What is only not ready yet is asked for until the deadline. Waiting for a turn is no part of
        it, be it for the call or for a large answer.
        """
        unit = request.unit
        while True:
            tries.attempts += 1
            generation = self.session.generation
            result = self._attempt(request, tries, started)
            if not isinstance(result, Failure):
                return result
            if self._standing.renewed(result, generation, again=tries.renewed):
                tries.renewed = True
                continue
            if outcome_of(result, request.absent) is CallOutcome.THROTTLED:
                self._pacer.throttled(_lane(unit), started)
            pause = self.jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries.attempts)
            worth = result.code in request.awaits or (
                is_transient(result) and tries.attempts < most
            )
            over = self._closed.is_set() or self._breaker.is_open((unit.service, unit.region))
            if not worth or over or self.monotonic() + pause >= tries.end:
                return result
            self._pause(pause)
            before = self.monotonic()
            started = self._pace(unit)
            tries.end += self.monotonic() - before

    def _attempt(self, request: CallRequest, tries: _Tries, started: float) -> Failure | Any:
        """Return a document or why there is none."""
        call = Call(self._closed)
        try:
            return call.within(tries.end - self.monotonic(), lambda: self._send(request))
        except Exception as error:
            failure = self._placed(failure_of(error), request.unit)
        finally:
            tries.end += call.waited
            self._pacer.ended(_lane(request.unit), started)
        if outcome_of(failure, request.absent) is CallOutcome.THROTTLED:
            COUNTS.add("provider_throttles", service=request.unit.service)
        return failure

    def _placed(self, failure: Failure, unit: Unit) -> Failure:
        """Return a failure, told apart from one for which there is no endpoint at all."""
        if failure.code != HOST_NOT_FOUND:
            return failure
        listed = self.session.offers(unit.service, unit.region)
        return replace(failure, code=UNREACHABLE if listed else UNLISTED)

    def _send(self, request: CallRequest) -> Any:
        unit = request.unit
        client = self.session.client(unit.service, unit.region)
        parameters = {**orjson.loads(unit.parameters), **request.token}
        response = getattr(client, xform_name(unit.operation))(**parameters)
        check_answer(response, request)
        metadata = response.pop("ResponseMetadata", {})
        return metadata, self._stored(request, response)

    def _stored(self, request: CallRequest, response: Any) -> Document:
        """Return a parsed response as it is stored; raises UnstorableError.

        Whoever writes it encodes it in the same way: what passes here can be written.
        """
        document = redact(
            storable(response),
            request.secret_paths,
            self.redaction_key,
            kept=page_members(request.unit.service, request.unit.operation),
        )
        try:
            canonical(document)
        except (TypeError, ValueError, RecursionError):
            raise UnstorableError from None
        return document

    def _answered(self, request: CallRequest, result: Any, **facts: Any) -> Answer:
        metadata, document = result
        return Answer(
            outcome=_fullness(request, document),
            document=document,
            request_id=request_id_of(metadata),
            http_status=metadata.get("HTTPStatusCode"),
            **facts,
        )

    def _failed(self, request: CallRequest, failure: Failure, **facts: Any) -> Answer:
        outcome = outcome_of(failure, request.absent, request.gone)
        place = f"{request.unit.service} in {request.unit.region}"
        return Answer(
            outcome=outcome,
            document=None,
            error_code=failure.code,
            error_message=sentence_of(failure, outcome, place),
            request_id=failure.request_id,
            http_status=failure.http_status,
            **facts,
        )


def _lane(unit: Unit) -> Key:
    return (unit.account, unit.region, unit.service)


def _fullness(request: CallRequest, document: Document) -> CallOutcome:
    if request.items is not None and not read(request.items, document):
        return CallOutcome.EMPTY
    return CallOutcome.OK
