"""What a file may say, piece by piece: a shape reads a node strictly and is a JSON Schema too.

Both come from the same facts, so that an editor and the reader refuse the same files. A shape
guesses no type, fills in only the defaults that it names, and knows no policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import yaml

from cloudsealed.packs.document import Document, nearest

IDENTIFIER = "[a-z][a-z0-9_]*"
NOT_BLANK = r"\S"
_MOST_LISTED = 10
"""More words than these are not listed in an error; the nearest one is suggested."""


class Shape(Protocol):
    """A kind of value."""

    def read(self, document: Document, node: yaml.Node, name: str) -> Any:
        """Return the value at `node`; raises PolicyFileError, which calls it `name`."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (2020-12) of the value."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A mapping that was read: its values by name, and where each name and value stands."""

    document: Document
    node: yaml.Node
    keys: Mapping[str, yaml.Node]
    nodes: Mapping[str, yaml.Node]
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        """Return the value of a field, or its default."""
        return self.values[name]

    def __contains__(self, name: str) -> bool:
        """Whether the field is in the file."""
        return name in self.nodes

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise PolicyFileError at the first name that is not known."""
        for name, key in self.keys.items():
            if name not in known:
                self.document.fail(key, f"unknown field {name!r}", nearest(name, known))

    def fail(self, name: str, message: str) -> NoReturn:
        """Raise PolicyFileError at a field's value."""
        self.document.fail(self.nodes[name], message)


def _found(document: Document, node: yaml.Node, name: str) -> Found:
    if not isinstance(node, yaml.MappingNode):
        document.fail(node, f"{name} must be a mapping")
    keys = {key.value: key for key, _ in node.value}
    return Found(document, node, keys, {key.value: value for key, value in node.value})


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is not blank; with `pattern`, all of it matches."""

    pattern: str | None = None

    def read(self, document: Document, node: yaml.Node, name: str) -> str:
        """Return the string."""
        value = document.value(node)
        if not isinstance(value, str) or not re.search(NOT_BLANK, value):
            document.fail(node, f"{name} must be a string that is not blank")
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            document.fail(node, f"{name} must match {self.pattern}, not {value!r}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a string's schema."""
        return {"type": "string", "pattern": _whole(self.pattern) if self.pattern else NOT_BLANK}


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few strings."""

    words: tuple[str, ...]

    def read(self, document: Document, node: yaml.Node, name: str) -> str:
        """Return the string."""
        text = Text().read(document, node, name)
        if text not in self.words:
            few = len(self.words) <= _MOST_LISTED
            message = f"must be one of: {', '.join(self.words)}" if few else f"cannot be {text!r}"
            document.fail(node, f"{name} {message}", nearest(text, self.words))
        return text

    def schema(self) -> dict[str, Any]:
        """Return an enumeration."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Number:
    """An integer of at least 1."""

    def read(self, document: Document, node: yaml.Node, name: str) -> int:
        """Return the integer."""
        value = document.value(node)
        if type(value) is not int or value < 1:
            document.fail(node, f"{name} must be an integer of at least 1")
        return value

    def schema(self) -> dict[str, Any]:
        """Return an integer's schema."""
        return {"type": "integer", "minimum": 1}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, document: Document, node: yaml.Node, name: str) -> bool:
        """Return the boolean."""
        value = document.value(node)
        if not isinstance(value, bool):
            document.fail(node, f"{name} must be true or false")
        return value

    def schema(self) -> dict[str, Any]:
        """Return a boolean's schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""

    def read(self, document: Document, node: yaml.Node, name: str) -> Any:
        """Return the value."""
        return document.value(node)

    def schema(self) -> dict[str, Any]:
        """Return the schema that refuses nothing."""
        return {}


@dataclass(frozen=True, slots=True)
class Free:
    """A mapping of any JSON values under any names."""

    def read(self, document: Document, node: yaml.Node, name: str) -> dict[str, Any]:
        """Return the mapping."""
        found = _found(document, node, name)
        return {key: document.value(value) for key, value in found.nodes.items()}

    def schema(self) -> dict[str, Any]:
        """Return an object's schema."""
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class Many:
    """A list of at least `least` items; `distinct` strings are there once each."""

    item: Shape
    least: int = 0
    distinct: bool = False

    def read(self, document: Document, node: yaml.Node, name: str) -> tuple[Any, ...]:
        """Return the items in their order."""
        if not isinstance(node, yaml.SequenceNode):
            document.fail(node, f"{name} must be a list")
        if len(node.value) < self.least:
            document.fail(node, f"{name} must be a list of at least {self.least}")
        values: list[Any] = []
        for each in node.value:
            value = self.item.read(document, each, f"each of {name}")
            if self.distinct and value in values:
                document.fail(each, f"{value!r} is twice in {name}")
            values.append(value)
        return tuple(values)

    def schema(self) -> dict[str, Any]:
        """Return an array's schema."""
        least = {"minItems": self.least} if self.least else {}
        distinct = {"uniqueItems": True} if self.distinct else {}
        return {"type": "array", "items": self.item.schema(), **least, **distinct}


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping of the author's own identifiers to values of one shape."""

    value: Shape

    def read(self, document: Document, node: yaml.Node, name: str) -> Found:
        """Return the mapping and its places."""
        found = _found(document, node, name)
        for key, value in found.nodes.items():
            if not re.fullmatch(IDENTIFIER, key):
                document.fail(found.keys[key], f"a name in {name} must match {IDENTIFIER}")
            found.values[key] = self.value.read(document, value, key)
        return found

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object with names of a pattern."""
        return {
            "type": "object",
            "propertyNames": {"pattern": _whole(IDENTIFIER)},
            "additionalProperties": self.value.schema(),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a record: its shape, what it is for, and its value when a file leaves it out."""

    shape: Shape
    doc: str = ""
    needed: bool = False
    default: Any = None

    def schema(self) -> dict[str, Any]:
        """Return the field's schema with its text for a reader."""
        doc = {"description": self.doc} if self.doc else {}
        stated = isinstance(self.default, str | int)
        return {**doc, **self.shape.schema(), **({"default": self.default} if stated else {})}


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping of known fields, at least `least`; those of `together` are all there or none."""

    parts: Mapping[str, Part]
    together: tuple[str, ...] = ()
    least: int = 0

    def read(self, document: Document, node: yaml.Node, name: str) -> Found:
        """Return every field's value, or its default."""
        found = _found(document, node, name)
        found.refuse_unknown(tuple(self.parts))
        if len({each in found for each in self.together}) > 1:
            document.fail(node, f"{' and '.join(map(repr, self.together))} go together")
        if len(found.nodes) < self.least:
            document.fail(node, f"{name} must have one of: {', '.join(self.parts)}")
        for each, part in self.parts.items():
            if each in found:
                found.values[each] = part.shape.read(document, found.nodes[each], each)
            elif part.needed:
                document.fail(node, f"missing field {each!r}")
            else:
                found.values[each] = part.default
        return found

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object that has no other fields."""
        needed = [name for name, part in self.parts.items() if part.needed]
        others = {name: [o for o in self.together if o != name] for name in self.together}
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: part.schema() for name, part in self.parts.items()},
            **({"required": needed} if needed else {}),
            **({"dependentRequired": others} if others else {}),
            **({"minProperties": self.least} if self.least else {}),
        }


def words(found: Iterable[str]) -> Word:
    """Return the shape of one of the words of an enumeration."""
    return Word(tuple(str(each) for each in found))
