"""The exact evaluator: walks the tree, absorbs errors where CEL does, knows the path of a value.

It is the meaning of the language; compiled code must agree with it wherever it gives a value.
Refuses speed: it runs only when the compiled code stopped at an error, and to find evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias

from cloudsealed.engine import operators
from cloudsealed.engine.errors import BudgetExceeded, EvaluationError
from cloudsealed.engine.gaps import PartialList
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
    Negate,
    Node,
    Not,
    OptionalIndex,
    OptionalMap,
    Otherwise,
    Select,
    Spread,
    children,
    size_of,
)
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.paths import render
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import NONE, Optional, Value, describe, map_key


@dataclass(frozen=True, slots=True)
class Bound:
    """A variable's value, or the error that there is instead.

    One of a macro is item `number` of what `node` gives in `scope`, or all of that without a
    number; without a node it stands nowhere.
    """

    value: Value
    node: Node | None = None
    scope: Mapping[str, Bound] | None = None
    number: int | None = None
    error: EvaluationError | None = None


Scope: TypeAlias = Mapping[str, Bound]


LISTS: Final = (list, PartialList)


def weight_of(loop: Loop) -> int:
    """What one round of a loop costs, by the size of its body."""
    bodies = [body for body in (loop.condition, loop.result) if body is not None]
    return 1 + sum(size_of(body) for body in bodies) // 16


class Interpreter:
    """Evaluates nodes against the variables of a scope, on the budget of `meter`."""

    evaluators: ClassVar[Mapping[type[Node], Callable[[Any, Any, Scope], Value]]]

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def evaluate(self, node: Node, scope: Scope) -> Value:
        """The value of `node`; raises `EvaluationError`, which `path_of` can say the path of."""
        try:
            return self.evaluators[node.__class__](self, node, scope)
        except EvaluationError as error:
            if error.origin is None:
                error.origin = (node, scope)
            raise

    def to_bool(self, value: Value) -> Value:
        """`value` if it is true or false, else the error."""
        return operators.to_bool(value)

    def truth(self, node: Node, scope: Scope) -> Value:
        """The value of `node`, which must be true or false."""
        value = self.evaluate(node, scope)
        if value.__class__ is bool:
            return value
        try:
            return self.to_bool(value)
        except EvaluationError as error:
            error.origin = (node, scope)
            raise

    def path_of(self, error: EvaluationError) -> str:
        """The path of what was read when `error` was raised, or "" where nothing was."""
        if error.origin is None:
            return ""
        node, scope = error.origin
        # The body of a loop has variables that are not known outside it.
        below = (node.range,) if isinstance(node, Loop) else children(node)
        paths = (self.locate(each, scope) for each in (node, *below))
        return next((render(path) for path in paths if path), "")

    def locate(self, node: Node, scope: Scope) -> Steps | None:
        """The way to the value of `node` from a variable (`("resource", "Tags", 0)`), if any."""
        match node:
            case Name(name=name) if name in scope:
                bound = scope[name]
                if bound.scope is None:
                    return (name,)
                if bound.node is None:
                    return None
                if bound.number is None:
                    return self.locate(bound.node, bound.scope)
                return self._item(bound.node, bound.scope, bound.number)
            case Select(operand=operand, field=field) | Has(operand=operand, field=field):
                return _extend(self.locate(operand, scope), (field,))
            case Bind():
                return self.locate(node.body, self.bind(node, scope))
            case Index(operand=operand, key=key) | OptionalIndex(operand=operand, key=key):
                step = self.quietly(key, scope)
                known = step.__class__ in (str, int)
                return _extend(self.locate(operand, scope), (step,)) if known else None
            case Apply(function=function, arguments=arguments) if function.witness:
                values = [self.quietly(argument, scope) for argument in arguments]
                return _extend(
                    self.locate(arguments[0], scope), self._witness(function.witness, values)
                )
        return None

    def _witness(self, find: Callable[..., Steps | None], values: list[Value]) -> Steps | None:
        try:
            return find(self.meter, *values)
        except (EvaluationError, AttributeError, TypeError):
            return ()

    def _item(self, node: Node, scope: Scope, number: int) -> Steps | None:
        """The way to item `number` of the list that `node` gives."""
        if isinstance(node, Loop):
            return self._kept(node, scope, number) if node.macro in ("filter", "map") else None
        if isinstance(node, Apply) and node.function.parts:
            values = [self.quietly(argument, scope) for argument in node.arguments]
            parts = node.function.parts(self.meter, *values)
            return _extend(self.locate(node.arguments[0], scope), parts[number])
        value = self.quietly(node, scope)
        if value.__class__ is dict:
            # A loop over a map goes over its keys; what one stands for is its entry.
            return _extend(self.locate(node, scope), (list(value)[number],))
        listed = isinstance(node, Apply) and node.function.name == "as_list"
        if listed and self.quietly(children(node)[0], scope).__class__ not in LISTS:
            return self.locate(node, scope)
        return _extend(self.locate(node, scope), (number,))

    def _kept(self, loop: Loop, scope: Scope, number: int) -> Steps | None:
        """The way to the item that a filter (or map) made its item `number` of."""
        kept = -1
        for inner in self.rounds(loop, scope):
            if loop.condition is None or self.quietly(loop.condition, inner) is True:
                kept += 1
                if kept == number:
                    return self.locate(loop.result or Name(0, 0, loop.variable), inner)
        return None

    def quietly(self, node: Node, scope: Scope) -> Value:
        """The value of `node`, or null where it has none."""
        try:
            return self.evaluate(node, scope)
        except BudgetExceeded:
            raise
        except EvaluationError:
            return None

    def rounds(self, loop: Loop, scope: Scope) -> Iterator[Scope]:
        """The scope of each round of a loop, in order."""
        return self.rounds_over(self.evaluate(loop.range, scope), loop, scope)

    def rounds_over(self, ranged: Value, loop: Loop, scope: Scope) -> Iterator[Scope]:
        """The scope of each round of a loop over a value."""
        if ranged.__class__ in (list, dict):
            self.meter.charge(len(ranged) * weight_of(loop) + 1)
        found = operators.items(ranged)
        for number, item in enumerate(found):
            bound = Bound(item, loop.range, scope, number)
            if loop.second is None:
                yield {**scope, loop.variable: bound}
            elif ranged.__class__ is dict:
                value = Bound(ranged[map_key(item)], loop.range, scope, number)
                yield {**scope, loop.variable: Bound(item, None, scope), loop.second: value}
            else:
                yield {**scope, loop.variable: Bound(number, None, scope), loop.second: bound}

    def bind(self, node: Bind, scope: Scope) -> Scope:
        """The scope of the body of `cel.bind`: an error counts where the variable is read."""
        try:
            bound = Bound(self.evaluate(node.value, scope), node.value, scope)
        except BudgetExceeded:
            raise
        except EvaluationError as error:
            bound = Bound(None, node.value, scope, None, error)
        return {**scope, node.variable: bound}

    def _constant(self, node: Constant, scope: Scope) -> Value:
        return node.value

    def _name(self, node: Name, scope: Scope) -> Value:
        bound = scope[node.name]
        if bound.error is not None:
            raise bound.error
        return bound.value

    def _select(self, node: Select, scope: Scope) -> Value:
        operand = self.evaluate(node.operand, scope)
        if operand.__class__ is dict and node.field in operand:
            return operand[node.field]
        return self.select_apart(operand, node.field)

    def select_apart(self, operand: Value, field: str) -> Value:
        """The field of what is no map that has it."""
        if operand.__class__ is Optional:
            return operators.optional_index(self.meter, operand, field)
        if operand.__class__ is not dict:
            raise EvaluationError(f"{describe(operand)} has no field {field!r}")
        raise EvaluationError(f"there is no field {field!r} here")

    def _has(self, node: Has, scope: Scope) -> Value:
        return operators.has_field(self.evaluate(node.operand, scope), node.field)

    def _index(self, node: Index, scope: Scope) -> Value:
        operand = self.evaluate(node.operand, scope)
        return operators.index(self.meter, operand, self.evaluate(node.key, scope))

    def _optional_index(self, node: OptionalIndex, scope: Scope) -> Value:
        operand = self.evaluate(node.operand, scope)
        return operators.optional_index(self.meter, operand, self.evaluate(node.key, scope))

    def _otherwise(self, node: Otherwise, scope: Scope) -> Value:
        found = self.evaluate(node.operand, scope)
        held = operators.held(found)
        if held:
            return found if node.whole else held[0]
        other = self.evaluate(node.other, scope)
        if node.whole:
            operators.held(other)
        return other

    def _bind(self, node: Bind, scope: Scope) -> Value:
        return self.evaluate(node.body, self.bind(node, scope))

    def _optional_map(self, node: OptionalMap, scope: Scope) -> Value:
        for item in operators.held(self.evaluate(node.operand, scope)):
            inner = {**scope, node.variable: Bound(item, node.operand, scope)}
            found = self.evaluate(node.body, inner)
            if node.flat:
                operators.held(found)
            return found if node.flat else Optional((found,))
        return NONE

    def _apply(self, node: Apply, scope: Scope) -> Value:
        arguments = [self.evaluate(argument, scope) for argument in node.arguments]
        return operators.apply(self.meter, node.function, arguments)

    def _logic(self, node: Logic, scope: Scope) -> Value:
        """The first operand that decides does, whatever errors stood before it."""
        return self._decide((self._try(each, scope) for each in node.operands), not node.every)

    def _try(self, node: Node, scope: Scope) -> Value:
        try:
            return self.truth(node, scope)
        except BudgetExceeded:
            raise
        except EvaluationError as error:
            return error

    @staticmethod
    def _decide(outcomes: Iterable[Value], decisive: bool) -> Value:
        trouble: EvaluationError | None = None
        for outcome in outcomes:
            if outcome is decisive:
                return decisive
            if isinstance(outcome, EvaluationError):
                trouble = trouble or outcome
        if trouble is not None:
            raise trouble
        return not decisive

    def _not(self, node: Not, scope: Scope) -> Value:
        return not self.truth(node.operand, scope)

    def _negate(self, node: Negate, scope: Scope) -> Value:
        return operators.negate(self.meter, self.evaluate(node.operand, scope))

    def _binary(self, node: Binary, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        return operators.BINARY[node.operator](self.meter, left, right)

    def _conditional(self, node: Conditional, scope: Scope) -> Value:
        chosen = node.then if self.truth(node.condition, scope) else node.otherwise
        return self.evaluate(chosen, scope)

    def _list(self, node: ListOf, scope: Scope) -> Value:
        values = [self.evaluate(item, scope) for item in node.items]
        return operators.spread([isinstance(item, Spread) for item in node.items], values)

    def _map(self, node: MapOf, scope: Scope) -> Value:
        keys = [self.evaluate(key, scope) for key in node.keys]
        values = [self.evaluate(value, scope) for value in node.values]
        return operators.spread_map([isinstance(v, Spread) for v in node.values], keys, values)

    def _spread(self, node: Spread, scope: Scope) -> Value:
        return self.evaluate(node.operand, scope)

    def _loop(self, node: Loop, scope: Scope) -> Value:
        rounds = self.rounds(node, scope)
        if node.macro in ("all", "exists") and node.condition is not None:
            outcomes = (self._try(node.condition, inner) for inner in rounds)
            return self._decide(outcomes, node.macro == "exists")
        kept = [
            inner for inner in rounds if node.condition is None or self.truth(node.condition, inner)
        ]
        if node.macro == "exists_one":
            return len(kept) == 1
        if node.result is None:
            return [inner[node.variable].value for inner in kept]
        results = [self.evaluate(node.result, inner) for inner in kept]
        return self._gather(node, kept, results)

    def _gather(self, node: Loop, kept: list[Scope], results: list[Value]) -> Value:
        """What a loop makes of its results."""
        if node.macro == "map":
            return results
        if node.macro == "sort_by":
            values = [inner[node.variable].value for inner in kept]
            return operators.sort_by(self.meter, list(zip(results, values, strict=True)))
        made: dict[Value, Value] = {}
        for inner, result in zip(kept, results, strict=True):
            if node.macro == "make_map":
                operators.put(made, inner[node.variable].value, result)
            else:
                operators.merge(self.meter, made, result)
        return made


def _extend(path: Steps | None, steps: Steps | None) -> Steps | None:
    return None if path is None or steps is None else path + steps


Interpreter.evaluators = {
    Constant: Interpreter._constant,
    Name: Interpreter._name,
    Select: Interpreter._select,
    Has: Interpreter._has,
    Index: Interpreter._index,
    OptionalIndex: Interpreter._optional_index,
    OptionalMap: Interpreter._optional_map,
    Otherwise: Interpreter._otherwise,
    Spread: Interpreter._spread,
    Bind: Interpreter._bind,
    Apply: Interpreter._apply,
    Logic: Interpreter._logic,
    Not: Interpreter._not,
    Negate: Interpreter._negate,
    Binary: Interpreter._binary,
    Conditional: Interpreter._conditional,
    ListOf: Interpreter._list,
    MapOf: Interpreter._map,
    Loop: Interpreter._loop,
}
