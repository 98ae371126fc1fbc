"""The base of every error that reaches a user.

It refuses to know any of them: each lives beside the code that raises it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from cloudsealed.kit.nearest import closest, suggested


class CloudSealedError(Exception):
    """An error with a stable code, an HTTP status and a message for people.

    A subclass declares `code` and `status`, says in its docstring when it happens, and in `remedy`
    what whoever meets it can do.
    `details` are further facts: mappings with `field`, `code` and `message`.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    remedy: ClassVar[str] = (
        "Send it again later; if it stays so, look for the request's id in the server's log, "
        "and report it."
    )

    def __init__(
        self,
        message: str,
        *,
        details: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def about(self, field: str) -> None:
        """Let its details name the field of the body that it is about."""
        self.details = ({"field": field, "code": self.code, "message": self.message},)

    @classmethod
    def reason(cls, error: Exception, otherwise: str) -> dict[str, str]:
        """Return why work ended, for people: of an error that is none of ours, `otherwise`.

        Never a traceback, never a detail of our insides.
        """
        if isinstance(error, CloudSealedError):
            return {"code": error.code, "message": error.message}
        return {"code": cls.code, "message": otherwise}


class NotFoundError(CloudSealedError):
    """An id names nothing that the caller's tenant has."""

    code = "not_found"
    status = 404
    remedy = (
        "Take the id from a list: what was deleted, or is another tenant's, is answered like "
        "what never was."
    )

    def __init__(self, noun: str, ident: str) -> None:
        super().__init__(f"No such {noun}: {ident}")


class InvalidFieldError(CloudSealedError):
    """A field of the body has a value that it cannot take."""

    code = "invalid_field"
    status = 422
    remedy = "Read `details`, which name each field and what it takes."

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, details=[{"field": field, "code": self.code, "message": message}])


class UnknownFieldError(CloudSealedError):
    """The body has a field that the operation does not know."""

    code = "unknown_field"
    status = 422
    remedy = "Leave the field out, or take the name that the message suggests."

    def __init__(self, field: str, known: Sequence[str] = ()) -> None:
        message = f"Unknown field {field!r}{suggested(closest(field, known))}"
        super().__init__(message, details=[{"field": field, "code": self.code, "message": message}])


class MissingFieldError(CloudSealedError):
    """The body lacks a field that the operation needs."""

    code = "missing_field"
    status = 422
    remedy = "Add the field that `details` name."

    def __init__(self, field: str) -> None:
        message = f"{field} is required"
        super().__init__(message, details=[{"field": field, "code": self.code, "message": message}])


def error_classes(
    base: type[CloudSealedError] = CloudSealedError,
) -> Iterator[type[CloudSealedError]]:
    """Yield `base` and every class below it, in order of definition."""
    yield base
    for child in base.__subclasses__():
        yield from error_classes(child)
