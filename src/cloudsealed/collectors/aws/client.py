"""The caller that asks AWS: paced, retried with jitter, ended by a deadline, redacted.

Whatever AWS does becomes an answer's outcome and never an exception. It refuses to make a call
that changes anything: only operations that describe, list and get are let through.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from botocore import xform_name

from cloudsealed.collectors.aws.access import AwsSession
from cloudsealed.collectors.aws.answers import (
    Failure,
    check_shape,
    failure_of,
    is_transient,
    outcome_of,
    plain,
    sentence,
)
from cloudsealed.collectors.aws.pacing import CEILINGS, DEFAULT_CEILING, Monotonic, Pacer, Sleep
from cloudsealed.collectors.model import Answer, CallRequest, Document
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.redaction import Detector, redact
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.vocabulary import CallOutcome

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0  # seconds
_READING = ("Describe", "List", "Get", "GenerateCredentialReport")


@dataclass(slots=True)
class AwsCaller:
    """Answers requests about one account; safe for threads.

    `redaction_key` is the tenant's. `ceilings` are calls a second for a service.
    """

    session: AwsSession
    redaction_key: bytes
    ceilings: Mapping[str, float] = field(default_factory=lambda: CEILINGS)
    clock: Clock = utc_now
    monotonic: Monotonic = time.monotonic
    sleep: Sleep = time.sleep
    jitter: Callable[[], float] = random.random
    detector: Detector | None = None
    _pacer: Pacer = field(init=False)

    def __post_init__(self) -> None:
        self._pacer = Pacer(self.monotonic, self.sleep)

    def call(self, request: CallRequest) -> Answer:
        """Ask AWS for one unit; the deadline counts from when its turn has come."""
        unit = request.unit
        if not unit.operation.startswith(_READING):
            raise ValueError(f"{unit.action} is no call that only reads")
        self._pace(request)
        called_at, start = self.clock(), self.monotonic()
        attempts, result = self._attempts(request, start + self.session.access.deadline)
        spent = round((self.monotonic() - start) * 1000)
        answer = self._failed if isinstance(result, Failure) else self._answered
        return answer(request, result, attempts=attempts, duration_ms=spent, called_at=called_at)

    def _pace(self, request: CallRequest) -> None:
        unit = request.unit
        ceiling = self.ceilings.get(unit.service, DEFAULT_CEILING)
        self._pacer.wait((unit.account, unit.region, unit.service), ceiling)

    def _attempts(self, request: CallRequest, end: float) -> tuple[int, Failure | Any]:
        """Try until an answer, a lasting failure, the last attempt or the deadline.

        What is only not ready yet is asked for until the deadline.
        """
        attempt = 0
        while True:
            attempt += 1
            result = self._attempt(request, end - self.monotonic())
            pause = self.jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            pending = isinstance(result, Failure) and result.code in request.awaits
            again = isinstance(result, Failure) and is_transient(result)
            worth = pending or (again and attempt < self.session.access.max_attempts)
            if not worth or self.monotonic() + pause >= end:
                return attempt, result
            self.sleep(pause)
            self._pace(request)

    def _attempt(self, request: CallRequest, seconds: float) -> Failure | Any:
        try:
            return _within(seconds, lambda: self._send(request))
        except Exception as error:
            return failure_of(error)

    def _send(self, request: CallRequest) -> Any:
        unit = request.unit
        client = self.session.client(unit.service, unit.region)
        parameters = {**orjson.loads(unit.parameters), **request.token}
        response = getattr(client, xform_name(unit.operation))(**parameters)
        check_shape(
            response, client.meta.service_model.operation_model(unit.operation).output_shape
        )
        return response

    def _answered(self, request: CallRequest, response: Any, **facts: Any) -> Answer:
        metadata = response.pop("ResponseMetadata", {})
        document = redact(
            plain(response), request.secret_paths, self.redaction_key,
            operation=request.unit.action, detector=self.detector,
        )  # fmt: skip
        return Answer(
            outcome=_fullness(request, document),
            document=document,
            request_id=metadata.get("RequestId"),
            http_status=metadata.get("HTTPStatusCode"),
            **facts,
        )

    def _failed(self, request: CallRequest, failure: Failure, **facts: Any) -> Answer:
        outcome = outcome_of(failure, request.absent)
        return Answer(
            outcome=outcome,
            document=None,
            error_code=failure.code,
            error_message=sentence(outcome, failure.code),
            request_id=failure.request_id,
            http_status=failure.http_status,
            **facts,
        )


def _fullness(request: CallRequest, document: Document) -> CallOutcome:
    if request.items is not None and not read(request.items, document):
        return CallOutcome.EMPTY
    return CallOutcome.OK


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what `work` returns; raises TimeoutError after `seconds`.

    A socket's time-out starts anew with each byte, so an answer that trickles is left behind here,
    in a thread that ends with its connection or with the process.
    """
    results: list[Any] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
