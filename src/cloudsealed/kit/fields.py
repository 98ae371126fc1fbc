"""Strict reading of a JSON object's fields: what is unknown, missing or wrong is refused.

It knows no noun; each noun says which fields it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.errors import InvalidFieldError, MissingFieldError, UnknownFieldError


class Fields:
    """One JSON object, read field by field; every reader raises a 422 that names the field."""

    def __init__(self, body: Any, known: Sequence[str], *, path: str = "") -> None:
        if not isinstance(body, dict):
            raise InvalidFieldError(path or "body", f"{path or 'The body'} must be an object")
        self.body: Mapping[str, Any] = body
        self._path = path
        for name in body:
            if name not in known:
                raise UnknownFieldError(self.name(name), known)

    def name(self, name: str) -> str:
        """Return a field's name from the body's own level on."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Say whether the field is there, null or not."""
        return name in self.body

    def refuse(self, name: str, message: str) -> InvalidFieldError:
        """Return the error that `name` has a value it cannot take."""
        return InvalidFieldError(self.name(name), f"{self.name(name)} {message}")

    def _value(self, name: str, required: bool) -> Any:
        value = self.body.get(name)
        if value is None and required:
            raise MissingFieldError(self.name(name))
        return value

    def required(self, name: str) -> Any:
        """Return a required value of any kind."""
        return self._value(name, required=True)

    def text(self, name: str, *, longest: int = 1000, choices: Sequence[str] = ()) -> str:
        """Return a required text."""
        value = self.optional_text(name, longest=longest, choices=choices)
        if value is None:
            raise MissingFieldError(self.name(name))
        return value

    def optional_text(
        self, name: str, *, longest: int = 1000, choices: Sequence[str] = ()
    ) -> str | None:
        """Return a text, or None when it is absent or null."""
        value = self._value(name, required=False)
        if value is None:
            return None
        if choices and value not in choices:
            raise self.refuse(name, f"must be one of: {', '.join(choices)}")
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise self.refuse(name, f"must be a text of 1 to {longest} characters")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, "must be true or false")
        return value

    def whole(self, name: str, default: int, *, most: int) -> int:
        """Return a whole number from 0 to `most`."""
        value = self.body.get(name, default)
        good = isinstance(value, int) and not isinstance(value, bool)
        if not good or not 0 <= value <= most:
            raise self.refuse(name, f"must be a whole number from 0 to {most}")
        return int(value)

    def texts(self, name: str, *, most: int, required: bool = False) -> tuple[str, ...] | None:
        """Return a list of distinct texts, or None when it is absent or null."""
        value = self._value(name, required)
        if value is None:
            return None
        good = isinstance(value, list) and 1 <= len(value) <= most
        if not good or not all(isinstance(item, str) and item for item in value):
            raise self.refuse(name, f"must be a list of 1 to {most} texts")
        if len(set(value)) != len(value):
            raise self.refuse(name, "must not name anything twice")
        return tuple(value)

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Return an object, or None when it is absent or null."""
        value = self._value(name, required=False)
        if value is not None and not isinstance(value, dict):
            raise self.refuse(name, "must be an object")
        return value

    def moment(self, name: str) -> str | None:
        """Return a time as RFC 3339 UTC, or None when it is absent or null."""
        value = self._value(name, required=False)
        if value is None:
            return None
        try:
            return rfc3339(parse_rfc3339(value))
        except (TypeError, ValueError):
            raise self.refuse(
                name, "must be an RFC 3339 time such as 2026-01-31T00:00:00Z"
            ) from None
