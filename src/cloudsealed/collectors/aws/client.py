"""The caller that asks AWS.

It refuses to make a call that changes anything: only operations that describe, list and get are let
through.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

import orjson
from botocore import xform_name

from cloudsealed.collectors.aws.access import AwsSession
from cloudsealed.collectors.aws.answers import (
    HOST_NOT_FOUND,
    UNLISTED,
    UNREACHABLE,
    AwsFailure,
    failure_of,
    is_silence,
    is_transient,
    outcome_of,
    request_id_of,
    sentence_of,
)
from cloudsealed.collectors.aws.ceilings import CEILINGS
from cloudsealed.collectors.aws.pagination import page_members
from cloudsealed.collectors.aws.shape import check_answer
from cloudsealed.collectors.aws.standing import Standing
from cloudsealed.collectors.calling.caller import Limits, PacedCaller, Response
from cloudsealed.collectors.model import CIRCUIT_OPEN, CallRequest, Unit
from cloudsealed.vocabulary import CallOutcome

_READING = ("Describe", "List", "Get", "BatchGet", "GenerateCredentialReport")


@dataclass(slots=True)
class AwsCaller(PacedCaller[AwsFailure]):
    """Answers requests about one account of AWS; safe for threads."""

    session: AwsSession
    redaction_key: bytes
    ceilings: Mapping[str, float] = field(default_factory=lambda: CEILINGS)
    _standing: Standing = field(init=False)

    def __post_init__(self) -> None:
        PacedCaller.__post_init__(self)
        self._standing = Standing(self.session, self.monotonic)

    @property
    def limits(self) -> Limits:
        """How long a call is tried."""
        access = self.session.access
        return Limits(access.deadline, access.brief, access.max_attempts)

    @property
    def generation(self) -> int:
        """How often the session's credentials were renewed."""
        return self.session.generation

    def refuse_change(self, unit: Unit) -> None:
        """Raise ValueError for an operation that does not only read."""
        if not unit.operation.startswith(_READING):
            raise ValueError(f"{unit.action} is no call that only reads")

    def send(self, request: CallRequest, seconds: float) -> Response:
        """Make a call; botocore's client has time-outs of its own."""
        unit = request.unit
        client = self.session.client(unit.service, unit.region)
        parameters = {**orjson.loads(unit.parameters), **request.token}
        response = getattr(client, xform_name(unit.operation))(**parameters)
        check_answer(response, request)
        metadata = response.pop("ResponseMetadata", {})
        return Response(response, metadata.get("HTTPStatusCode"), request_id_of(metadata))

    def failure(self, error: Exception, unit: Unit) -> AwsFailure:
        """Return what an error means, one for which there is no endpoint at all told apart."""
        found = failure_of(error)
        if found.code != HOST_NOT_FOUND:
            return found
        listed = self.session.offers(unit.service, unit.region)
        return replace(found, code=UNREACHABLE if listed else UNLISTED)

    def open_circuit(self) -> AwsFailure:
        """Return the failure of a call that is not made."""
        return AwsFailure(CIRCUIT_OPEN)

    def outcome(self, failure: AwsFailure, request: CallRequest) -> CallOutcome:
        """Return how a call with this failure ended."""
        return outcome_of(failure, request.absent, request.gone)

    def is_silence(self, failure: AwsFailure) -> bool:
        """Whether nothing answered at all."""
        return is_silence(failure)

    def is_transient(self, failure: AwsFailure) -> bool:
        """Whether the same call may well succeed in a moment."""
        return is_transient(failure)

    def sentence(self, failure: AwsFailure, outcome: CallOutcome, place: str) -> str:
        """Return a message for people on a failed call."""
        return sentence_of(failure, outcome, place)

    def kept(self, unit: Unit) -> Container[str]:
        """Return the members of an answer that say where the next page begins."""
        return page_members(unit.service, unit.operation)

    def renewed(self, failure: AwsFailure, generation: int, *, again: bool) -> bool:
        """Say whether a failed call is to be repeated with other credentials."""
        return self._standing.renewed(failure, generation, again=again)
