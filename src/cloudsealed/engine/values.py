"""The values of the language and their kinds: which Python class stands for which CEL type.

A document is plain JSON as Python parses it: dict, list, str, int, float, bool, None. On top come
unsigned numbers, bytes, timestamps and durations (to the nanosecond), types, addresses and
optional values, which only expressions make. Refuses every other class: a document holds no
objects with behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    "ip",
    "cidr",
    "optional",
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


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment, in nanoseconds since 1970 (UTC); the years 1 to 9999."""

    nanos: int


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds; what arithmetic makes has 64 bits."""

    nanos: int


@dataclass(frozen=True, slots=True)
class Address:
    """What `ip(text)` gives: `number` is the address of 32 bits (`version` 4) or 128 (6)."""

    version: int
    number: int


@dataclass(frozen=True, slots=True)
class Block:
    """What `cidr(text)` gives: an address, and how many of its bits name the network."""

    address: Address
    prefix: int

    @property
    def first(self) -> int:
        """The number of the first address."""
        return self.address.number >> self._free << self._free

    @property
    def last(self) -> int:
        """The number of the last address."""
        return self.first | ((1 << self._free) - 1)

    @property
    def _free(self) -> int:
        return (32 if self.address.version == 4 else 128) - self.prefix


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be absent: `items` has one value or none."""

    items: tuple[Any, ...] = ()


NONE: Final = Optional()


@dataclass(frozen=True, slots=True)
class BoolKey:
    """A bool as the key of a map: Python's own true is the same key as its 1."""

    value: bool


def map_key(key: Any) -> Any:
    """A key as a map holds it."""
    return BoolKey(key) if key.__class__ is bool else key


def key_value(key: Any) -> Any:
    """The value of a key that a map holds."""
    return key.value if key.__class__ is BoolKey else key


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
    Timestamp: "timestamp",
    Duration: "duration",
    TypeValue: "type",
    Address: "ip",
    Block: "cidr",
    Optional: "optional",
}
CLASSES: Final[dict[Kind, type]] = {kind: cls for cls, kind in KINDS.items()}

_TYPE_NAMES: Final[dict[Kind, str]] = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
    "ip": "net.IP",
    "cidr": "net.CIDR",
    "optional": "optional_type",
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
    "ip": "an IP address",
    "cidr": "a CIDR block",
    "optional": "an optional value",
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
    kind = KINDS.get(value.__class__) or getattr(value, "spoken_as", None)
    return _SPOKEN[kind] if kind else "a foreign object"
