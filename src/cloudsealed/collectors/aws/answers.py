"""How a call to AWS ended: outcomes from error codes, and sentences for people.

AWS's own error texts are never passed on, since they quote parameters and names; the sentences
here are made from the code alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from cloudsealed.collectors.aws.shape import MalformedResponseError
from cloudsealed.collectors.aws.wire import TooLargeError
from cloudsealed.collectors.model import CIRCUIT_OPEN
from cloudsealed.collectors.storable import UnstorableError
from cloudsealed.vocabulary import CallOutcome

_DENIED = re.compile(
    r"AccessDenied|AccessDeniedException|AllAccessDisabled|AuthFailure|AuthorizationError.*"
    r"|Client\.UnauthorizedOperation|UnauthorizedOperation|UnauthorizedException|Unauthorized"
    r"|UnauthorizedAccess|NotAuthorized.*|Forbidden|ForbiddenException|40[13]"
    r"|OptInRequired|SubscriptionRequiredException|AccountProblem"
    r"|ExpiredToken.*|RequestExpired|InvalidClientTokenId|UnrecognizedClientException"
    r"|InvalidAccessKeyId|InvalidToken|InvalidSignature.*|SignatureDoesNotMatch"
    r"|IncompleteSignature.*|MissingAuthenticationToken.*|NoCredentials|CredentialsUnavailable"
)
_THROTTLED = re.compile(
    r"Throttl.*|RequestThrottled.*|TooManyRequests.*|RequestLimitExceeded|SlowDown"
    r"|BandwidthLimitExceeded|ProvisionedThroughputExceededException|PriorRequestNotComplete"
    r"|EC2ThrottledException|LimitExceededException\.Rate|429"
)
_TRANSIENT = re.compile(
    r"MalformedResponse|EndpointUnreachable|ConnectionFailed|Timeout|RequestTimeout.*|5\d\d"
    r"|Internal(?:Error|Failure|ServerError|ServerException)|ServiceUnavailable.*|Unavailable"
)
_SENTENCES = {
    CallOutcome.DENIED: "AWS refused the call: {code}",
    CallOutcome.THROTTLED: "AWS asked to slow down and did not answer in time: {code}",
    CallOutcome.FAILED: "The call gave no usable answer: {code}",
    CallOutcome.ABSENT: "AWS says that there is none: {code}",
    CallOutcome.GONE: "AWS says that the resource is no longer there: {code}",
    CallOutcome.EMPTY: "",
    CallOutcome.OK: "",
}
_CODE = re.compile(r"[\w.:-]{1,80}")
_REQUEST_ID = re.compile(r"[!-~]{1,200}")

TOO_LARGE, UNSTORABLE = "too_large", "unstorable"
"""Our own reasons of a failed call, beside AWS's codes and CIRCUIT_OPEN: its answer is larger than
is read of one, or cannot be stored."""

_OWN_SENTENCES = {
    TOO_LARGE: "The answer is larger than what is read of one: {code}",
    UNSTORABLE: "The answer is nested deeper than what can be stored: {code}",
    CIRCUIT_OPEN: "{place} did not answer the calls before this one: {code}",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What an exception of a call says: its stable code, and the response's facts if any."""

    code: str
    http_status: int | None = None
    request_id: str | None = None


def failure_of(error: Exception) -> Failure:
    """Return what `error` of botocore means; its text is dropped."""
    if isinstance(error, ClientError):
        metadata = error.response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode")
        code = _code(error.response.get("Error", {}).get("Code"), status)
        return Failure(code, status, request_id_of(metadata))
    for kinds, code in _EXCEPTIONS:
        if isinstance(error, kinds):
            return Failure(code)
    return Failure("ClientFailure")


_EXCEPTIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((ResponseParserError, MalformedResponseError), "MalformedResponse"),
    (TooLargeError, TOO_LARGE),
    (UnstorableError, UNSTORABLE),
    (NoCredentialsError, "NoCredentials"),
    ((UnauthorizedSSOTokenError, TokenRetrievalError), "ExpiredToken"),
    (TimeoutError, "DeadlineExceeded"),
    ((BotoConnectionError, HTTPClientError, HTTPError), "EndpointUnreachable"),
    (BotoCoreError, "ClientFailure"),
    # What botocore's parsers raise where a value is not what its model says.
    ((ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
     "MalformedResponse"),
)  # fmt: skip


def request_id_of(metadata: Mapping[str, Any]) -> str | None:
    """Return AWS's id of a request when it is one: whatever it is, a row of text can hold it."""
    found = metadata.get("RequestId")
    return found if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else None


def _code(code: object, status: int | None) -> str:
    """Return AWS's code when it is one, and not a page that botocore took for one."""
    text = str(code or "")
    if not _CODE.fullmatch(text) or text == "Unknown":
        return "MalformedResponse" if status is None or status < 300 else str(status)
    return text


def outcome_of(
    failure: Failure, absent: frozenset[str] = frozenset(), gone: frozenset[str] = frozenset()
) -> CallOutcome:
    """Return how a call with this failure ended; codes in `absent` say that nothing is configured,
    those in `gone` that the resource itself is no longer there."""
    if failure.code in gone:
        return CallOutcome.GONE
    if failure.code in absent:
        return CallOutcome.ABSENT
    if _DENIED.fullmatch(failure.code):
        return CallOutcome.DENIED
    if _THROTTLED.fullmatch(failure.code) or failure.http_status == 429:
        return CallOutcome.THROTTLED
    return CallOutcome.FAILED


def is_transient(failure: Failure) -> bool:
    """Whether the same call may well succeed in a moment."""
    status = failure.http_status or 0
    return status >= 500 or bool(
        _TRANSIENT.fullmatch(failure.code) or _THROTTLED.fullmatch(failure.code)
    )


def is_silence(failure: Failure) -> bool:
    """Whether nothing answered at all."""
    return failure.code in ("DeadlineExceeded", "EndpointUnreachable")


def sentence(outcome: CallOutcome, code: str, place: str = "The service") -> str:
    """Return a message for people, without any value of the call; `place` is who was asked."""
    return _OWN_SENTENCES.get(code, _SENTENCES[outcome]).format(code=code, place=place)
