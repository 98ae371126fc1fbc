"""The interpreter for documents that were read in part: what it gives is so whatever was not read.

Beside values it gives gaps (see `gaps`); an `Unknown` is what stays undecided, with its reasons.
What would be an error for one of the values that could stand in a gap is no answer of that value:
the others decide. Without gaps it gives what `Interpreter` gives. Refuses to be fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cloudsealed.engine import operators
from cloudsealed.engine.errors import BudgetExceeded, EvaluationError
from cloudsealed.engine.gaps import GAPS, PartialList, Reasons, Unknown, joined, reasons_in
from cloudsealed.engine.language import partly
from cloudsealed.engine.language.interpreter import Bound, Interpreter, Scope
from cloudsealed.engine.language.syntax import (
    Apply,
    Binary,
    Conditional,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Negate,
    Not,
    OptionalIndex,
    OptionalMap,
    Otherwise,
    Spread,
)
from cloudsealed.engine.values import NONE, Optional, Value


@dataclass(slots=True)
class _Kept:
    """The rounds of a loop that it keeps: those that it must, and those that it may."""

    surely: list[Scope] = field(default_factory=list)
    perhaps: list[Scope] = field(default_factory=list)
    reasons: Reasons = frozenset()
    is_open: bool = False

    @property
    def is_known(self) -> bool:
        return not self.perhaps and not self.is_open

    def listed(self, items: list[Value], perhaps: list[Value], ordered: bool) -> Value:
        """The list of what comes of the rounds; in order only where all of them are known."""
        if self.is_known and ordered:
            return items
        return PartialList(items, self.reasons, perhaps, self.is_open)


class PartialInterpreter(Interpreter):
    """Evaluates nodes whose values may be gaps."""

    _decide = staticmethod(partly.decide)

    def to_bool(self, value: Value) -> Value:
        """`value` if it is true, false or unknown, else the error."""
        return value if value.__class__ is Unknown else operators.to_bool(value)

    def rounds_over(self, ranged: Value, loop: Loop, scope: Scope) -> Iterator[Scope]:
        """The scope of each round that there surely is."""
        return (inner for inner, sure in self._weighed(ranged, loop, scope) if sure)

    def _weighed(self, ranged: Value, loop: Loop, scope: Scope) -> Iterator[tuple[Scope, bool]]:
        """The scope of each round, and whether there surely is that round."""
        if ranged.__class__ is Unknown:
            return
        if ranged.__class__ is not PartialList:
            rounds = super().rounds_over(ranged, loop, scope)
            if ranged.__class__ is dict:
                sure = (value.__class__ is not Unknown for value in ranged.values())
                yield from zip(rounds, sure, strict=True)
            else:
                yield from ((inner, True) for inner in rounds)
            return
        unnumbered = {loop.variable: Bound(Unknown(ranged.reasons))} if loop.second else {}
        for inner in super().rounds_over(list(ranged.items), loop, scope):
            yield {**inner, **unnumbered}, True
        self.meter.charge(len(ranged.perhaps))
        for item in ranged.perhaps:
            yield {**scope, loop.second or loop.variable: Bound(item), **unnumbered}, False

    def select_apart(self, operand: Value, field: str) -> Value:
        """The field of what is no map that has it."""
        if operand.__class__ is Unknown:
            return operand
        if operand.__class__ is Optional:
            return partly.optional_index(self.meter, operand, field)
        return super().select_apart(operand, field)

    def _has(self, node: Has, scope: Scope) -> Value:
        return partly.has_field(self.evaluate(node.operand, scope), node.field)

    def _index(self, node: Index, scope: Scope) -> Value:
        operand = self.evaluate(node.operand, scope)
        return partly.index(self.meter, operand, self.evaluate(node.key, scope))

    def _optional_index(self, node: OptionalIndex, scope: Scope) -> Value:
        operand = self.evaluate(node.operand, scope)
        return partly.optional_index(self.meter, operand, self.evaluate(node.key, scope))

    def _otherwise(self, node: Otherwise, scope: Scope) -> Value:
        found = self.evaluate(node.operand, scope)
        if found.__class__ is Unknown:
            return found
        held = operators.held(found)
        if held:
            return found if node.whole else held[0]
        other = self.evaluate(node.other, scope)
        if node.whole and other.__class__ is not Unknown:
            operators.held(other)
        return other

    def _optional_map(self, node: OptionalMap, scope: Scope) -> Value:
        found = self.evaluate(node.operand, scope)
        if found.__class__ is Unknown:
            return found
        for item in operators.held(found):
            inner = {**scope, node.variable: Bound(item, node.operand, scope)}
            made = self.evaluate(node.body, inner)
            if node.flat and made.__class__ is not Unknown:
                operators.held(made)
            return made if node.flat else Optional((made,))
        return NONE

    def _apply(self, node: Apply, scope: Scope) -> Value:
        arguments = [self.evaluate(argument, scope) for argument in node.arguments]
        return partly.apply(self.meter, node.function, arguments)

    def _not(self, node: Not, scope: Scope) -> Value:
        return partly.negated(self.truth(node.operand, scope))

    def _negate(self, node: Negate, scope: Scope) -> Value:
        return partly.negate(self.meter, self.evaluate(node.operand, scope))

    def _binary(self, node: Binary, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        return partly.BINARY[node.operator](self.meter, left, right)

    def _conditional(self, node: Conditional, scope: Scope) -> Value:
        """An unknown condition leaves it unknown, as CEL does, even where both sides are equal."""
        holds = self.truth(node.condition, scope)
        if holds.__class__ is Unknown:
            return holds
        return self.evaluate(node.then if holds else node.otherwise, scope)

    def _list(self, node: ListOf, scope: Scope) -> Value:
        values = [self.evaluate(item, scope) for item in node.items]
        marks = [isinstance(item, Spread) for item in node.items]
        lacking = _unknown_spread(marks, values)
        return joined(*lacking) if lacking else operators.spread(marks, values)

    def _map(self, node: MapOf, scope: Scope) -> Value:
        keys = [self.evaluate(key, scope) for key in node.keys]
        values = [self.evaluate(value, scope) for value in node.values]
        marks = [isinstance(value, Spread) for value in node.values]
        lacking = _unknown_spread(marks, values) + [key for key in keys if key.__class__ in GAPS]
        return joined(*lacking) if lacking else operators.spread_map(marks, keys, values)

    def _loop(self, node: Loop, scope: Scope) -> Value:
        ranged = self.evaluate(node.range, scope)
        if ranged.__class__ is Unknown:
            return ranged
        doubt = _doubt(ranged)
        if node.macro in ("all", "exists") and node.condition is not None:
            return partly.decide(self._outcomes(node, scope, ranged, doubt), node.macro == "exists")
        kept = self._keeps(node, scope, ranged, doubt)
        if node.macro == "exists_one":
            if kept.is_known or len(kept.surely) > 1:
                return len(kept.surely) == 1
            return Unknown(kept.reasons)
        ordered = ranged.__class__ is not PartialList
        return self._made(node, kept, ordered)

    def _outcomes(self, node: Loop, scope: Scope, ranged: Value, doubt: Unknown) -> Iterator[Value]:
        """What the condition comes to in each round; one that there may not be decides nothing."""
        decisive = node.macro == "exists"
        assert node.condition is not None
        for inner, sure in self._weighed(ranged, node, scope):
            outcome = self._try(node.condition, inner)
            yield outcome if sure or outcome is (not decisive) else joined(doubt, outcome)
        if ranged.__class__ is PartialList and ranged.is_open:
            yield doubt

    def _keeps(self, node: Loop, scope: Scope, ranged: Value, doubt: Unknown) -> _Kept:
        """The rounds whose condition holds."""
        kept = _Kept(reasons=doubt.reasons)
        kept.is_open = ranged.__class__ is PartialList and ranged.is_open
        for inner, sure in self._weighed(ranged, node, scope):
            judge = self.truth if sure else self._try
            holds = True if node.condition is None else judge(node.condition, inner)
            if holds is False:
                continue
            if holds.__class__ is Unknown:
                kept.reasons |= holds.reasons
            (kept.surely if sure and holds is True else kept.perhaps).append(inner)
        return kept

    def _made(self, node: Loop, kept: _Kept, ordered: bool) -> Value:
        """What a loop makes of the rounds that it keeps."""
        if node.result is None:
            items, perhaps = self._items(node, kept)
            return kept.listed(items, perhaps, ordered)
        results = [self.evaluate(node.result, inner) for inner in kept.surely]
        if node.macro == "map":
            try:
                perhaps = [self.evaluate(node.result, inner) for inner in kept.perhaps]
            except BudgetExceeded:
                raise
            except EvaluationError:
                return Unknown(kept.reasons)
            return kept.listed(results, perhaps, ordered)
        reasons = reasons_in(results, self.meter)
        if node.macro == "sort_by" and (reasons is not None or not kept.is_known or not ordered):
            kept.reasons |= reasons or frozenset()
            items, perhaps = self._items(node, kept)
            return kept.listed(items, perhaps, ordered=False)
        keys = [inner[node.variable].value for inner in kept.surely]
        if not kept.is_known:
            return Unknown(kept.reasons)
        if node.macro != "sort_by" and any(each.__class__ in GAPS for each in keys):
            return joined(*keys)
        if node.macro == "merge_maps" and any(each.__class__ in GAPS for each in results):
            return joined(*results)
        return self._gather(node, kept.surely, results)

    @staticmethod
    def _items(node: Loop, kept: _Kept) -> tuple[list[Value], list[Value]]:
        surely, perhaps = (
            [inner[node.variable].value for inner in rounds]
            for rounds in (kept.surely, kept.perhaps)
        )
        return surely, perhaps


def _unknown_spread(marks: list[bool], values: list[Value]) -> list[Value]:
    return [v for mark, v in zip(marks, values, strict=True) if mark and v.__class__ is Unknown]


def _doubt(ranged: Value) -> Unknown:
    """What is not known of the rounds of a loop over a value."""
    parts = ranged.values() if ranged.__class__ is dict else (ranged,)
    return joined(*(each for each in parts if each.__class__ in (Unknown, PartialList)))


PartialInterpreter.evaluators = {
    **Interpreter.evaluators,
    Has: PartialInterpreter._has,
    Index: PartialInterpreter._index,
    OptionalIndex: PartialInterpreter._optional_index,
    OptionalMap: PartialInterpreter._optional_map,
    Otherwise: PartialInterpreter._otherwise,
    Apply: PartialInterpreter._apply,
    Logic: PartialInterpreter._logic,
    Not: PartialInterpreter._not,
    Negate: PartialInterpreter._negate,
    Binary: PartialInterpreter._binary,
    Conditional: PartialInterpreter._conditional,
    ListOf: PartialInterpreter._list,
    MapOf: PartialInterpreter._map,
    Loop: PartialInterpreter._loop,
}
