"""Gives every name of a parsed expression its meaning: variables, parameters, types, functions.

After it no name is unknown, every call has its function with the right number of arguments, and
what is constant is a constant. Source for names with dots and containers: the CEL language
definition, "Name Resolution". Refuses a name it does not know, with the nearest one it does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from cloudsealed.engine.errors import ExpressionError
from cloudsealed.engine.functions import CALLS, METHODS, NAMESPACES, arities
from cloudsealed.engine.language.syntax import (
    Apply,
    Bind,
    Call,
    Constant,
    Has,
    Loop,
    Name,
    Node,
    OptionalMap,
    Otherwise,
    Select,
    children,
    rebuild,
)
from cloudsealed.engine.signature import Function, Kinds
from cloudsealed.engine.values import TYPES, Value, kind_of
from cloudsealed.kit.nearest import closest, suggested


def resolve(
    tree: Node,
    source: str,
    variables: Collection[str],
    constants: Mapping[str, Value],
    container: str = "",
) -> Node:
    """`tree` with every name resolved; `constants` are variables whose values are known.

    A name is looked for in `container` (`a.b`) first, then in `a`, then as it stands.
    """
    return _Resolver(source, variables, constants, container).resolve(tree, {})


def nearest(name: str, known: Collection[str]) -> str | None:
    """The known name that `name` is most likely meant to be."""
    return closest(name, known)


class _Resolver:
    def __init__(
        self,
        source: str,
        variables: Collection[str],
        constants: Mapping[str, Value],
        container: str,
    ) -> None:
        self.source = source
        self.variables = frozenset(variables)
        self.constants = constants
        parts = container.split(".") if container else []
        self.prefixes = [".".join([*parts[:n], ""]) for n in range(len(parts), -1, -1)]

    def unknown(self, what: str, name: str, known: Collection[str], node: Node) -> ExpressionError:
        hint = nearest(name, known)
        message = f"{what} {name!r}{suggested(hint)}"
        return ExpressionError(message, self.source, node.start, node.end, hint)

    def resolve(self, node: Node, scope: Mapping[str, str]) -> Node:
        """`node` resolved; `scope` has new names for the variables of the macros around it."""
        match node:
            case Name() | Select():
                return self.reference(node, scope)
            case Has():
                return self.has(node, scope)
            case Call():
                return self.call(node, scope)
            case Loop() | Bind() | OptionalMap():
                return self.macro(node, scope)
        return rebuild(node, lambda child: self.resolve(child, scope))

    def reference(self, node: Name | Select, scope: Mapping[str, str]) -> Node:
        """A name with the fields selected from it: the longest part of it that names something."""
        chain = _chain(node)
        if not chain:
            operand = node.operand if isinstance(node, Select) else node
            return self.select(node, self.resolve(operand, scope))
        count, found = self.meaning(chain, scope)
        for each in chain[count:]:
            found = self.select(each, found)
        return found

    def meaning(self, chain: list[Name | Select], scope: Mapping[str, str]) -> tuple[int, Node]:
        """How many parts of a chain name something, and that."""
        first = chain[0]
        name = first.name if isinstance(first, Name) else ""
        if name in scope:
            return 1, Name(first.start, first.end, scope[name])
        for count in range(len(chain), 0, -1):
            last = chain[count - 1]
            fields = [each.field for each in chain[1:count] if isinstance(each, Select)]
            for candidate in self.candidates(".".join([name, *fields])):
                found = self.declared(candidate, last)
                if found is not None:
                    return count, found
        known = [*scope, *self.variables, *self.constants]
        function = name in CALLS or name in METHODS
        hint = " (a function needs its brackets)" if function else ""
        raise self.unknown(f"undeclared reference{hint} to", name.strip("."), known, first)

    def candidates(self, name: str) -> Iterator[str]:
        if name.startswith("."):
            yield name[1:]
        else:
            yield from (prefix + name for prefix in self.prefixes)

    def declared(self, name: str, node: Node) -> Node | None:
        if name in self.variables:
            return Name(node.start, node.end, name)
        known = self.constants if name in self.constants else TYPES
        return Constant(node.start, node.end, known[name]) if name in known else None

    def select(self, node: Node, operand: Node) -> Node:
        if not isinstance(node, Select):
            return operand
        # Only parameters are constants with fields.
        if not isinstance(operand, Constant) or operand.value.__class__ is not dict:
            return Select(node.start, node.end, operand, node.field)
        if node.field not in operand.value:
            raise self.unknown("there is no parameter", node.field, operand.value, node)
        return Constant(node.start, node.end, operand.value[node.field])

    def has(self, node: Has, scope: Mapping[str, str]) -> Node:
        operand = self.resolve(node.operand, scope)
        if isinstance(operand, Constant) and operand.value.__class__ is dict:
            return Constant(node.start, node.end, node.field in operand.value)
        return Has(node.start, node.end, operand, node.field)

    def macro(self, node: Loop | Bind | OptionalMap, scope: Mapping[str, str]) -> Node:
        """A macro: what it goes over is resolved outside its variables, the rest inside."""
        second = node.second if isinstance(node, Loop) else None
        # A declared variable stays apart from one of the same name: `.x` may still mean it.
        names = {
            name: f"{name}'" if name in self.variables else name
            for name in (node.variable, second)
            if name is not None
        }
        renamed = replace(node, variable=names[node.variable])
        if isinstance(renamed, Loop) and second is not None:
            renamed = replace(renamed, second=names[second])
        outside, inner = children(node)[0], {**scope, **names}
        return rebuild(
            renamed, lambda child: self.resolve(child, scope if child is outside else inner)
        )

    def call(self, node: Call, scope: Mapping[str, str]) -> Node:
        qualified = _qualified(node)
        if qualified is not None and qualified in CALLS:
            node = Call(node.start, node.end, qualified, None, node.arguments)
        if node.target is not None and node.name in ("or", "orValue") and len(node.arguments) == 1:
            found, other = (self.resolve(each, scope) for each in (node.target, *node.arguments))
            return Otherwise(node.start, node.end, found, other, node.name == "or")
        table, others = (CALLS, METHODS) if node.target is None else (METHODS, CALLS)
        overloads = table.get(node.name.removeprefix("."))
        if overloads is None:
            if node.name in others:
                form = "name(x)" if node.target else "x.name()"
                form = form.replace("name", node.name)
                message = f"{node.name!r} is called as {form}"
                raise ExpressionError(message, self.source, node.start, node.end)
            if qualified is not None and qualified.rpartition(".")[0] in NAMESPACES:
                raise self.unknown("unknown function", qualified, CALLS, node)
            raise self.unknown("unknown function", node.name.strip("."), table, node)
        written = node.arguments if node.target is None else (node.target, *node.arguments)
        function = self.overload(node, overloads, len(written))
        kinds = function.parameters_of(len(written)) or ()
        arguments = (self.resolve(argument, scope) for argument in written)
        prepared = (self.argument(function, i, kinds[i], each) for i, each in enumerate(arguments))
        return Apply(node.start, node.end, function, tuple(prepared))

    def overload(self, node: Call, overloads: tuple[Function, ...], count: int) -> Function:
        for function in overloads:
            if function.parameters_of(count) is not None:
                return function
        wanted = arities(overloads, node.target is not None)
        message = f"{node.name}() takes {wanted}, not {len(node.arguments)}"
        raise ExpressionError(message, self.source, node.start, node.end)

    def argument(self, function: Function, number: int, kinds: Kinds, node: Node) -> Node:
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


def _chain(node: Node) -> list[Name | Select]:
    """The name that selections begin with and those selections, or nothing."""
    chain: list[Name | Select] = []
    while isinstance(node, Select):
        chain.append(node)
        node = node.operand
    return [node, *reversed(chain)] if isinstance(node, Name) else []


def _qualified(node: Call) -> str | None:
    """The name of a function with a namespace, such as `math.abs`."""
    chain = _chain(node.target) if node.target is not None else []
    if not chain:
        return None
    parts = [each.name if isinstance(each, Name) else each.field for each in chain]
    return ".".join([*parts, node.name])
