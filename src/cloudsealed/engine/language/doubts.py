"""What an expression compares that can never be equal, as far as the documents' shapes are known.

In CEL `true == 'true'` is false, and no error: a policy that says so passes everything, for ever.
Only what an author writes is looked at; what a tenant has stored goes on being judged.
Refuses to doubt where a kind is not known: an attribute without a shape, what a function may give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cloudsealed.engine.errors import ExpressionError
from cloudsealed.engine.language.syntax import (
    Apply,
    Binary,
    Bind,
    Conditional,
    Constant,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Node,
    Not,
    Select,
    children,
)
from cloudsealed.engine.values import Kind, kind_of, spoken

Shape: TypeAlias = Any
"""What stands somewhere in a document, as JSON: a word of WORDS, a list with the shape of its
elements, a mapping with the shape of each attribute; None where nobody knows."""

WORDS: Final[Mapping[str, frozenset[Kind]]] = {
    "string": frozenset({"string"}),
    "time": frozenset({"string"}),
    "integer": frozenset({"int"}),
    "number": frozenset({"int", "double"}),
    "boolean": frozenset({"bool"}),
    "map": frozenset({"map"}),
}
_NUMBERS: Final[frozenset[Kind]] = frozenset({"int", "uint", "double"})
_VAGUE: Final[frozenset[Kind]] = frozenset({"dyn", "optional", "null"})
_EQUAL, _ORDERED = ("==", "!="), ("<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class _Known:
    """The kinds that a value may be of, and the shape that it has if it is a list or a map."""

    kinds: frozenset[Kind]
    shape: Shape = None

    @classmethod
    def of(cls, shape: Shape) -> _Known | None:
        if isinstance(shape, str):
            return cls(WORDS[shape])
        if isinstance(shape, Mapping):
            return cls(frozenset({"map"}), shape)
        return cls(frozenset({"list"}), shape) if isinstance(shape, list) else None

    @property
    def words(self) -> str:
        return " or ".join(sorted(map(spoken, self.kinds)))

    def meets(self, other: _Known) -> bool:
        """Whether a value of the one may equal a value of the other."""
        return bool(self.kinds & other.kinds) or all(
            each.kinds <= _NUMBERS for each in (self, other)
        )


_BOOL: Final = _Known(frozenset({"bool"}))
_Scope: TypeAlias = Mapping[str, _Known | None]


def doubts(tree: Node, source: str, shapes: Mapping[str, Shape]) -> tuple[ExpressionError, ...]:
    """The comparisons of `tree` that always come out the same; `shapes` are by variable."""
    reader = _Reader(source)
    reader.visit(tree, {name: _Known.of(shape) for name, shape in shapes.items()})
    return tuple(reader.found)


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[ExpressionError] = []

    def visit(self, node: Node, scope: _Scope) -> _Known | None:
        """What is known of a node's value; what is doubtful in it is noted."""
        match node:
            case Constant(value=value):
                kind = kind_of(value)
                return None if kind in _VAGUE else _Known(frozenset({kind}))
            case Name(name=name):
                return scope.get(name)
            case Select(operand=operand, field=name):
                return _attribute(self.visit(operand, scope), name)
            case Index(operand=operand, key=key):
                return self.index(operand, key, scope)
            case Binary():
                return self.binary(node, scope)
            case Loop():
                return self.loop(node, scope)
            case Bind(variable=variable, value=value, body=body):
                return self.visit(body, {**scope, variable: self.visit(value, scope)})
            case ListOf(items=items):
                return self.written(items, scope)
        return self.other(node, scope)

    def written(self, items: Sequence[Node], scope: _Scope) -> _Known:
        """A list that is written out; of items of one kind, one that holds them."""
        known = [self.visit(each, scope) for each in items]
        kinds = {each.kinds for each in known if each is not None}
        alike = len(kinds) == 1 and None not in known
        return _Known(frozenset({"list"}), [known[0]] if alike else None)

    def other(self, node: Node, scope: _Scope) -> _Known | None:
        below = [self.visit(child, _within(node, scope)) for child in children(node)]
        match node:
            case Logic() | Not() | Has():
                return _BOOL
            case MapOf():
                return _Known(frozenset({"map"}))
            case Apply(function=function) if function.result not in _VAGUE:
                return _Known(frozenset({function.result}))
            case Conditional():
                return below[1] if below[1] == below[2] else None
        return None

    def index(self, operand: Node, key: Node, scope: _Scope) -> _Known | None:
        known = self.visit(operand, scope)
        self.visit(key, scope)
        if isinstance(key, Constant) and isinstance(key.value, str):
            return _attribute(known, key.value)
        return _item(known)

    def loop(self, node: Loop, scope: _Scope) -> _Known | None:
        known = self.visit(node.range, scope)
        inner = {**scope, node.variable: _item(known)}
        if node.second is not None:
            inner |= {node.variable: None, node.second: _item(known)}
        if node.condition is not None:
            self.visit(node.condition, inner)
        if node.result is not None:
            self.visit(node.result, inner)
        if node.macro in ("filter", "sort_by"):
            return known
        return _BOOL if node.macro in ("all", "exists", "exists_one") else None

    def binary(self, node: Binary, scope: _Scope) -> _Known | None:
        left, right = self.visit(node.left, scope), self.visit(node.right, scope)
        if node.operator in _EQUAL:
            self.compare(node, (node.left, left), (node.right, right), "they are never equal")
        elif node.operator in _ORDERED:
            self.compare(node, (node.left, left), (node.right, right), "neither is the greater")
        elif node.operator == "in":
            self.within(node, left, right, scope)
        else:
            return None
        return _BOOL

    def within(
        self, node: Binary, left: _Known | None, right: _Known | None, scope: _Scope
    ) -> None:
        """Doubt each item of a list that is written out, else what a list is known to hold."""
        if isinstance(node.right, ListOf):
            for item in node.right.items:
                known = self.visit(item, scope)
                self.compare(node, (node.left, left), (item, known), "they are never equal")
        else:
            held = _item(right)
            self.compare(node, (node.left, left), (node.right, held), "it is never in there")

    def compare(
        self,
        node: Node,
        left: tuple[Node, _Known | None],
        right: tuple[Node, _Known | None],
        why: str,
    ) -> None:
        (one, known), (two, other) = left, right
        if known is None or other is None or known.meets(other):
            return
        marked, meant = one, other
        if isinstance(two, Constant):
            marked, meant = two, known
        suggestion = _written(marked, meant)
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        message = (
            f"{self.text(one)} is {known.words} and {self.text(two)} "
            f"{'has items that are ' if why.startswith('it') else 'is '}{other.words}: {why}{hint}"
        )
        place = marked if suggestion else node
        self.found.append(ExpressionError(message, self.source, place.start, place.end, suggestion))

    def text(self, node: Node) -> str:
        return " ".join(self.source[node.start : node.end].split())


def _within(node: Node, scope: _Scope) -> _Scope:
    """The names that stand for something else within a node are not known there."""
    variable = getattr(node, "variable", None)
    return scope if variable is None else {**scope, variable: None}


def _attribute(known: _Known | None, name: str) -> _Known | None:
    shape = known.shape if known is not None else None
    return _Known.of(shape.get(name)) if isinstance(shape, Mapping) else None


def _item(known: _Known | None) -> _Known | None:
    shape = known.shape if known is not None else None
    if not isinstance(shape, list):
        return None
    return shape[0] if isinstance(shape[0], _Known) else _Known.of(shape[0])


def _written(node: Node, meant: _Known) -> str | None:
    """The constant that is probably meant, as it is written."""
    if not isinstance(node, Constant):
        return None
    value = node.value
    if isinstance(value, str) and meant.kinds == {"bool"} and value.lower() in ("true", "false"):
        return value.lower()
    if isinstance(value, str) and meant.kinds & _NUMBERS and value.isdecimal():
        return value
    if isinstance(value, bool) and meant.kinds == {"string"}:
        return f"'{str(value).lower()}'"
    if isinstance(value, int) and meant.kinds == {"string"}:
        return f"'{value}'"
    return None
