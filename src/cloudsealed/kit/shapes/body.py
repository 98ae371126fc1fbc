"""Reading a request's body by its shape: what is wrong with it, in the words of the API."""

from __future__ import annotations

from typing import Any

from cloudsealed.kit.errors import (
    CloudSealedError,
    InvalidFieldError,
    MissingFieldError,
    UnknownFieldError,
)
from cloudsealed.kit.shapes.errors import Fault, FormError, Path, dotted, hint
from cloudsealed.kit.shapes.values import Shape


def read_body(shape: Shape, body: Any, at: Path = ()) -> Any:
    """Return what a body says that stands `at` a path of a larger one; raises the 422 that names
    the first field that is wrong: one that is not known before all others."""
    try:
        return shape.read(body, at)
    except FormError as error:
        raise refusal(error) from error


def refusal(error: FormError) -> CloudSealedError:
    """Return the 422 that says of a body what an error says, without the others."""
    field = error.field or "body"
    match error.fault:
        case Fault.MISSING:
            return MissingFieldError(field)
        case Fault.UNKNOWN:
            near = error.suggestion
            return UnknownFieldError(field, [dotted((*error.at[:-1], near))] if near else ())
        case _:
            message = f"{field} {error.message}"
            return InvalidFieldError(field, message + hint(message, error.suggestion))


def refuse(field: str, said: str) -> InvalidFieldError:
    """Return the 422 of a field whose value only the noun can judge; `said` lacks its subject."""
    return InvalidFieldError(field, f"{field} {said}")
