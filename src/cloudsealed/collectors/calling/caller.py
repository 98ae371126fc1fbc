"""The caller of any provider: paced, retried with jitter, ended by a deadline, redacted.

Whatever a provider does becomes an answer's outcome and never an exception. How a call is sent, and
what a failure of it means, is the provider's.
"""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cloudsealed.collectors.calling.breaker import Breaker, Patience
from cloudsealed.collectors.calling.pacing import (
    DEFAULT_CEILING,
    PACER,
    Key,
    Monotonic,
    Pacer,
    Sleep,
)
from cloudsealed.collectors.calling.wire import Call
from cloudsealed.collectors.model import Answer, CallRequest, Document, Unit
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.redaction import redact
from cloudsealed.collectors.storable import UnstorableError, storable
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.kit.counts import COUNTS
from cloudsealed.vocabulary import CallOutcome

if TYPE_CHECKING:
    from cloudsealed.collectors.calling.places import Places  # which imports the storage

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds


class CallerClosedError(Exception):
    """A caller was closed while it had calls to make: nobody waits for their answers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call has no answer: a stable code, the provider's or ours, and the response's facts.
    `retry_after` is in seconds, where the provider says when to ask again."""

    code: str
    http_status: int | None = None
    request_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What answered: its facts, and the answer's members without them."""

    members: Mapping[str, Any]
    http_status: int | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for all attempts of a call, for the one attempt where a service has fallen silent,
    and how many attempts there are."""

    deadline: float
    brief: float
    attempts: int


@dataclass(slots=True)
class _Tries:
    """The attempts of one call, and when they end."""

    end: float
    attempts: int = 0
    renewed: bool = False


F = TypeVar("F", bound=Failure)


@dataclass(slots=True)
class PacedCaller(ABC, Generic[F]):
    """Answers requests about one account; safe for threads.

    `redaction_key` is the tenant's. `ceilings` are calls a second for a service. Without a `pacer`
    it shares that of the process, and with `places` its ceilings with other processes.
    """

    session: Any
    redaction_key: bytes
    ceilings: Mapping[str, float]
    clock: Clock = utc_now
    monotonic: Monotonic = time.monotonic
    sleep: Sleep | None = None
    jitter: Callable[[], float] = random.random
    pacer: Pacer | None = None
    places: Places | None = None
    _pacer: Pacer = field(init=False)
    _breaker: Breaker = field(init=False)
    _closed: threading.Event = field(init=False, default_factory=threading.Event)

    def __post_init__(self) -> None:
        own_time = self.sleep is not None or self.monotonic is not time.monotonic
        self._pacer = self.pacer or (Pacer(self.monotonic) if own_time else PACER)
        self._breaker = Breaker(self.monotonic)

    @property
    @abstractmethod
    def limits(self) -> Limits:
        """How long a call is tried."""

    @abstractmethod
    def refuse_change(self, unit: Unit) -> None:
        """Raise ValueError for a call that may change something."""

    @abstractmethod
    def send(self, request: CallRequest, seconds: float) -> Response:
        """Make a call; raises anything, which `failure` understands."""

    @abstractmethod
    def failure(self, error: Exception, unit: Unit) -> F:
        """Return what an error of `send` means; its text is dropped."""

    @abstractmethod
    def open_circuit(self) -> F:
        """Return the failure of a call that is not made, as nothing answers there."""

    @abstractmethod
    def outcome(self, failure: F, request: CallRequest) -> CallOutcome:
        """Return how a call with this failure ended."""

    @abstractmethod
    def is_silence(self, failure: F) -> bool:
        """Whether nothing answered at all."""

    @abstractmethod
    def is_transient(self, failure: F) -> bool:
        """Whether the same call may well succeed in a moment."""

    @abstractmethod
    def sentence(self, failure: F, outcome: CallOutcome, place: str) -> str:
        """Return a message for people on a failed call, without any value of it."""

    def kept(self, unit: Unit) -> Container[str]:
        """Return the members of an answer that are never taken for a secret: where its next page
        begins."""
        return ()

    def given(self, unit: Unit) -> Container[str]:
        """Return the names of maps in which people gave the keys."""
        return ()

    def renewed(self, failure: F, generation: int, *, again: bool) -> bool:
        """Say whether a failed call is to be repeated with other credentials than those of
        `generation`; `again` when that was done for it already. Raises CloudAccessError when the
        session has ended and there are no others."""
        return False

    @property
    def generation(self) -> int:
        """How often the session's credentials were renewed."""
        return 0

    def close(self) -> None:
        """Close the connections; a call that waits for its turn raises CallerClosedError, and one
        that is under way is not tried again."""
        self._closed.set()
        self.session.close()

    def call(self, request: CallRequest) -> Answer:
        """Ask for one unit; the deadline counts from when its turn has come.

        Raises CallerClosedError, and CloudAccessError when the session has ended and its chain has
        no other credentials.
        """
        unit = request.unit
        self.refuse_change(unit)
        with self.places.at(_lane(unit), self._pause) if self.places else nullcontext():
            started = self._pace(unit)
            called_at, start = self.clock(), self.monotonic()
            tries = _Tries(start)
            result = self._asked(request, tries, started)
        facts: dict[str, Any] = {
            "attempts": tries.attempts,
            "duration_ms": round((self.monotonic() - start) * 1000),
            "called_at": called_at,
        }
        if isinstance(result, Failure):
            return self._failed(request, result, **facts)
        return self._answered(request, *result, **facts)

    def _pace(self, unit: Unit) -> float:
        ceiling = self.ceilings.get(unit.service, DEFAULT_CEILING)
        return self._pacer.wait(_lane(unit), ceiling, self._pause)

    def _pause(self, seconds: float) -> None:
        if self.sleep is not None:
            self.sleep(seconds)
        elif self._closed.wait(seconds):
            raise CallerClosedError

    def _asked(
        self, request: CallRequest, tries: _Tries, started: float
    ) -> F | tuple[Response, Document]:
        """Ask as the breaker has it, and tell it how that ended."""
        limits, where = self.limits, (request.unit.service, request.unit.region)
        patience = self._breaker.patience(where)
        if patience is Patience.NONE:
            self._pacer.ended(_lane(request.unit), started)
            return self.open_circuit()
        brief = patience is Patience.BRIEF
        tries.end += min(limits.brief, limits.deadline) if brief else limits.deadline
        result = self._attempts(request, tries, started, 1 if brief else limits.attempts)
        if not (isinstance(result, Failure) and self.is_silence(result)):
            self._breaker.answered(where)
            return result
        self._breaker.silent(where)
        return self.open_circuit() if brief else result

    def _attempts(
        self, request: CallRequest, tries: _Tries, started: float, most: int
    ) -> F | tuple[Response, Document]:
        """Try until an answer, a lasting failure, the last attempt or the deadline.

        What is only not ready yet is asked for until the deadline. Waiting for a turn is no part of
        it, be it for the call or for a large answer.
        """
        unit = request.unit
        while True:
            tries.attempts += 1
            generation = self.generation
            result = self._attempt(request, tries, started)
            if not isinstance(result, Failure):
                return result
            if self.renewed(result, generation, again=tries.renewed):
                tries.renewed = True
                continue
            if self.outcome(result, request) is CallOutcome.THROTTLED:
                self._pacer.throttled(_lane(unit), started)
            pause = self.jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**tries.attempts)
            pause = max(pause, result.retry_after or 0.0)
            worth = result.code in request.awaits or (
                self.is_transient(result) and tries.attempts < most
            )
            over = self._closed.is_set() or self._breaker.is_open((unit.service, unit.region))
            if not worth or over or self.monotonic() + pause >= tries.end:
                return result
            self._pause(pause)
            before = self.monotonic()
            started = self._pace(unit)
            tries.end += self.monotonic() - before

    def _attempt(
        self, request: CallRequest, tries: _Tries, started: float
    ) -> F | tuple[Response, Document]:
        """Return what answered with its document, or why nothing did."""
        call, left = Call(self._closed), tries.end - self.monotonic()

        def sent() -> tuple[Response, Document]:
            response = self.send(request, left)
            stored = self._stored(request, response.members)
            return replace(response, members={}), stored  # else what was read outlives its turn

        try:
            result: tuple[Response, Document] = call.within(left, sent)
            return result
        except Exception as error:
            failure = self.failure(error, request.unit)
        finally:
            tries.end += call.waited
            self._pacer.ended(_lane(request.unit), started)
        if self.outcome(failure, request) is CallOutcome.THROTTLED:
            COUNTS.add("provider_throttles", service=request.unit.service)
        return failure

    def _stored(self, request: CallRequest, members: Mapping[str, Any]) -> Document:
        """Return an answer as it is stored; raises UnstorableError.

        Whoever writes it encodes it in the same way: what passes here can be written.
        """
        document = redact(
            storable(members),
            request.secret_paths,
            self.redaction_key,
            kept=self.kept(request.unit),
            given=self.given(request.unit),
        )
        try:
            canonical(document)
        except (TypeError, ValueError, RecursionError):
            raise UnstorableError from None
        return document

    def _answered(
        self, request: CallRequest, response: Response, document: Document, **facts: Any
    ) -> Answer:
        is_empty = request.items is not None and not read(request.items, document)
        return Answer(
            outcome=CallOutcome.EMPTY if is_empty else CallOutcome.OK,
            document=document,
            request_id=response.request_id,
            http_status=response.http_status,
            **facts,
        )

    def _failed(self, request: CallRequest, failure: F, **facts: Any) -> Answer:
        outcome = self.outcome(failure, request)
        place = f"{request.unit.service} in {request.unit.region}"
        return Answer(
            outcome=outcome,
            document=None,
            error_code=failure.code,
            error_message=self.sentence(failure, outcome, place),
            request_id=failure.request_id,
            http_status=failure.http_status,
            **facts,
        )


def _lane(unit: Unit) -> Key:
    return (unit.account, unit.region, unit.service)
