"""The caller of providers that speak JSON over HTTP: raw answers, one host, one pool."""

from __future__ import annotations

import logging
import re
import ssl
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import orjson

from cloudsealed.collectors.calling.caller import Failure, PacedCaller, Response
from cloudsealed.collectors.calling.wire import LARGEST_ANSWER, TooLargeError, bounded, waits_on
from cloudsealed.collectors.model import CIRCUIT_OPEN, UNCURED, CallRequest, Unit
from cloudsealed.collectors.storable import UnstorableError
from cloudsealed.vocabulary import CallOutcome

for _name in ("httpx", "httpcore"):  # they would log addresses, and at DEBUG what is answered
    logging.getLogger(_name).setLevel(logging.WARNING)

_PIECE = 2**16
_CONNECT_SECONDS = 5.0
_WORD = re.compile(r"[\w.-]{1,80}", re.ASCII)
_IDENT = re.compile(r"[!-~]{1,200}")


class RefusedError(Exception):
    """What answered says no; never leaves this package."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


@dataclass(slots=True)
class HttpCaller(PacedCaller[Failure]):
    """Answers requests by reading JSON documents; it makes no other request than GET."""

    outcomes: ClassVar[Mapping[int, CallOutcome]] = {
        401: CallOutcome.DENIED,
        403: CallOutcome.DENIED,
        404: CallOutcome.UNSUPPORTED,
        405: CallOutcome.UNSUPPORTED,
        429: CallOutcome.THROTTLED,
    }
    title: ClassVar[str] = "The provider"

    @abstractmethod
    def address(self, request: CallRequest) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        """Return the path of a request, its query and its headers."""

    def client(self) -> httpx.Client:
        """Return the session's client."""
        found: httpx.Client = self.session.client()
        return found

    def refuse_change(self, unit: Unit) -> None:
        """Nothing is refused: every request is a GET."""

    def send(self, request: CallRequest, seconds: float) -> Response:
        """Read a document; raises RefusedError and what httpx raises."""
        path, query, headers = self.address(request)
        got, body = received(
            self.client(), "GET", path, seconds=seconds, params=query, headers=headers
        )
        return self.read(request, got, body)

    def read(self, request: CallRequest, got: httpx.Response, body: bytes) -> Response:
        """Return what a response says; raises RefusedError, and ValueError for what is no JSON."""
        if not got.is_success:
            raise RefusedError(self.refusal(got, body))
        document = orjson.loads(body)
        if not isinstance(document, dict):
            raise ValueError("an answer is an object")
        return Response(document, got.status_code, ident(got.headers.get("x-request-id")))

    def refusal(self, got: httpx.Response, body: bytes) -> Failure:
        """Return what a refusal says, by its status alone."""
        return Failure(str(got.status_code), got.status_code, retry_after=_seconds_of(got))

    def failure(self, error: Exception, unit: Unit) -> Failure:
        """Return what an error means; its text is dropped."""
        if isinstance(error, RefusedError):
            return error.failure
        if isinstance(error, httpx.TransportError) and (refused := tls_error(error)):
            untrusted = isinstance(refused, ssl.SSLCertVerificationError)
            return Failure("CertificateUntrusted" if untrusted else "TlsFailed")
        for kinds, code in _EXCEPTIONS:
            if isinstance(error, kinds):
                return Failure(code)
        return Failure("ClientFailure")

    def open_circuit(self) -> Failure:
        """Return the failure of a call that is not made."""
        return Failure(CIRCUIT_OPEN)

    def outcome(self, failure: Failure, request: CallRequest) -> CallOutcome:
        """Return how a call with this failure ended."""
        if failure.code in request.gone:
            return CallOutcome.GONE
        if failure.code in request.absent:
            return CallOutcome.ABSENT
        return self.outcomes.get(failure.http_status or 0, CallOutcome.FAILED)

    def is_silence(self, failure: Failure) -> bool:
        """Whether nothing answered at all."""
        return failure.code in ("DeadlineExceeded", "EndpointUnreachable", "TlsFailed")

    def is_transient(self, failure: Failure) -> bool:
        """Whether the same call may well succeed in a moment."""
        status = failure.http_status or 0
        return (
            status == 429 or (status >= 500 and status not in _LASTING) or failure.code in _PASSING
        )

    def sentence(self, failure: Failure, outcome: CallOutcome, place: str) -> str:
        """Return a message for people on a failed call."""
        code = failure.code
        if code == CIRCUIT_OPEN:
            return f"{place} did not answer the calls before this one: {code}"
        if failure.http_status == 401:
            return f"{self.title} does not know the credentials, {UNCURED}: {code}"
        return _SENTENCES[outcome].format(title=self.title, code=code)


_PASSING = frozenset({"MalformedResponse", "EndpointUnreachable", "ConnectionFailed", "TlsFailed"})
_LASTING = frozenset({501, 505})
_EXCEPTIONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (TooLargeError, "too_large"),
    (UnstorableError, "unstorable"),
    ((TimeoutError, httpx.TimeoutException), "DeadlineExceeded"),
    (httpx.ConnectError, "EndpointUnreachable"),
    (httpx.TransportError, "ConnectionFailed"),
    ((ValueError, RecursionError, TypeError, LookupError, AttributeError), "MalformedResponse"),
)
_SENTENCES = {
    CallOutcome.DENIED: "{title} refused the call: {code}",
    CallOutcome.UNSUPPORTED: "There is no such call here: {code}",
    CallOutcome.THROTTLED: "{title} asked to slow down and did not answer in time: {code}",
    CallOutcome.FAILED: "The call gave no usable answer: {code}",
    CallOutcome.ABSENT: "{title} says that there is none: {code}",
    CallOutcome.GONE: "{title} says that the resource is no longer there: {code}",
}


def received(
    client: httpx.Client, method: str, path: str, *, seconds: float, **given: Any
) -> tuple[httpx.Response, bytes]:
    """Return a response with its whole body, which is as large as LARGEST_ANSWER at most; raises
    TooLargeError and what httpx raises. Whoever waits for it `within` a time can hang it up."""
    patience = max(seconds, 0.001)
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with client.stream(
        method,
        path,
        timeout=httpx.Timeout(patience, connect=min(_CONNECT_SECONDS, patience)),
        headers={**headers, **given.pop("headers", {})},
        **given,
    ) as got:
        stream = got.extensions.get("network_stream")
        waits_on(stream.get_extra_info("socket") if stream is not None else None)
        size = got.headers.get("content-length")
        return got, bounded(size, got.iter_raw(_PIECE), LARGEST_ANSWER)


def tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """Return what TLS says of why it broke off; None where it did not."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _seconds_of(got: httpx.Response) -> float | None:
    said = got.headers.get("retry-after", "")
    return float(said) if said.isdecimal() and len(said) < 6 else None


def word(text: Any) -> str | None:
    """Return a word that a provider says as a code; None for anything else."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else None


def ident(text: Any) -> str | None:
    """Return an id of a request as a provider says it; None for what no row could hold."""
    return text if isinstance(text, str) and _IDENT.fullmatch(text) else None
