"""What operators and functions mean where a value is not known: true or false only if it must be.

Source: the CEL specification's unknowns, and for what is known in part the rule that they follow:
an answer is given where every value that could stand in the gap leads to it. Refuses to guess
about a function: what it reads has no gap, or it is unknown, but for those of the table `_APART`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cloudsealed.engine import operators
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.standard import SIZED
from cloudsealed.engine.gaps import GAPS, PartialList, Span, Unknown, between, joined, reasons_in
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function
from cloudsealed.engine.values import NONE, TYPES, Optional, Value, kind_of

_NUMBERS: Final = ("int", "uint", "double")


def decide(outcomes: Iterable[Value], decisive: bool) -> Value:
    """What `&&`, `||`, `all` and `exists` come to.

    The decisive outcome wins over what is unknown, and that over errors.
    """
    trouble: EvaluationError | None = None
    unknown: list[Value] = []
    for outcome in outcomes:
        if outcome is decisive:
            return decisive
        if isinstance(outcome, EvaluationError):
            trouble = trouble or outcome
        elif outcome.__class__ is Unknown:
            unknown.append(outcome)
    if unknown:
        return joined(*unknown)
    if trouble is not None:
        raise trouble
    return not decisive


def negated(value: Value) -> Value:
    """`!value`, of what `to_bool` gives."""
    return value if value.__class__ is Unknown else not value


def equals(meter: Meter, left: Value, right: Value) -> Value:
    """`==`: known to differ as soon as one part must."""
    kind, other = left.__class__, right.__class__
    if kind is Unknown or other is Unknown:
        return joined(*(v for v in (left, right) if v.__class__ is Unknown))
    if kind is Span or other is Span:
        return _same_number(left, right)
    if kind is PartialList or other is PartialList:
        return _same_partial(meter, left, right)
    if kind is not other:
        return operators.equals(meter, left, right)
    if kind is list:
        return _same_items(meter, left, right)
    if kind is dict:
        return _same_entries(meter, left, right)
    if kind is Optional:
        return _same_items(meter, left.items, right.items)
    return operators.equals(meter, left, right)


def differs(meter: Meter, left: Value, right: Value) -> Value:
    """`!=`"""
    return negated(equals(meter, left, right))


def _ends(value: Value) -> tuple[Value, Value]:
    """The lowest and the highest that a number can be."""
    if value.__class__ is not Span:
        return value, value
    return value.low, math.inf if value.high is None else value.high


def _same_number(left: Value, right: Value) -> Value:
    if not all(each.__class__ is Span or kind_of(each) in _NUMBERS for each in (left, right)):
        return False
    (low, high), (least, most) = _ends(left), _ends(right)
    return joined(left, right) if low <= most and least <= high else False


def _same_items(meter: Meter, left: Sequence[Value], right: Sequence[Value]) -> Value:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    return decide((equals(meter, a, b) for a, b in zip(left, right, strict=True)), False)


def _same_entries(meter: Meter, left: dict[Value, Value], right: dict[Value, Value]) -> Value:
    """An unknown entry may be absent as well, so that it can equal the absent one."""
    meter.charge(len(left) + len(right))
    absent = object()
    pairs = ((left.get(key, absent), right.get(key, absent)) for key in {**left, **right})
    return decide((equals(meter, a, b) for a, b in pairs), False)


def _same_partial(meter: Meter, left: Value, right: Value) -> Value:
    """Two lists of which one is known in part: different by size, or by an item of one alone."""
    if not all(each.__class__ in (list, PartialList) for each in (left, right)):
        return False
    if _same_number(_size(left), _size(right)) is False:
        return False
    lone = (
        member(meter, item, other) is False
        for one, other in ((left, right), (right, left))
        for item in _surely(one)
    )
    return False if any(lone) else joined(left, right)


def _surely(listed: Value) -> Sequence[Value]:
    found: Sequence[Value] = listed.items if listed.__class__ is PartialList else listed
    return found


def _size(value: Value) -> Value:
    """The size of what has one; an unknown entry of a map may be absent."""
    if value.__class__ is PartialList:
        return value.size
    if value.__class__ is not dict:
        return len(value)
    unknown = [each for each in value.values() if each.__class__ is Unknown]
    return between(len(value) - len(unknown), len(value), joined(*unknown).reasons)


def _order(symbol: str, least: Callable[[Value, Value], bool]) -> Callable[..., Value]:
    """An order of two numbers, from what it says of their nearest and of their farthest ends."""
    exact, upward = operators.BINARY[symbol], symbol.startswith("<")

    def run(meter: Meter, left: Value, right: Value) -> Value:
        if left.__class__ is Unknown or right.__class__ is Unknown:
            return joined(*(v for v in (left, right) if v.__class__ is Unknown))
        numbers = all(v.__class__ is Span or kind_of(v) in _NUMBERS for v in (left, right))
        if not numbers or (left.__class__ is not Span and right.__class__ is not Span):
            return exact(meter, left, right)
        (low, high), (lowest, highest) = _ends(left), _ends(right)
        surely = least(high, lowest) if upward else least(low, highest)
        possibly = least(low, highest) if upward else least(high, lowest)
        return True if surely else joined(left, right) if possibly else False

    return run


def plus(meter: Meter, left: Value, right: Value) -> Value:
    """`+`: what is known of two lists and of two ints adds up."""
    if {left.__class__, right.__class__} <= {list, PartialList}:
        return _concatenated(meter, left, right)
    if {left.__class__, right.__class__} <= {int, Span}:
        (low, high), (least, most) = _ends(left), _ends(right)
        end = None if math.inf in (high, most) else high + most
        return between(low + least, end, joined(left, right).reasons)
    return _strict(operators.add)(meter, left, right)


def _concatenated(meter: Meter, left: Value, right: Value) -> Value:
    items = [*_surely(left), *_surely(right)]
    meter.charge(len(items))
    parts = [each for each in (left, right) if each.__class__ is PartialList]
    if not parts:
        return items
    perhaps = [item for part in parts for item in part.perhaps]
    return PartialList(items, joined(*parts).reasons, perhaps, any(p.is_open for p in parts))


def _strict(run: Callable[..., Value]) -> Callable[..., Value]:
    """An operator that is unknown where an operand is."""

    def known(meter: Meter, *operands: Value) -> Value:
        if any(each.__class__ in (Unknown, Span) for each in operands):
            return joined(*operands)
        return run(meter, *operands)

    return known


negate: Final = _strict(operators.negate)


def member(meter: Meter, item: Value, container: Value) -> Value:
    """`in`: among what is known of a list, or among the keys that are surely there."""
    kind = container.__class__
    if kind is Unknown:
        return container
    if kind is dict:
        return _key(meter, item, container)
    if kind is not list and kind is not PartialList:
        return operators.member(meter, item, container)
    return decide(_matches(meter, item, container), True)


def _key(meter: Meter, key: Value, container: dict[Value, Value]) -> Value:
    if key.__class__ in (Unknown, Span):
        return joined(key) if container else False
    if not operators.member(meter, key, container):
        return False
    found = operators.index(meter, container, key)
    return found if found.__class__ is Unknown else True


def _matches(meter: Meter, item: Value, container: Value) -> Iterable[Value]:
    """Whether the item equals each of a list; unknown for those that may be there."""
    meter.charge(len(container))
    for each in _surely(container):
        yield equals(meter, item, each)
    if container.__class__ is PartialList:
        doubt = Unknown(container.reasons)
        for each in container.perhaps:
            yield equals(meter, item, each) is not False and doubt
        yield container.is_open and doubt


def index(meter: Meter, container: Value, key: Value) -> Value:
    """`container[key]`; of a list that is known in part, no item's number is known."""
    if container.__class__ is Optional:
        return optional_index(meter, container, key)
    if container.__class__ in (Unknown, PartialList) or key.__class__ in (Unknown, Span):
        return joined(container, key)
    return operators.index(meter, container, key)


