"""What the operators mean: CEL's equality, order, arithmetic, membership, fields and loops.

Source: the CEL language definition. Both evaluators call these, so that they cannot differ.
Refuses Python's habits: a bool is no number, text is not a list, an int has 64 bits, division
truncates, a negative index is an error. Each function raises `EvaluationError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function
from cloudsealed.engine.times import length, moment
from cloudsealed.engine.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    NONE,
    Duration,
    Optional,
    Timestamp,
    UInt,
    Value,
    describe,
    key_value,
    kind_of,
    map_key,
)

_EXACT: Final = 2**53
"""Up to here every int is a double."""
_NUMBERS: Final = frozenset({int, float, UInt})
_ORDERED: Final = frozenset({bool, str, bytes, Timestamp, Duration})


def mismatch(operator: str, left: Value, right: Value) -> EvaluationError:
    """The error of an operator that has no meaning for its operands."""
    return EvaluationError(f"{operator!r} cannot take {describe(left)} and {describe(right)}")


def to_bool(value: Value) -> bool:
    """`value` if it is true or false, else the error."""
    if value.__class__ is not bool:
        raise EvaluationError(f"this must be true or false, and is {describe(value)}")
    return value is True


def refuse() -> NoReturn:
    """Stop a compiled function at a value of a wrong kind; the interpreter words the error."""
    raise EvaluationError("this has a wrong kind")


def equals(meter: Meter, left: Value, right: Value) -> bool:
    """`==`: values of different kinds differ, but numbers are compared as numbers."""
    kind, other = left.__class__, right.__class__
    if kind is list:
        return other is list and _same_items(meter, left, right)
    if kind is dict:
        return other is dict and _same_entries(meter, left, right)
    if kind is Optional:
        return other is Optional and _same_items(meter, left.items, right.items)
    if kind is str:
        meter.charge_text(len(left))
    if kind is not other:
        if kind not in _NUMBERS or other not in _NUMBERS:
            return False
        left, right = _aligned(left, right)
    return bool(left == right)


def _aligned(left: Value, right: Value) -> tuple[Value, Value]:
    """Two numbers as they are compared: as doubles if one is, even where that loses digits."""
    if left.__class__ is not float and right.__class__ is not float:
        return left, right
    try:
        return float(left), float(right)
    except OverflowError:
        raise EvaluationError("this number is out of range") from None


def _same_items(meter: Meter, left: Sequence[Value], right: Sequence[Value]) -> bool:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    return all(equals(meter, a, b) for a, b in zip(left, right, strict=True))


def _same_entries(meter: Meter, left: dict[Value, Value], right: dict[Value, Value]) -> bool:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    for key, value in left.items():
        found = right.get(key, _ABSENT)
        if found is _ABSENT or not equals(meter, value, found):
            return False
    return True


def differs(meter: Meter, left: Value, right: Value) -> bool:
    """`!=`"""
    return not equals(meter, left, right)


def _comparable(meter: Meter, symbol: str, left: Value, right: Value) -> tuple[Value, Value]:
    """The two as they are compared, if they have an order."""
    kind, other = left.__class__, right.__class__
    if kind in _NUMBERS and other in _NUMBERS:
        return _aligned(left, right)
    if kind is not other or kind not in _ORDERED:
        raise mismatch(symbol, left, right)
    if kind is str:
        meter.charge_text(len(left))
    return left, right


def less(meter: Meter, left: Value, right: Value) -> bool:
    """`<`"""
    a, b = _comparable(meter, "<", left, right)
    return bool(a < b)


def less_equal(meter: Meter, left: Value, right: Value) -> bool:
    """`<=`"""
    a, b = _comparable(meter, "<=", left, right)
    return bool(a <= b)


def greater(meter: Meter, left: Value, right: Value) -> bool:
    """`>`"""
    a, b = _comparable(meter, ">", left, right)
    return bool(a > b)


def greater_equal(meter: Meter, left: Value, right: Value) -> bool:
    """`>=`"""
    a, b = _comparable(meter, ">=", left, right)
    return bool(a >= b)


def fit(number: int, unsigned: bool = False) -> int:
    """`number` as an int of 64 bits (or a uint); raises `EvaluationError` when it does not fit."""
    if unsigned:
        if 0 <= number <= MAX_UINT:
            return UInt(number)
    elif MIN_INT <= number <= MAX_INT:
        return number
    raise EvaluationError(f"{'uint' if unsigned else 'int'} overflow")


def add(meter: Meter, left: Value, right: Value) -> Value:
    """`+`: numbers of one kind, text, lists, and time with durations."""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is int or kind is UInt:
            return fit(int(left) + int(right), kind is UInt)
        if kind is float:
            return left + right
        if kind is str or kind is bytes:
            meter.charge_string(len(left) + len(right))
            return left + right
        if kind is list:
            meter.charge(len(left) + len(right))
            return left + right
        if kind is Duration:
            return length(left.nanos + right.nanos)
    if {kind, other} == {Timestamp, Duration}:
        return moment(left.nanos + right.nanos)
    raise mismatch("+", left, right)


def subtract(meter: Meter, left: Value, right: Value) -> Value:
    """`-`: numbers of one kind, and time with time or durations."""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is int or kind is UInt:
            return fit(int(left) - int(right), kind is UInt)
        if kind is float:
            return left - right
        if kind is Timestamp or kind is Duration:
            return length(left.nanos - right.nanos)
    if kind is Timestamp and other is Duration:
        return moment(left.nanos - right.nanos)
    raise mismatch("-", left, right)


def multiply(meter: Meter, left: Value, right: Value) -> Value:
    """`*`: numbers of one kind."""
    kind = left.__class__
    if kind is not right.__class__ or kind not in _NUMBERS:
        raise mismatch("*", left, right)
    return left * right if kind is float else fit(int(left) * int(right), kind is UInt)


def divide(meter: Meter, left: Value, right: Value) -> Value:
    """`/`: numbers of one kind; whole numbers truncate towards zero."""
    kind = left.__class__
    if kind is not right.__class__ or kind not in _NUMBERS:
        raise mismatch("/", left, right)
    if kind is float:
        return left / right if right else _divide_by_zero(left, right)
    return _quotient(left, right, "division")


def _quotient(left: int, right: int, what: str) -> int:
    """The quotient of whole numbers of one kind, truncated towards zero."""
    if right == 0:
        raise EvaluationError(f"{what} by zero")
    quotient = abs(int(left)) // abs(int(right))
    return fit(quotient if (left < 0) == (right < 0) else -quotient, left.__class__ is UInt)


def _divide_by_zero(left: float, right: float) -> float:
    """IEEE 754: an infinity with the sign of both, or not a number."""
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def remainder(meter: Meter, left: Value, right: Value) -> Value:
    """`%`: whole numbers; the result has the sign of the left one."""
    kind = left.__class__
    if kind is not right.__class__ or kind not in (int, UInt):
        raise mismatch("%", left, right)
    quotient = _quotient(left, right, "modulus")
    return kind(int(left) - int(right) * int(quotient))


def negate(meter: Meter, operand: Value) -> Value:
    """`-x`"""
    if operand.__class__ is int:
        return fit(-operand)
    if operand.__class__ is float:
        return -operand
    raise EvaluationError(f"'-' cannot take {describe(operand)}")


_ABSENT: Final = object()


def _find(mapping: dict[Value, Value], key: Value) -> Value:
    """The value at `key`, or `_ABSENT`. Numbers find the key that they equal; true is not 1."""
    kind = key.__class__
    if kind is not str and kind is not bool and kind not in _NUMBERS:
        raise EvaluationError(f"{describe(key)} cannot be the key of a map")
    return mapping.get(map_key(key), _ABSENT)


def is_plain(value: Value) -> bool:
    """Whether Python's `==` is the language's for this value, whatever it is compared with."""
    # Python's True is 1 and False is 0, and it compares large ints with doubles digit by digit.
    if value.__class__ is int:
        return value not in (0, 1) and -_EXACT <= value <= _EXACT
    return value.__class__ is str


def member(meter: Meter, item: Value, container: Value) -> bool:
    """`in`: an item of a list or a key of a map; never a part of a text."""
    kind = container.__class__
    if kind is list:
        meter.charge(len(container))
        if is_plain(item):
            meter.charge_text(len(item) if item.__class__ is str else 0)
            return item in container
        return any(equals(meter, item, each) for each in container)
    if kind is dict:
        return _find(container, item) is not _ABSENT
    raise mismatch("in", item, container)


def index(meter: Meter, container: Value, key: Value) -> Value:
    """`container[key]`: the item of a list by its number, or of a map by its key."""
    if container.__class__ is dict:
        found = _find(container, key)
        if found is _ABSENT:
            raise EvaluationError("no such key")
        return found
    if container.__class__ is not list:
        if container.__class__ is Optional:
            return optional_index(meter, container, key)
        raise EvaluationError(f"{describe(container)} has no items")
    number = _item_number(key)
    if not 0 <= number < len(container):
        raise EvaluationError(f"there is no item {number} in a list of {len(container)}")
    return container[number]


def _item_number(key: Value) -> int:
    """The number of an item: any number that is whole."""
    kind = key.__class__
    if kind not in _NUMBERS or key % 1 != 0:
        raise EvaluationError(f"the number of an item cannot be {describe(key)}")
    number: int = int(key)
    return number


def optional_index(meter: Meter, container: Value, key: Value) -> Optional:
    """`container[?key]`, and any item of an optional value: absent where there is none."""
    if container.__class__ is Optional:
        return optional_index(meter, container.items[0], key) if container.items else NONE
    if container.__class__ is dict:
        found = _find(container, key)
        return NONE if found is _ABSENT else Optional((found,))
    if container.__class__ is not list:
        raise EvaluationError(f"{describe(container)} has no items")
    number = _item_number(key)
    return Optional((container[number],)) if 0 <= number < len(container) else NONE


def held(value: Value) -> tuple[Value, ...]:
    """The one value or none of an optional value."""
    if value.__class__ is not Optional:
        raise EvaluationError(f"this must be an optional value, and is {describe(value)}")
    found: tuple[Value, ...] = value.items
    return found


def same(value: Value) -> Value:
    """The value itself, which must be an optional one."""
    held(value)
    return value


def some(value: Value) -> Optional:
    """`optional.of(value)`"""
    return Optional((value,))


def has_field(operand: Value, field: str) -> bool:
    """`has(operand.field)`; only a map may be asked, or an optional one."""
    if operand.__class__ is Optional:
        return all(has_field(each, field) for each in operand.items) and bool(operand.items)
    if operand.__class__ is not dict:
        raise EvaluationError(f"{describe(operand)} has no fields")
    return field in operand


def size(value: Value) -> int:
    """The characters of a text, the bytes of bytes, the items of a list or the keys of a map."""
    return len(value)


def items(container: Value) -> list[Value]:
    """What a loop goes over: the items of a list, or the keys of a map."""
    if container.__class__ is list:
        return container
    if container.__class__ is dict:
        return [key_value(key) for key in container]
    raise EvaluationError(f"a loop needs a list or a map, and this is {describe(container)}")


def pairs(container: Value) -> list[tuple[Value, Value]]:
    """What a loop with two variables goes over: numbers and items, or keys and values."""
    if container.__class__ is dict:
        return [(key_value(key), value) for key, value in container.items()]
    return list(enumerate(items(container)))


def spread(marks: Sequence[bool], values: Sequence[Value]) -> list[Value]:
    """The items of a list literal, of which those with a mark are optional."""
    lists = (held(value) if mark else (value,) for mark, value in zip(marks, values, strict=True))
    return [each for items in lists for each in items]


def sort_by(meter: Meter, keyed: list[tuple[Value, Value]]) -> list[Value]:
    """The values of (key, value) in the order of their keys, which have one kind and an order."""
    meter.charge(len(keyed) * 4)
    first = kind_of(keyed[0][0]) if keyed else "dyn"
    for key, _ in keyed:
        ordered = key.__class__ in _ORDERED or key.__class__ in _NUMBERS
        if kind_of(key) != first or not ordered:
            raise EvaluationError(f"a list is sorted by values of one kind, not {describe(key)}")
        meter.charge_text(len(key) if first in ("string", "bytes") else 0)
    return [value for _, value in sorted(keyed, key=lambda pair: pair[0])]


def put(made: dict[Value, Value], key: Value, value: Value) -> None:
    """Add an entry to a map that is being made."""
    if key.__class__ not in (str, bool, int, UInt):
        raise EvaluationError(f"{describe(key)} cannot be the key of a map")
    held_key = map_key(key)
    if held_key in made:
        raise EvaluationError("a key stands twice in a map")
    made[held_key] = value


def merge(meter: Meter, made: dict[Value, Value], more: Value) -> None:
    """Add the entries of another map to one that is being made."""
    if more.__class__ is not dict:
        raise EvaluationError(f"this must be a map, and is {describe(more)}")
    meter.charge(len(more))
    for key, value in more.items():
        put(made, key_value(key), value)


def spread_map(
    marks: Sequence[bool], keys: Sequence[Value], values: Sequence[Value]
) -> dict[Value, Value]:
    """A map literal, of which the values with a mark are optional."""
    entries = [
        (key, each)
        for mark, key, value in zip(marks, keys, values, strict=True)
        for each in (held(value) if mark else (value,))
    ]
    return make_map([key for key, _ in entries], [value for _, value in entries])


def make_map(keys: Sequence[Value], values: Sequence[Value]) -> dict[Value, Value]:
    """A map literal; a key twice is an error, and so is a key that is no text, number or bool."""
    made: dict[Value, Value] = {}
    for key, value in zip(keys, values, strict=True):
        put(made, key, value)
    return made


def apply(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """The value of a call, its kinds checked."""
    wanted = function.parameters_of(len(arguments)) or ()
    for number, (kinds, value) in enumerate(zip(wanted, arguments, strict=True)):
        if kinds and kind_of(value) not in kinds:
            raise EvaluationError(function.refusal(number, kind_of(value)))
    if function.metered:
        return function.run(meter, *arguments)
    return function.run(meter.now, *arguments) if function.clocked else function.run(*arguments)


BINARY: Final[dict[str, Callable[[Meter, Value, Value], Value]]] = {
    "==": equals,
    "!=": differs,
    "<": less,
    "<=": less_equal,
    ">": greater,
    ">=": greater_equal,
    "in": member,
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
