"""How a call to AWS ended: outcomes from error codes, and sentences for people.

AWS's own error texts are never passed on, since they quote parameters and names; the sentences
here are made from the code alone.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from socket import gaierror
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    EndpointResolutionError,
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    RefreshWithMFAUnsupportedError,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    UnknownEndpointError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError
from urllib3.util.ssl_match_hostname import CertificateError

from cloudsealed.collectors.aws.codes import NOT_ENABLED
from cloudsealed.collectors.aws.denials import Denier, denier_of
from cloudsealed.collectors.aws.shape import MalformedResponseError
from cloudsealed.collectors.calling.caller import Failure
from cloudsealed.collectors.calling.wire import TooLargeError
from cloudsealed.collectors.model import CIRCUIT_OPEN, UNCURED
from cloudsealed.collectors.storable import UnstorableError
from cloudsealed.vocabulary import CallOutcome

_TABLE: tuple[tuple[CallOutcome, re.Pattern[str]], ...] = (
    (
        CallOutcome.UNSUPPORTED,
        re.compile(
            r"UnknownOperation(?:Exception)?|InvalidAction|UnsupportedOperation(?:Exception)?"
            r"|NotImplemented|RegionDisabledException|OptInRequired|SubscriptionRequired(?:Exception)?"
            r"|EndpointNotListed|OperationNotListed"
        ),
    ),
    (
        CallOutcome.DENIED,
        re.compile(
            r"AccessDenied|AccessDeniedException|AllAccessDisabled|AuthorizationError.*"
            r"|(?:Client\.)?UnauthorizedOperation|UnauthorizedException|Unauthorized"
            r"|UnauthorizedAccess|NotAuthorized.*|Forbidden|ForbiddenException|40[13]|AccountProblem"
        ),
    ),
    (
        CallOutcome.THROTTLED,
        re.compile(
            r"Throttl.*|RequestThrottled.*|TooManyRequests.*|RequestLimitExceeded|SlowDown"
            r"|BandwidthLimitExceeded|ProvisionedThroughputExceededException|PriorRequestNotComplete"
            r"|EC2ThrottledException|LimitExceededException\.Rate|429"
        ),
    ),
)
"""The outcome of each code of AWS that is no answer; whatever is in no row is `failed`."""

_EXPIRED = re.compile(
    r"ExpiredToken(?:Exception)?|RequestExpired|TokenRefreshRequired|NoCredentials|NotRenewed"
)
_REFUSED = re.compile(
    r"InvalidClientTokenId|UnrecognizedClientException|AuthFailure|InvalidAccessKeyId|InvalidToken"
    r"|InvalidSignature.*|SignatureDoesNotMatch|IncompleteSignature.*|MissingAuthenticationToken.*"
)
_RENEWING = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials"})
"""Calls that the SDK makes for credentials, within a call of ours."""

_TRANSIENT = re.compile(
    r"MalformedResponse|EndpointUnreachable|TlsFailed|ConnectionFailed|Timeout|RequestTimeout.*|5\d\d"
    r"|Internal(?:Error|Failure|ServerError|ServerException)|ServiceUnavailable.*|Unavailable"
    r"|IDPCommunicationError"
)
_SENTENCES = {
    CallOutcome.DENIED: "AWS refused the call: {code}",
    CallOutcome.DENIED_BY_ORGANIZATION: "The organisation refused the call: {code}",
    CallOutcome.REGION_DENIED: "The region refused the call, as all others: {code}",
    CallOutcome.UNSUPPORTED: "There is no such call in this region or partition: {code}",
    CallOutcome.THROTTLED: "AWS asked to slow down and did not answer in time: {code}",
    CallOutcome.FAILED: "The call gave no usable answer: {code}",
    CallOutcome.ABSENT: "AWS says that there is none: {code}",
    CallOutcome.GONE: "AWS says that the resource is no longer there: {code}",
    CallOutcome.EMPTY: "",
    CallOutcome.OK: "",
}
_CODE = re.compile(r"[\w.:-]{1,80}")
_REQUEST_ID = re.compile(r"[!-~]{1,200}")

UNREACHABLE, HOST_NOT_FOUND, UNLISTED = "EndpointUnreachable", "HostNotFound", "EndpointNotListed"
"""Codes of the connection: nothing can be reached; a host has no address; nor is one known."""

UNKNOWN_HERE = "OperationNotListed"
"""Our code of a refusal that names no permission: what answers does not know the call."""
_UNKNOWN_HERE = re.compile(r"Unable to determine service/operation name to be authorized\.?")

_NOT_ENABLED = re.compile(r"(?:Amazon )?Macie is not enabled\.?")
"""What services say that call it a refusal (Amazon Macie; others have a code of their own)."""

UNTRUSTED, OUT_OF_DATE, MISNAMED, NO_AUTHORITIES, NO_TLS = (
    "CertificateUntrusted",
    "CertificateOutOfDate",
    "CertificateMisnamed",
    "AuthoritiesUnreadable",
    "TlsFailed",
)
"""Codes of a connection that TLS refuses: who signed the certificate is not trusted, today is not
within its dates, it names another host, the file of who is trusted cannot be read; or what answers
does not speak TLS so."""
TLS: frozenset[str] = frozenset({UNTRUSTED, OUT_OF_DATE, MISNAMED, NO_AUTHORITIES, NO_TLS})

TOO_LARGE, UNSTORABLE = "too_large", "unstorable"
"""Our own reasons of a failed call, beside AWS's codes and CIRCUIT_OPEN: its answer is larger than
is read of one, or cannot be stored."""

_OWN_SENTENCES = {
    TOO_LARGE: "The answer is larger than what is read of one: {code}",
    UNSTORABLE: "The answer is nested deeper than what can be stored: {code}",
    CIRCUIT_OPEN: "{place} did not answer the calls before this one: {code}",
}


@dataclass(frozen=True, slots=True)
class AwsFailure(Failure):
    """What an exception of a call says.

    `denier` is what AWS names as the cause of a refusal that no permission cures; `renewing` says
    that it is no call of ours that failed, but the SDK's for new credentials.
    """

    denier: Denier | None = None
    renewing: bool = False


def failure_of(error: Exception) -> AwsFailure:
    """Return what `error` of botocore means; its text is dropped."""
    if isinstance(error, ClientError):
        metadata, said = error.response.get("ResponseMetadata", {}), error.response.get("Error", {})
        status = metadata.get("HTTPStatusCode")
        message = str(said.get("Message") or "")
        return AwsFailure(
            _code_of_refusal(message) or _code(said.get("Code"), status),
            status,
            request_id_of(metadata),
            denier=denier_of(message),
            renewing=error.operation_name in _RENEWING,
        )
    if isinstance(error, SSLError):
        return AwsFailure(_refusal_of(error))
    for kinds, code in _EXCEPTIONS:
        if isinstance(error, kinds):
            return AwsFailure(HOST_NOT_FOUND if _is_unresolved(error) else code)
    return AwsFailure("ClientFailure")


_EXCEPTIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((ResponseParserError, MalformedResponseError), "MalformedResponse"),
    (TooLargeError, TOO_LARGE),
    (UnstorableError, UNSTORABLE),
    ((NoCredentialsError, PartialCredentialsError), "NoCredentials"),
    ((UnauthorizedSSOTokenError, TokenRetrievalError, SSOTokenLoadError), "ExpiredToken"),
    (
        (CredentialRetrievalError, MetadataRetrievalError, RefreshWithMFAUnsupportedError),
        "NotRenewed",
    ),
    ((EndpointResolutionError, UnknownEndpointError), UNLISTED),
    (TimeoutError, "DeadlineExceeded"),
    ((BotoConnectionError, HTTPClientError, HTTPError), UNREACHABLE),
    (BotoCoreError, "ClientFailure"),
    # What botocore's parsers raise where a value is not what its model says.
    (
        (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
        "MalformedResponse",
    ),
)


def _code_of_refusal(message: str) -> str | None:
    """Return our code of a refusal whose own code stands for something else."""
    if _UNKNOWN_HERE.fullmatch(message):
        return UNKNOWN_HERE
    return NOT_ENABLED if _NOT_ENABLED.fullmatch(message) else None


def _refusal_of(error: SSLError) -> str:
    """Return how TLS refused a connection."""
    causes = list(_causes(error.kwargs.get("error")))
    refused = next(
        (each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None
    )
    if refused is not None:
        return _REFUSALS.get(getattr(refused, "verify_code", 0), UNTRUSTED)
    if any(isinstance(each, CertificateError) for each in causes):
        return MISNAMED
    if any(isinstance(each, OSError) and _is_of_file(each) for each in causes):
        return NO_AUTHORITIES
    return NO_TLS


def _causes(error: Any) -> Iterator[Any]:
    """Yield an error, and those that it was raised about."""
    while error is not None:
        yield error
        error = next((each for each in error.args if isinstance(each, Exception)), None)


def _is_of_file(error: OSError) -> bool:
    """Say whether an error is about the file of trusted certificates."""
    if isinstance(error, ssl.SSLError):
        return getattr(error, "reason", "") == "NO_CERTIFICATE_OR_CRL_FOUND"
    return not isinstance(error, ConnectionError)


_REFUSALS = {9: OUT_OF_DATE, 10: OUT_OF_DATE, 62: MISNAMED, 64: MISNAMED}
"""By what OpenSSL calls it: X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH
and _IP_ADDRESS_MISMATCH."""


def _is_unresolved(error: Exception) -> bool:
    """Say whether a call failed because its host has no address."""
    cause = error.kwargs.get("error") if isinstance(error, EndpointConnectionError) else None
    return isinstance(cause, gaierror) or isinstance(getattr(cause, "__context__", None), gaierror)


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
    failure: AwsFailure, absent: frozenset[str] = frozenset(), gone: frozenset[str] = frozenset()
) -> CallOutcome:
    """Return how a call with this failure ended; codes in `absent` say that nothing is configured,
    those in `gone` that the resource itself is no longer there."""
    if failure.code in gone:
        return CallOutcome.GONE
    if failure.code in absent:
        return CallOutcome.ABSENT
    found = next((each for each, codes in _TABLE if codes.fullmatch(failure.code)), None)
    if found is None and failure.http_status == 429:
        return CallOutcome.THROTTLED
    if found is None and failure.denier is Denier.OWNER and _REFUSED.fullmatch(failure.code):
        return CallOutcome.DENIED
    if found is CallOutcome.DENIED and failure.denier and failure.denier.is_organization:
        return CallOutcome.DENIED_BY_ORGANIZATION
    return found or CallOutcome.FAILED


def is_transient(failure: AwsFailure) -> bool:
    """Whether the same call may well succeed in a moment."""
    outcome, status = outcome_of(failure), failure.http_status or 0
    if outcome is CallOutcome.UNSUPPORTED:
        return False
    return (
        outcome is CallOutcome.THROTTLED
        or status >= 500
        or _TRANSIENT.fullmatch(failure.code) is not None
    )


def is_silence(failure: AwsFailure) -> bool:
    """Whether nothing answered at all."""
    return failure.code in ("DeadlineExceeded", UNREACHABLE, HOST_NOT_FOUND, NO_TLS)


def is_expired(failure: AwsFailure) -> bool:
    """Whether the credentials have ended, or could not be had anew."""
    if _EXPIRED.fullmatch(failure.code):
        return True
    return failure.renewing and not is_transient(failure)


def is_refused(failure: AwsFailure) -> bool:
    """Whether the credentials were not recognised, which may be the session's or a region's fault:
    one that is not enabled knows nobody."""
    return (
        _REFUSED.fullmatch(failure.code) is not None and outcome_of(failure) is CallOutcome.FAILED
    )


def unrecognised(error_code: str | None) -> bool:
    """Whether a recorded call ended with credentials that were not recognised."""
    return error_code is not None and _REFUSED.fullmatch(error_code) is not None


def sentence_of(failure: AwsFailure, outcome: CallOutcome, place: str) -> str:
    """Return a message for people on a failed call, with what denied it."""
    if outcome is CallOutcome.DENIED and failure.denier is not None:
        return f"AWS refused the call by {failure.denier}, {UNCURED}: {failure.code}"
    return sentence(outcome, failure.code, place)


def sentence(outcome: CallOutcome, code: str, place: str = "The service") -> str:
    """Return a message for people, without any value of the call; `place` is who was asked."""
    return _OWN_SENTENCES.get(code, _SENTENCES[outcome]).format(code=code, place=place)