def optional_index(meter: Meter, container: Value, key: Value) -> Value:
    """`container[?key]`: unknown where the entry is, which may be absent."""
    if container.__class__ is Optional:
        return optional_index(meter, container.items[0], key) if container.items else NONE
    if container.__class__ in (Unknown, PartialList) or key.__class__ in (Unknown, Span):
        return joined(container, key)
    found = operators.optional_index(meter, container, key)
    lacks = container.__class__ is dict and found.items and found.items[0].__class__ is Unknown
    return found.items[0] if lacks else found


def has_field(operand: Value, field: str) -> Value:
    """`has(operand.field)`: unknown where the field is, which may be absent."""
    if operand.__class__ is Optional:
        return has_field(operand.items[0], field) if operand.items else False
    if operand.__class__ is Unknown:
        return operand
    there = operators.has_field(operand, field)
    return operand[field] if there and operand[field].__class__ is Unknown else there


def apply(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """The value of a call: unknown where a gap is in what the function reads."""
    apart = _APART.get(function.name)
    if apart is not None:
        return apart(meter, function, arguments)
    return _known(meter, function, arguments)


def _known(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    reasons = reasons_in(list(arguments), meter)
    return Unknown(reasons) if reasons is not None else operators.apply(meter, function, arguments)


def _sized(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    (value,) = arguments
    if value.__class__ is Unknown:
        return value
    if value.__class__ is not PartialList and kind_of(value) not in SIZED:
        return operators.apply(meter, function, arguments)
    return _size(value)


def _got(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """`get`: what stands beside its path may be unknown."""
    found, path, _ = arguments
    for step in path:
        if found.__class__ is not dict:
            break
        found = found.get(step)
    else:
        if found.__class__ in GAPS:
            return found
    return found if found.__class__ is Unknown else operators.apply(meter, function, arguments)


def _tagged(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """`tag`: of the resource, only its tags are read."""
    resource, key = arguments
    read = resource.get("Tags") if resource.__class__ is dict else resource
    reasons = reasons_in([read, key], meter)
    return Unknown(reasons) if reasons is not None else operators.apply(meter, function, arguments)


def _typed(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    (value,) = arguments
    named = {Unknown: value, PartialList: TYPES["list"], Span: TYPES["int"]}
    return named.get(value.__class__) or operators.apply(meter, function, arguments)


def _carried(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """A function that hands on a value without looking at it."""
    (value,) = arguments
    if value.__class__ is Unknown:
        return value
    if function.name == "as_list" and value.__class__ is PartialList:
        return value
    return operators.apply(meter, function, arguments)


def _of(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """`optional.of`: there, whatever it is."""
    return operators.apply(meter, function, arguments)


def _found(*grows: int) -> Callable[..., Value]:
    """A function that stays true when the arguments at these numbers have more items."""

    def run(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
        surely = [
            [item for item in _surely(each) if reasons_in(item, meter) is None]
            if number in grows and each.__class__ in (list, PartialList)
            else each
            for number, each in enumerate(arguments)
        ]
        if reasons_in(surely, meter) is None and operators.apply(meter, function, surely) is True:
            return True
        return _known(meter, function, arguments)

    return run


def _settled(number: int) -> Callable[..., Value]:
    """A function that is an error where something that it needs lacks in the list at this number:
    whatever it answers to the known items stands."""

    def run(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
        listed = arguments[number]
        if listed.__class__ not in (list, PartialList):
            return _known(meter, function, arguments)
        surely = [item for item in _surely(listed) if reasons_in(item, meter) is None]
        known = [*arguments[:number], surely, *arguments[number + 1 :]]
        try:
            return _known(meter, function, known)
        except EvaluationError:
            return _known(meter, function, arguments)

    return run


_APART: Final[dict[str, Callable[[Meter, Function, Sequence[Value]], Value]]] = {
    "size": _sized,
    "get": _got,
    "tag": _tagged,
    "type": _typed,
    "dyn": _carried,
    "as_list": _carried,
    "hasValue": _carried,
    "value": _carried,
    "optional.of": _of,
    "sets.contains": _found(0),
    "sets.intersects": _found(0, 1),
    "open_to_internet": _settled(1),
    "open_besides": _settled(1),
    "open_on_every_port": _settled(1),
}
"""Functions that can say something although there is a gap in an argument."""

BINARY: Final[dict[str, Callable[[Meter, Value, Value], Value]]] = {
    "==": equals,
    "!=": differs,
    "<": _order("<", lambda a, b: a < b),
    "<=": _order("<=", lambda a, b: a <= b),
    ">": _order(">", lambda a, b: a > b),
    ">=": _order(">=", lambda a, b: a >= b),
    "in": member,
    "+": plus,
    **{symbol: _strict(operators.BINARY[symbol]) for symbol in "-*/%"},
}
