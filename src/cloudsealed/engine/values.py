"""The values of the language and their kinds: which Python class stands for which CEL type.

A document is plain JSON as Python parses it: dict, list, str, int, float, bool, None. On top come
unsigned numbers, bytes, timestamps (aware datetime), durations (timedelta) and types, which only
expressions make. Refuses every other class: a document holds no objects with behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

Value: TypeAlias = Any
"""A value of the language; see the table `KINDS`."""

Kind: TypeAlias = Literal[
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null",
    "timestamp",
    "duration",
    "type",
    "dyn",
]

MAX_INT: Final = 2**63 - 1
MIN_INT: Final = -(2**63)
MAX_UINT: Final = 2**64 - 1


class UInt(int):
    """An unsigned 64-bit number, `1u`: equal to the int 1, but not to be added to it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TypeValue:
    """A type as a value, what `type(x)` gives and `int` or `string` name."""

    name: str


KINDS: Final[dict[type, Kind]] = {
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    type(None): "null",
    datetime: "timestamp",
    timedelta: "duration",
    TypeValue: "type",
}
CLASSES: Final[dict[Kind, type]] = {kind: cls for cls, kind in KINDS.items()}

_TYPE_NAMES: Final[dict[Kind, str]] = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
TYPES: Final[dict[str, TypeValue]] = {
    name: TypeValue(name) for name in (_TYPE_NAMES.get(kind, kind) for kind in KINDS.values())
}
"""The names that stand for a type in an expression."""

_SPOKEN: Final[dict[Kind, str]] = {
    "bool": "a bool",
    "int": "an int",
    "uint": "a uint",
    "double": "a double",
    "string": "a string",
    "bytes": "bytes",
    "list": "a list",
    "map": "a map",
    "null": "null",
    "timestamp": "a timestamp",
    "duration": "a duration",
    "type": "a type",
    "dyn": "any value",
}


def kind_of(value: Value) -> Kind:
    """The kind of a value; `dyn` for a class that is not of the language."""
    return KINDS.get(value.__class__, "dyn")


def type_of(value: Value) -> TypeValue:
    """The type of a value, as `type(value)` gives it."""
    kind = kind_of(value)
    return TYPES[_TYPE_NAMES.get(kind, kind)]


def spoken(kind: Kind) -> str:
    """A kind as it stands in a sentence: `a list`."""
    return _SPOKEN[kind]


def describe(value: Value) -> str:
    """The kind of a value as it stands in a sentence: `a list`."""
    return _SPOKEN[kind_of(value)] if value.__class__ in KINDS else "a foreign object"
