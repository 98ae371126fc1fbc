"""The shapes of single values: each reads one strictly, and is its JSON Schema too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.shapes.errors import Fault, FormError, Path

NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
"""What a text that is read matches, as JSON Schemas say it: JSON with NUL is refused before."""
ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
"""What an id is after its prefix and an underscore."""
EXAMPLE = "01J8ZQ4X7M2N5P8R1T4V6W9YAC"
_MOST_LISTED = 10
"""More words than these are not listed in an error; the nearest one is suggested."""


class Shape(Protocol):
    """A kind of value."""

    def read(self, value: Any, at: Path) -> Any:
        """Return the value that stands `at` a path; raises FormError."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the value."""
        ...


def mapping(value: Any, at: Path) -> dict[str, Any]:
    """Return a value that is a mapping; raises FormError."""
    if not isinstance(value, dict):
        raise FormError(at, "must be a mapping")
    return value


def whole(pattern: str) -> str:
    """Return the pattern, as JSON Schemas search, of what `pattern` matches from end to end."""
    return f"^(?:{pattern})$"


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters that is not blank; all of it matches `pattern`.

    `says` is what an error says of one that does not match, `name` its schema's title. `told` and
    `least` are the pattern and the length that the schema has, where the noun says what is wrong.
    """

    pattern: str | None = None
    longest: int = 1000
    name: str = ""
    says: str = ""
    told: str | None = None
    least: int = 1

    def read(self, value: Any, at: Path) -> str:
        """Return the string."""
        if not isinstance(value, str) or len(value) > self.longest or not value.strip():
            raise FormError(at, f"must be a string of 1 to {self.longest} characters, not blank")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise FormError(at, self.says or f"must match {self.pattern}, not {value!r}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a string's schema."""
        pattern = self.told or (whole(self.pattern) if self.pattern else NOT_BLANK)
        return {
            **({"title": self.name} if self.name else {}),
            "type": "string",
            **({"minLength": self.least} if self.least else {}),
            "maxLength": self.longest,
            "pattern": pattern,
        }


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few strings; one that `grows` may be one of more in a later version."""

    words: tuple[str, ...]
    grows: bool = False

    def read(self, value: Any, at: Path) -> str:
        """Return the string."""
        if isinstance(value, str) and value in self.words:
            return value
        if len(self.words) <= _MOST_LISTED:
            message = f"must be one of: {', '.join(self.words)}"
        else:
            message = f"cannot be {Text().read(value, at)!r}"
        raise FormError(at, message, Fault.VALUE, value, self.words)

    def schema(self) -> dict[str, Any]:
        """Return an enumeration, or the only string."""
        if len(self.words) == 1 and not self.grows:
            return {"type": "string", "const": self.words[0]}
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Ident:
    """The id of an object, which begins with `prefix`. What is read is any name: one of another
    form names nothing, and that is what the noun says of it."""

    prefix: str

    def read(self, value: Any, at: Path) -> str:
        """Return the string."""
        return _NAME.read(value, at)

    def schema(self) -> dict[str, Any]:
        """Return the schema of an id."""
        pattern = f"^{self.prefix}_{ULID}$"
        return {"type": "string", "maxLength": len(self.prefix) + 27, "pattern": pattern}


_NAME = Text()


def words(found: Iterable[str]) -> Word:
    """Return the shape of one of the words of an enumeration, or of some of them."""
    return Word(tuple(str(each) for each in found), grows=isinstance(found, type))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as RFC 3339 writes it."""

    def read(self, value: Any, at: Path) -> str:
        """Return the time in UTC."""
        try:
            return rfc3339(parse_rfc3339(value))
        except (TypeError, ValueError):
            message = "must be an RFC 3339 time such as 2026-01-31T00:00:00Z"
            raise FormError(at, message) from None

    def schema(self) -> dict[str, Any]:
        """Return a time's schema."""
        return {"type": "string", "format": "date-time", "maxLength": 40}


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number from `least` to `most`; `format` is how many bits clients give it, as OpenAPI
    names them."""

    least: int = 1
    most: int | None = None
    format: str = ""

    def read(self, value: Any, at: Path) -> int:
        """Return the integer."""
        if type(value) is int and self.least <= value and (self.most is None or value <= self.most):
            return value
        if self.most is None:
            raise FormError(at, f"must be an integer of at least {self.least}")
        raise FormError(at, f"must be a whole number from {self.least} to {self.most}")

    def schema(self) -> dict[str, Any]:
        """Return an integer's schema."""
        return {
            "type": "integer",
            "minimum": self.least,
            **({} if self.most is None else {"maximum": self.most}),
            **({"format": self.format} if self.format else {}),
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, value: Any, at: Path) -> bool:
        """Return the boolean."""
        if not isinstance(value, bool):
            raise FormError(at, "must be true or false")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a boolean's schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Free:
    """A mapping of any JSON values under any names."""

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return the mapping."""
        return mapping(value, at)

    def schema(self) -> dict[str, Any]:
        """Return an object's schema."""
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""

    def read(self, value: Any, at: Path) -> Any:
        """Return the value."""
        return value

    def schema(self) -> dict[str, Any]:
        """Return the schema that takes everything."""
        return {}
