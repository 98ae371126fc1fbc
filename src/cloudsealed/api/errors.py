"""Errors of the HTTP face, the one shape of every error body, and the catalogue of codes."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from cloudsealed.kit.errors import CloudSealedError, error_classes


class InvalidRequestError(CloudSealedError):
    """The request cannot be read: its path, query or headers are malformed."""

    code = "invalid_request"
    status = 400
    remedy = "Read the message, which names the path, query or header, and send that anew."


class InvalidJsonError(CloudSealedError):
    """The body is not strict JSON: UTF-8, no NaN, NUL or lone surrogate, integers in 64 bits."""

    code = "invalid_json"
    status = 400
    remedy = "Write the body with a JSON library; the message says where it ends to be JSON."


class DuplicateJsonKeyError(CloudSealedError):
    """An object of the body has a key twice."""

    code = "duplicate_json_key"
    status = 400
    remedy = "Send each key of an object once."


class JsonTooDeepError(CloudSealedError):
    """The body nests deeper than 32 levels."""

    code = "json_too_deep"
    status = 400
    remedy = "Send fewer levels: no operation takes a body that deep."


class RouteNotFoundError(CloudSealedError):
    """No route has this path."""

    code = "not_found"
    status = 404
    remedy = (
        "Compare the path with those of `/openapi.json`, where the spelling and the version count."
    )


class MethodNotAllowedError(CloudSealedError):
    """The route does not take this method; `Allow` says which it takes."""

    code = "method_not_allowed"
    status = 405
    remedy = "Use a method that `Allow` names."


class NotAcceptableError(CloudSealedError):
    """The operation answers in none of the media types that `Accept` asks for."""

    code = "not_acceptable"
    status = 406
    remedy = "Ask for `application/json`, or leave `Accept` out."


class RequestTimeoutError(CloudSealedError):
    """The body did not arrive within 30 seconds."""

    code = "request_timeout"
    status = 408
    remedy = "Send it again, over a faster line or with a smaller body."


class EtagMismatchError(CloudSealedError):
    """The object is not the one that `If-Match` names."""

    code = "etag_mismatch"
    status = 412
    remedy = "Get the object, look at what changed, and send the request with its new `ETag`."


class PayloadTooLargeError(CloudSealedError):
    """The body is over 1 MiB."""

    code = "payload_too_large"
    status = 413
    remedy = "Send it in parts: fewer ids, fewer examples, one policy a request."


class UriTooLongError(CloudSealedError):
    """The path and query are over 8 kB."""

    code = "uri_too_long"
    status = 414
    remedy = "Use fewer values of a filter at once, or several requests."


class RangeNotSatisfiableError(CloudSealedError):
    """The file has none of the bytes that `Range` asks for; `Content-Range` has its size."""

    code = "range_not_satisfiable"
    status = 416
    remedy = "Ask for bytes within the size, or for the whole file."


class UnsupportedMediaTypeError(CloudSealedError):
    """The body is of a media type that the operation does not take."""

    code = "unsupported_media_type"
    status = 415
    remedy = "Send `Content-Type: application/json`, or what the document names for the operation."


class HeadersTooLargeError(CloudSealedError):
    """The request's head is over 16 kB."""

    code = "headers_too_large"
    status = 431
    remedy = "Send fewer or shorter headers, mostly fewer cookies."


class RateLimitedError(CloudSealedError):
    """A budget of requests is spent; `Retry-After` says for how many seconds."""

    code = "rate_limited"
    status = 429
    remedy = (
        "Wait for so long, then go on; `GET /v1/rate_limit` shows every budget, settings "
        "raise them."
    )


class ParameterError(CloudSealedError):
    """A query parameter is refused; only its subclasses are raised."""

    code = "invalid_request"
    status = 422
    remedy = "Read the message, which names the parameter and what it takes."

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)  # the code and the message name the parameter: no details
        self.parameter = parameter


class InvalidLimitError(ParameterError):
    """`limit` is not a whole number from 1 to 200."""

    code = "invalid_limit"
    remedy = "Ask for 1 to 200, and follow `next_cursor` for more."


class InvalidCursorError(ParameterError):
    """`cursor` is altered, foreign, or of a list with other filters."""

    code = "invalid_cursor"
    remedy = (
        "Begin the list anew without `cursor`, and keep the filters the same from page to page."
    )


class InvalidSortError(ParameterError):
    """The list cannot be sorted so, or not under these filters."""

    code = "invalid_sort"
    remedy = "Take a sort that the message names, or leave `sort` out."


class UnknownParameterError(ParameterError):
    """The operation has no query parameter of this name."""

    code = "unknown_parameter"
    remedy = "Take the parameter that the message suggests, or one that the document has."


class RepeatedParameterError(ParameterError):
    """A query parameter is given twice."""

    code = "repeated_parameter"
    remedy = "Give it once; what takes several values takes them with commas."


class InvalidFilterError(ParameterError):
    """A filter has a value that it cannot take; each filter has a subclass with its own code."""

    remedy = "Take a value that the message names, or the nearest one that it suggests."


@cache
def filter_error(name: str) -> type[InvalidFilterError]:
    """Return the error class of the filter `name`, with the code `invalid_<name>_filter`."""
    doc = f"The filter {name} has a value that it cannot take."
    members: dict[str, Any] = {"code": f"invalid_{name}_filter", "__doc__": doc}
    return type(
        f"Invalid{name.title().replace('_', '')}FilterError", (InvalidFilterError,), members
    )


class IdempotencyKeyReusedError(CloudSealedError):
    """The `Idempotency-Key` was used with another body."""

    code = "idempotency_key_reused"
    status = 422
    remedy = "Use a new key for another request, and the same key for a repeated one alone."


class IdempotencyInProgressError(CloudSealedError):
    """The request with this `Idempotency-Key` is still running."""

    code = "idempotency_in_progress"
    status = 409
    remedy = "Wait a moment, then send the same request again: it gets the answer of the first."


_NOT_SERVED = (
    "settings",
    "policies.folder",
    "api.listen",
    "api.server",
    "storage.archive",
    "storage.backup",
    "storage.extra",
    "storage.keys",
    "storage.revision",
    "storage.open",
    "storage.ownership",
    "storage.sqlite_file",
    "collectors",
    "testing",
    "cli",
)
"""Modules whose errors stop a program or are part of a result; no response carries them."""


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Return every code that a response can carry, by code; call it when all routes exist."""
    found: dict[str, dict[str, Any]] = {}
    for cls in error_classes():
        if cls.__module__.removeprefix("cloudsealed.").startswith(_NOT_SERVED):
            continue
        when = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        entry = {
            "object": "error_code",
            "code": cls.code,
            "status": cls.status,
            "when": when,
            "remedy": cls.remedy,
        }
        named_so = cls.__name__ == cls.code.title().replace("_", "") + "Error"
        if named_so or cls.code not in found:  # of classes that share a code, its namesake speaks
            found[cls.code] = entry
    found["internal_error"]["when"] = "The server failed; its log has the request's id."
    return dict(sorted(found.items(), key=lambda item: (item[1]["status"], item[0])))


def served(error: CloudSealedError) -> CloudSealedError:
    """Return the error as a response may carry it: one outside the catalogue is internal."""
    if error.code in catalogue():
        return error
    return CloudSealedError("The server cannot do this now; its log says why")


def envelope(error: CloudSealedError, request_id: str) -> bytes:
    """Return the body of an error response."""
    body: dict[str, Any] = {"code": error.code, "message": error.message, "request_id": request_id}
    if error.details:
        body["details"] = error.details
    return orjson.dumps({"error": body})
