"""The typed syntax tree of an expression, and the two ways to walk over all of its kinds.

Nodes are immutable and know where they stand in the source (`start`, and `end` after the last
character). Refuses to hold macros as calls: `has` and the loops are nodes of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from cloudsealed.engine.values import Value

if TYPE_CHECKING:
    from cloudsealed.engine.signature import Function

Macro: TypeAlias = Literal[
    "all", "exists", "exists_one", "filter", "map", "sort_by", "make_map", "merge_maps"
]
Operator: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression, from character `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """A value that is known when the expression is compiled."""

    value: Value


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A variable, or before `resolve` also the name of a type."""

    name: str


@dataclass(frozen=True, slots=True)
class Select(Node):
    """`operand.field`"""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Has(Node):
    """`has(operand.field)`"""

    operand: Node
    field: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`operand[key]`"""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class OptionalIndex(Node):
    """`operand[?key]`, and `operand.?field` with the field as a constant key."""

    operand: Node
    key: Node


@dataclass(frozen=True, slots=True)
class Spread(Node):
    """`?operand` as an item of a list or a value of a map: there only if the optional is."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Otherwise(Node):
    """`operand.orValue(other)`, or with `whole` `operand.or(other)`."""

    operand: Node
    other: Node
    whole: bool


@dataclass(frozen=True, slots=True)
class Bind(Node):
    """`cel.bind(variable, value, body)`"""

    variable: str
    value: Node
    body: Node


@dataclass(frozen=True, slots=True)
class OptionalMap(Node):
    """`operand.optMap(variable, body)`, or with `flat` `operand.optFlatMap(variable, body)`."""

    operand: Node
    variable: str
    body: Node
    flat: bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)` or `target.name(arguments)`, before `resolve` finds the function."""

    name: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """A call of a known function; the target, if any, is the first argument."""

    function: Function
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`a && b && ...` (`every` is true) or `a || b || ...`, of two operands or more."""

    every: bool
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`!operand`"""

    operand: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """`-operand`"""

    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left operator right`: a relation or arithmetic."""

    operator: Operator
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`condition ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class ListOf(Node):
    """`[a, b]`"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf(Node):
    """`{key: value}`; `keys` and `values` have the same length."""

    keys: tuple[Node, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop(Node):
    """`range.macro(variable, condition)`, or `range.map(variable, condition?, result)`.

    With `second`, `variable` is the number of an item or the key of an entry, and `second` is the
    item or the value.
    """

    macro: Macro
    range: Node
    variable: str
    second: str | None
    condition: Node | None
    result: Node | None


_BELOW: Final = {
    kind: tuple(field.name for field in fields(kind) if "Node" in str(field.type))
    for kind in Node.__subclasses__()
}
"""The fields that hold nodes, by class and in order."""


def children(node: Node) -> list[Node]:
    """The nodes directly under `node`, from left to right."""
    found: list[Node] = []
    for name in _BELOW[node.__class__]:
        value = getattr(node, name)
        if value.__class__ is tuple:
            found += value
        elif value is not None:
            found.append(value)
    return found


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """`node` with `change` applied to each node directly under it."""
    changed: dict[str, Node | tuple[Node, ...]] = {}
    for name in _BELOW[node.__class__]:
        value = getattr(node, name)
        if value.__class__ is tuple:
            changed[name] = tuple(change(each) for each in value)
        elif value is not None:
            changed[name] = change(value)
    return replace(node, **changed) if changed else node  # type: ignore[arg-type]  # by name


def size_of(node: Node) -> int:
    """How many nodes there are in and under `node`."""
    size, nodes = 0, [node]
    while nodes:
        size += 1
        nodes += children(nodes.pop())
    return size
