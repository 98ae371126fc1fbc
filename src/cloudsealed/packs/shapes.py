"""What a value may be, piece by piece: a shape reads a value strictly and is a JSON Schema too.

Both come from the same facts, so that an editor, a file's reader and a body's reader refuse the
same. A shape guesses no type, fills in only the defaults that it names, and knows no policy. Null
is what is left out, but for a flag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.fields import NOT_BLANK
from cloudsealed.packs.errors import Fault, FormError, Path, refuse_all

NAME = "[a-z_][a-z0-9_]{0,62}"
_MOST_LISTED = 10
"""More words than these are not listed in an error; the nearest one is suggested."""


class Use(StrEnum):
    """Where what has a form is read."""

    FILE = "file"
    API = "API"


class Shape(Protocol):
    """A kind of value."""

    def read(self, value: Any, at: Path) -> Any:
        """Return the value that stands `at` a path; raises FormError."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the value."""
        ...


def _mapping(value: Any, at: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormError(at, "must be a mapping")
    return value


def unknown(value: Mapping[str, Any], known: Iterable[str], at: Path) -> list[FormError]:
    """Return an error for each name that is not known."""
    return [
        FormError((*at, name), "is not known", Fault.UNKNOWN, name, known)
        for name in value
        if name not in known
    ]


class _Gathered:
    """Reads several values, and keeps what is wrong with each."""

    def __init__(self, errors: Iterable[FormError] = ()) -> None:
        self.errors = list(errors)

    def read(self, read: Callable[[], Any]) -> Any:
        """Return what `read` returns; None if that is wrong."""
        try:
            return read()
        except FormError as error:
            self.errors.append(error)
            return None


@dataclass(frozen=True, slots=True)
class Text:
    """A string of at most `longest` characters that is not blank; all of it matches `pattern`.

    `name` is its schema's title.
    """

    pattern: str | None = None
    longest: int = 1000
    name: str = ""

    def read(self, value: Any, at: Path) -> str:
        """Return the string."""
        if not isinstance(value, str) or len(value) > self.longest or not value.strip():
            raise FormError(at, f"must be a string of 1 to {self.longest} characters, not blank")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise FormError(at, f"must match {self.pattern}, not {value!r}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a string's schema."""
        pattern = _whole(self.pattern) if self.pattern else NOT_BLANK
        title = {"title": self.name} if self.name else {}
        return {
            **title,
            "type": "string",
            "minLength": 1,
            "maxLength": self.longest,
            "pattern": pattern,
        }


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of the policy language, of at most `longest` characters; nothing is parsed."""

    longest: int = 4096

    def read(self, value: Any, at: Path) -> str:
        """Return its text."""
        if isinstance(value, str) and not (value.strip() and len(value) <= self.longest):
            message = f"an expression has 1 to {self.longest} characters and is not blank"
            raise FormError(at, message, Fault.EXPRESSION)
        return Text(longest=self.longest).read(value, at)

    def schema(self) -> dict[str, Any]:
        """Return the string's schema."""
        return Text(longest=self.longest).schema()


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few strings."""

    words: tuple[str, ...]

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
        if len(self.words) == 1:
            return {"type": "string", "const": self.words[0]}
        return {"type": "string", "enum": list(self.words)}


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
    """An integer of at least 1."""

    def read(self, value: Any, at: Path) -> int:
        """Return the integer."""
        if type(value) is not int or value < 1:
            raise FormError(at, "must be an integer of at least 1")
        return value

    def schema(self) -> dict[str, Any]:
        """Return an integer's schema."""
        return {"type": "integer", "minimum": 1}


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
        return _mapping(value, at)

    def schema(self) -> dict[str, Any]:
        """Return an object's schema."""
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class Many:
    """A list of `least` to `most` items; `distinct` strings are there once each."""

    item: Shape
    least: int = 0
    most: int = 1000
    distinct: bool = False

    def read(self, value: Any, at: Path) -> list[Any]:
        """Return the items in their order."""
        if not isinstance(value, list):
            raise FormError(at, "must be a list")
        if not self.least <= len(value) <= self.most:
            raise FormError(at, f"must be a list of at least {self.least} and at most {self.most}")
        found: list[Any] = []
        gathered = _Gathered()
        for index, each in enumerate(value):
            item = gathered.read(partial(self.item.read, each, (*at, index)))
            if self.distinct and item is not None and item in found:
                twice = FormError((*at, index), f"is twice in its list: {item!r}")
                gathered.errors.append(twice)
            found.append(item)
        refuse_all(gathered.errors)
        return found

    def schema(self) -> dict[str, Any]:
        """Return an array's schema."""
        least = {"minItems": self.least} if self.least else {}
        distinct = {"uniqueItems": True} if self.distinct else {}
        return {
            "type": "array",
            "items": self.item.schema(),
            **least,
            "maxItems": self.most,
            **distinct,
        }


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping of the author's own names to values of one shape."""

    value: Shape

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return the mapping."""
        gathered = _Gathered(
            FormError((*at, name), f"is no name: it must match {NAME}", Fault.NAME)
            for name in _mapping(value, at)
            if not re.fullmatch(NAME, name)
        )
        found = {
            name: gathered.read(partial(self.value.read, each, (*at, name)))
            for name, each in value.items()
        }
        refuse_all(gathered.errors)
        return found

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object with names of a pattern."""
        return {
            "type": "object",
            "propertyNames": {"pattern": _whole(NAME)},
            "additionalProperties": self.value.schema(),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a record: its shape, what it is for, an example, and its value when left out.

    One with `only` is read there and unknown elsewhere; one that is `told` is never null.
    """

    shape: Shape
    doc: str = ""
    needed: bool = False
    default: Any = None
    only: Use | None = None
    example: Any = None
    told: bool = False

    def serves(self, use: Use) -> bool:
        """Whether the field is known where that is read."""
        return self.only in (None, use)

    @property
    def may_be_null(self) -> bool:
        """Whether null says that the field is left out."""
        return not (self.needed or self.told or isinstance(self.shape, Flag))

    def schema(self) -> dict[str, Any]:
        """Return the field's schema with its text for a reader."""
        doc = {"description": self.doc} if self.doc else {}
        shape = self.shape.schema()
        stated = {"default": self.default} if isinstance(self.default, str | int) else {}
        shown = {"examples": [self.example]} if self.example is not None else {}
        return {**doc, **(_or_null(shape) if self.may_be_null else shape), **stated, **shown}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "oneOf" in schema:
        return {**schema, "oneOf": [*schema["oneOf"], {"type": "null"}]}
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **words}


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping of known fields, at least `least`; those of `together` are all there or none.

    What is read for one `use` has no fields of another's, and their defaults. `name` is its
    schema's title.
    """

    parts: Mapping[str, Part]
    together: tuple[str, ...] = ()
    least: int = 0
    use: Use | None = None
    name: str = ""

    def of(self, use: Use) -> Record:
        """Return the form of what is read for one use."""
        return replace(self, use=use)

    @property
    def known(self) -> dict[str, Part]:
        """The fields that may be there."""
        return {n: part for n, part in self.parts.items() if not self.use or part.serves(self.use)}

    def read(self, value: Any, at: Path = ()) -> dict[str, Any]:
        """Return every field's value, or its default; what is refused has None in `good`."""
        found = _mapping(value, at)
        gathered = _Gathered(unknown(found, self.known, at))
        absent = [name for name in self.together if found.get(name) is None]
        if absent and len(absent) < len(self.together):
            others = " and ".join(name for name in self.together if name != absent[0])
            gathered.errors.append(FormError((*at, absent[0]), f"and {others} go together"))
        if len(found) < self.least:
            gathered.errors.append(FormError(at, f"must have one of: {', '.join(self.known)}"))
        read = {n: gathered.read(partial(self._part, n, found, at)) for n in self.parts}
        refuse_all(_meant(gathered.errors), read)
        return read

    def _part(self, name: str, found: Mapping[str, Any], at: Path) -> Any:
        part, there = self.parts[name], (*at, name)
        if name not in self.known:
            return copy(part.default)
        value = found.get(name)
        if value is None and part.needed:
            raise FormError(there, "is required", Fault.MISSING)
        if value is None and (name not in found or part.may_be_null):
            return copy(part.default)
        return part.shape.read(value, there)

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object that has no other fields."""
        needed = [name for name, part in self.known.items() if part.needed]
        return {
            **({"title": self.name} if self.name else {}),
            "type": "object",
            "additionalProperties": False,
            "properties": {name: part.schema() for name, part in self.known.items()},
            **({"required": needed} if needed else {}),
            **({"anyOf": self._together()} if self.together else {}),
            **({"minProperties": self.least} if self.least else {}),
        }

    def _together(self) -> list[dict[str, Any]]:
        null = {"type": "null"}
        none = {"properties": dict.fromkeys(self.together, null)}
        every = {"properties": {name: {"not": null} for name in self.together}}
        return [none, {**every, "required": list(self.together)}]


def _meant(errors: Sequence[FormError]) -> Iterable[FormError]:
    """Return errors, without that of a missing field that an unknown name was meant to be."""
    meant = {(*each.at[:-1], each.suggestion) for each in errors if each.fault is Fault.UNKNOWN}
    return (each for each in errors if each.fault is not Fault.MISSING or each.at not in meant)


@dataclass(frozen=True, slots=True)
class Brief:
    """A record, or a string that stands for its field `name`; `title` is its schema's."""

    record: Record
    name: str
    title: str = ""

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return the record's fields."""
        return self.record.read({self.name: value} if isinstance(value, str) else value, at)

    def schema(self) -> dict[str, Any]:
        """Return the schema of either."""
        title = {"title": self.title} if self.title else {}
        brief = self.record.parts[self.name].shape.schema()
        return {**title, "oneOf": [self.record.schema(), brief]}


def words(found: Iterable[str]) -> Word:
    """Return the shape of one of the words of an enumeration."""
    return Word(tuple(str(each) for each in found))
