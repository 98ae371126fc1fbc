"""Gives every name of a parsed expression its meaning: variables, parameters, types, functions.

After it no name is unknown, every call has its function with the right number of arguments, and
what is constant is a constant. Refuses a name it does not know, with the nearest one it does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches

from cloudsealed.engine.errors import ExpressionError
from cloudsealed.engine.functions import CALLS, METHODS, arities
from cloudsealed.engine.signature import Function
from cloudsealed.engine.syntax import (
    Apply,
    Call,
    Constant,
    Has,
    Loop,
    Name,
    Node,
    Select,
    rebuild,
)
from cloudsealed.engine.values import TYPES, Value, kind_of


def resolve(
    tree: Node, source: str, variables: Collection[str], constants: Mapping[str, Value]
) -> Node:
    """`tree` with every name resolved; `constants` are variables whose values are known."""
    return _Resolver(source, constants).resolve(tree, frozenset(variables))


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that `name` is most likely meant to be."""
    found = get_close_matches(name, known, n=1, cutoff=0.7)
    lower = {each.lower(): each for each in known}
    return found[0] if found else lower.get(name.lower())


def did_you_mean(suggestion: str | None) -> str:
    """The end of a message that offers the suggestion, if there is one."""
    return f"; did you mean {suggestion!r}?" if suggestion else ""


class _Resolver:
    def __init__(self, source: str, constants: Mapping[str, Value]) -> None:
        self.source = source
        self.constants = constants

    def unknown(self, what: str, name: str, known: Collection[str], node: Node) -> ExpressionError:
        hint = nearest(name, known)
        message = f"{what} {name!r}{did_you_mean(hint)}"
        return ExpressionError(message, self.source, node.start, node.end, hint)

    def resolve(self, node: Node, scope: frozenset[str]) -> Node:
        match node:
            case Name(name=name):
                return self.name(node, name, scope)
            case Select():
                return self.type_name(node, scope) or self.select(node, scope)
            case Has():
                return self.has(node, scope)
            case Call():
                return self.call(node, scope)
            case Loop():
                return self.loop(node, scope)
        return rebuild(node, lambda child: self.resolve(child, scope))

    def name(self, node: Node, name: str, scope: frozenset[str]) -> Node:
        if name in scope:
            return node
        if name in self.constants:
            return Constant(node.start, node.end, self.constants[name])
        if name in TYPES:
            return Constant(node.start, node.end, TYPES[name])
        known = [*scope, *self.constants]
        function = name in CALLS or name in METHODS
        hint = " (a function needs its brackets)" if function else ""
        raise self.unknown(f"undeclared reference{hint} to", name, known, node)

    def type_name(self, node: Node, scope: frozenset[str]) -> Node | None:
        """A type whose name has dots, such as google.protobuf.Timestamp."""
        parts: list[str] = []
        part = node
        while isinstance(part, Select):
            parts.append(part.field)
            part = part.operand
        if not isinstance(part, Name) or part.name in scope:
            return None
        name = ".".join([part.name, *reversed(parts)])
        return Constant(node.start, node.end, TYPES[name]) if name in TYPES else None

    def select(self, node: Select, scope: frozenset[str]) -> Node:
        operand = self.resolve(node.operand, scope)
        # Only parameters are constants with fields.
        if not isinstance(operand, Constant) or operand.value.__class__ is not dict:
            return Select(node.start, node.end, operand, node.field)
        if node.field not in operand.value:
            raise self.unknown("there is no parameter", node.field, operand.value, node)
        return Constant(node.start, node.end, operand.value[node.field])

    def has(self, node: Has, scope: frozenset[str]) -> Node:
        operand = self.resolve(node.operand, scope)
        if isinstance(operand, Constant) and operand.value.__class__ is dict:
            return Constant(node.start, node.end, node.field in operand.value)
        return Has(node.start, node.end, operand, node.field)

    def loop(self, node: Loop, scope: frozenset[str]) -> Node:
        inner = scope | {node.variable}
        return Loop(
            node.start,
            node.end,
            node.macro,
            self.resolve(node.range, scope),
            node.variable,
            None if node.condition is None else self.resolve(node.condition, inner),
            None if node.result is None else self.resolve(node.result, inner),
        )

    def call(self, node: Call, scope: frozenset[str]) -> Node:
        table, other = (CALLS, METHODS) if node.target is None else (METHODS, CALLS)
        overloads = table.get(node.name)
        if overloads is None:
            if node.name in other:
                form = "name(x)" if node.target else "x.name()"
                form = form.replace("name", node.name)
                message = f"{node.name!r} is called as {form}"
                raise ExpressionError(message, self.source, node.start, node.end)
            raise self.unknown("unknown function", node.name, table, node)
        written = node.arguments if node.target is None else (node.target, *node.arguments)
        function = self.overload(node, overloads, len(written))
        arguments = (self.resolve(argument, scope) for argument in written)
        prepared = (self.argument(function, i, each) for i, each in enumerate(arguments))
        return Apply(node.start, node.end, function, tuple(prepared))

    def overload(self, node: Call, overloads: tuple[Function, ...], count: int) -> Function:
        for function in overloads:
            if len(function.parameters) == count:
                return function
        wanted = arities(overloads, node.target is not None)
        message = f"{node.name}() takes {wanted}, not {len(node.arguments)}"
        raise ExpressionError(message, self.source, node.start, node.end)

    def argument(self, function: Function, number: int, node: Node) -> Node:
        kinds = function.parameters[number]
        message = ""
        if number in function.literal:
            if isinstance(node, Constant) and isinstance(node.value, str):
                try:
                    prepared = function.literal[number](node.value)
                    return Constant(node.start, node.end, prepared)
                except ValueError as error:
                    message = str(error)
            else:
                message = f"this argument of {function.name}() must be a literal string"
        elif isinstance(node, Constant) and kinds and kind_of(node.value) not in kinds:
            message = function.refusal(number, kind_of(node.value))
        if message:
            raise ExpressionError(message, self.source, node.start, node.end)
        return node
