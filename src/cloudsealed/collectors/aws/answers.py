"""How a call to AWS ended: outcomes from error codes, and parsed responses as plain JSON.

AWS's own error texts are never passed on, since they quote parameters and names; the sentences
here are made from the code alone.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
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
from botocore.model import Shape
from botocore.parsers import ResponseParserError

from cloudsealed.kit.clock import rfc3339
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
_DECODED_POLICY = "policyDocumentType"  # IAM's texts that botocore reads as JSON for us


class MalformedResponseError(Exception):
    """A response of status 200 is no answer of the service; never leaves this package."""


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
        status, request = metadata.get("HTTPStatusCode"), metadata.get("RequestId")
        return Failure(_code(error.response.get("Error", {}).get("Code"), status), status, request)
    for kinds, code in _EXCEPTIONS:
        if isinstance(error, kinds):
            return Failure(code)
    return Failure("ClientFailure")


_EXCEPTIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((ResponseParserError, MalformedResponseError), "MalformedResponse"),
    (NoCredentialsError, "NoCredentials"),
    ((UnauthorizedSSOTokenError, TokenRetrievalError), "ExpiredToken"),
    (TimeoutError, "DeadlineExceeded"),
    ((BotoConnectionError, HTTPClientError), "EndpointUnreachable"),
    (BotoCoreError, "ClientFailure"),
)


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


def sentence(outcome: CallOutcome, code: str) -> str:
    """Return a message for people, without any value of the call."""
    return _SENTENCES[outcome].format(code=code)


def plain(value: Any) -> Any:
    """Return a parsed response as JSON types: times RFC 3339 with Z, bytes base64."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return rfc3339(value if value.tzinfo else value.replace(tzinfo=UTC))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def check_response(protocol: str, has_output: bool, body: bytes) -> None:
    """Raise MalformedResponseError when a successful response cannot be the service's.

    botocore reads a page of HTML, an empty body or a text that is no JSON as an answer without
    members, which for a list would mean that every resource is gone.
    """
    text = body.lstrip()
    if text.startswith(b"<") and b"<html" in text[:1024].lower():
        raise MalformedResponseError
    if has_output and not text:
        raise MalformedResponseError
    if "json" in protocol and text:
        _check_json(text)


def check_shape(value: Any, shape: Shape | None) -> None:
    """Raise MalformedResponseError where a parsed response is not built as its model says.

    botocore passes on what it finds: a null in a list, an object where a text belongs. What is
    built as it should be can be read by every path; the values themselves are not judged.
    """
    if value is None or shape is None or _is_any_json(shape):
        return
    kind = shape.type_name
    if kind == "structure":
        _expect(isinstance(value, Mapping))
        for name, member in shape.members.items():
            check_shape(value.get(name), member)
    elif kind == "list":
        _expect(isinstance(value, list) and None not in value)
        for each in value:
            check_shape(each, shape.member)
    elif kind == "map":
        _expect(isinstance(value, Mapping))
        for each in value.values():
            check_shape(each, shape.value)
    else:
        _expect(not isinstance(value, Mapping | list))


def _is_any_json(shape: Shape) -> bool:
    """Say whether a model lets a value be built in any way."""
    return shape.name == _DECODED_POLICY or bool(
        getattr(shape, "is_document_type", False) or shape.serialization.get("jsonvalue")
    )


def _expect(good: bool) -> None:
    if not good:
        raise MalformedResponseError


def _check_json(text: bytes) -> None:
    try:
        whole = isinstance(json.loads(text), dict)
    except ValueError:
        whole = False
    if not whole:
        raise MalformedResponseError
