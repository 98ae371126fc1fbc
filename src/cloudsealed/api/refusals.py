"""The errors that each operation can answer, and an example of each, for the document.

All of it is derived: from the error classes, from what an operation takes, and from the errors that
its table declares. What a request costs is told here too, since it says which budget can be spent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from cloudsealed.api import errors, query
from cloudsealed.api.operation import Operation
from cloudsealed.auth import errors as credentials
from cloudsealed.kit.errors import (
    CloudSealedError,
    InvalidFieldError,
    MissingFieldError,
    NotFoundError,
    UnknownFieldError,
    error_classes,
)
from cloudsealed.kit.shapes import parts_of
from cloudsealed.settings import Budget, Settings
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.filters import Filter

REQUEST_ID = "req_01HZ8K3V5W6X7Y8Z9A0B1C2D3E"
_ULID = "01J8ZQ4X7M2N5P8R1T4V6W9YAC"
_EVERY = (
    credentials.TwoCredentialsError,
    errors.InvalidRequestError,
    credentials.MissingCredentialsError,
    credentials.InvalidTokenError,
    credentials.TokenExpiredError,
    credentials.IpNotAllowedError,
    errors.NotAcceptableError,
    errors.UriTooLongError,
    errors.UnknownParameterError,
    errors.RateLimitedError,
    errors.HeadersTooLargeError,
    CloudSealedError,
    ServiceUnavailableError,
)
"""What every operation can answer."""
_WITH_BODY = (
    errors.InvalidJsonError,
    errors.DuplicateJsonKeyError,
    errors.JsonTooDeepError,
    errors.RequestTimeoutError,
    errors.PayloadTooLargeError,
    errors.UnsupportedMediaTypeError,
)
_PAGED = (errors.InvalidLimitError, errors.InvalidCursorError)
_PAGING = ("limit", "cursor", "sort")
_PERIODS = {1: "second", 60: "minute", 3600: "hour"}

Examples = dict[int, dict[str, dict[str, Any]]]


def refusals(operation: Operation) -> Examples:
    """Return the errors that an operation can answer: by status and code, the error's body."""
    found: Examples = {}
    for error in _errors(operation):
        shown: dict[str, Any] = {
            "code": error.code,
            "message": error.message,
            "request_id": REQUEST_ID,
        }
        if error.details:
            shown["details"] = [dict(detail) for detail in error.details]
        found.setdefault(error.status, {}).setdefault(error.code, {"error": shown})
    return {status: dict(sorted(found[status].items())) for status in sorted(found)}


def own(operation: Operation) -> Iterator[tuple[str, int, str]]:
    """Yield what an operation can answer beyond what all of its kind can: code, status and when."""
    for error in (*_missing(operation), *operation.errors):
        yield error.code, error.status, when(error)


def when(error: type[CloudSealedError]) -> str:
    """Return when an error is answered, in a sentence."""
    if error is CloudSealedError:
        return str(errors.catalogue()[error.code]["when"])
    return " ".join((error.__doc__ or "").split("\n\n")[0].split())


def cost(operation: Operation) -> str:
    """Return what a request costs, in a sentence."""
    if operation.costs is not None:
        name = operation.costs.budget
        both = f"Costs one request of the budget `core` and one of `{name}` ({_budget(name)} by"
        return f"{both} default)."
    if not operation.heavy:
        return f"Costs one request of the budget `core` ({_budget('core')} by default)."
    heavy = " or ".join(f"`{name}` ({_budget(name)} by default)" for name in operation.heavy)
    return f"Costs one request of the budget `core`; work that is accepted one of {heavy} too."


def _budget(name: str) -> str:
    defaults: dict[str, Any] = {item.name: item.default for item in fields(Settings)}
    windows: Budget = defaults[f"limit_{name}"]
    return " and ".join(f"{w.amount:,} a{_n(w.seconds)} {_PERIODS[w.seconds]}" for w in windows)


def _n(seconds: int) -> str:
    return "n" if _PERIODS[seconds] == "hour" else ""


def _errors(operation: Operation) -> Iterator[CloudSealedError]:
    for cls in _EVERY:
        yield _plain(cls)
    if operation.scope is not None:
        yield credentials.InsufficientScopeError(operation.scope)
    if operation.body is not None:
        yield from map(_plain, _WITH_BODY)
        yield from _fields(operation)
    yield from _parameters(operation)
    for missing in _missing(operation):
        yield _named(missing, operation)
    if "{id}" in operation.path:
        yield errors.RouteNotFoundError("There is no such path")
    if operation.once:
        yield _plain(errors.IdempotencyInProgressError)
        yield _plain(errors.IdempotencyKeyReusedError)
    if operation.method in ("PATCH", "DELETE") and operation.getter is not None:
        yield _plain(errors.EtagMismatchError)
    for declared in operation.errors:
        yield _named(declared, operation)


def _plain(cls: type[CloudSealedError]) -> CloudSealedError:
    """Return an error that says when it is answered, whatever its class asks for."""
    error = CloudSealedError.__new__(cls)
    CloudSealedError.__init__(error, when(cls))
    return error


def _named(cls: type[CloudSealedError], operation: Operation) -> CloudSealedError:
    if issubclass(cls, NotFoundError):
        prefix = "gra" if cls.code == "grant_not_found" else cls.code[:3]
        error = _plain(cls)
        noun = cls.code.removesuffix("_not_found")
        error.message = f"No such {noun}: {prefix}_{_ULID}"
        return error
    return _plain(cls)


def _missing(operation: Operation) -> tuple[type[CloudSealedError], ...]:
    """Return the 404 of the noun that the path names an object of."""
    if "/{id}" not in operation.path:
        return ()
    plural = operation.path.partition("/{id}")[0].rpartition("/")[2]
    noun = plural[:-3] + "y" if plural.endswith("ies") else plural.removesuffix("s")
    code = f"{noun}_not_found"
    return (next(cls for cls in error_classes() if cls.code == code),)


def _fields(operation: Operation) -> Iterator[CloudSealedError]:
    assert operation.body is not None
    names = list(parts_of(operation.body)) or ["key"]
    first = names[0]
    yield UnknownFieldError("colour", names)
    yield MissingFieldError(first)
    yield InvalidFieldError(first, f"{first} has a value that it cannot take")


def _parameters(operation: Operation) -> Iterator[CloudSealedError]:
    if operation.parameters:
        yield _plain(errors.RepeatedParameterError)
    if operation.listed is not None:
        yield from map(_plain, _PAGED)
        if "sort" in operation.parameters:
            yield _plain(errors.InvalidSortError)
    for name, item in operation.parameters.items():
        if name not in _PAGING:
            yield _refused(item)


def _refused(item: Any) -> CloudSealedError:
    """Return what a parameter says of a value that it cannot take."""
    read = query.read_filter if isinstance(item, Filter) else type(item).read
    try:
        read(item, "\x00")
    except CloudSealedError as error:
        return error
    raise AssertionError(f"{item.name} takes everything")
