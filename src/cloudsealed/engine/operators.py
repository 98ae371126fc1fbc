"""What the operators mean: CEL's equality, order, arithmetic, membership, fields and loops.

Source: the CEL language definition. Both evaluators call these, so that they cannot differ.
Refuses Python's habits: a bool is no number, text is not a list, an int has 64 bits, division
truncates, a negative index is an error. Each function raises `EvaluationError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NoReturn

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function
from cloudsealed.engine.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    UInt,
    Value,
    describe,
    kind_of,
)

_EXACT: Final = 2**53
"""Up to here every int is a double."""
_NUMBERS: Final = frozenset({int, float, UInt})
_ORDERED: Final = frozenset({bool, str, bytes, datetime, timedelta})


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


def _same_items(meter: Meter, left: list[Value], right: list[Value]) -> bool:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    return all(equals(meter, a, b) for a, b in zip(left, right, strict=True))


def _same_entries(meter: Meter, left: dict[Value, Value], right: dict[Value, Value]) -> bool:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    for key, value in left.items():
        found = _find(right, key)
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


def _moment(make: Callable[[], datetime | timedelta]) -> datetime | timedelta:
    try:
        return make()
    except OverflowError:
        raise EvaluationError("the time is out of range") from None


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
    if {kind, other} in ({datetime, timedelta}, {timedelta}):
        return _moment(lambda: left + right)
    raise mismatch("+", left, right)


def subtract(meter: Meter, left: Value, right: Value) -> Value:
    """`-`: numbers of one kind, and time with time or durations."""
    kind, other = left.__class__, right.__class__
    if kind is other:
        if kind is int or kind is UInt:
            return fit(int(left) - int(right), kind is UInt)
        if kind is float or kind is datetime:
            return left - right
    if kind in (datetime, timedelta) and other is timedelta:
        return _moment(lambda: left - right)
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
    if kind is str:
        return mapping.get(key, _ABSENT)
    if kind is not bool and kind not in _NUMBERS:
        raise EvaluationError(f"{describe(key)} cannot be the key of a map")
    for each, value in mapping.items():
        if each == key and (each.__class__ is bool) == (kind is bool):
            return value
    return _ABSENT


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
        if item.__class__ is not str:
            meter.charge(len(container))
        return _find(container, item) is not _ABSENT
    raise mismatch("in", item, container)


def index(meter: Meter, container: Value, key: Value) -> Value:
    """`container[key]`: the item of a list by its number, or of a map by its key."""
    if container.__class__ is dict:
        if key.__class__ is not str:
            meter.charge(len(container))
        found = _find(container, key)
        if found is _ABSENT:
            raise EvaluationError("no such key")
        return found
    if container.__class__ is not list:
        raise EvaluationError(f"{describe(container)} has no items")
    kind = key.__class__
    if kind not in _NUMBERS or key % 1 != 0:
        raise EvaluationError(f"the number of an item cannot be {describe(key)}")
    if not 0 <= key < len(container):
        raise EvaluationError(f"there is no item {int(key)} in a list of {len(container)}")
    return container[int(key)]


def has_field(operand: Value, field: str) -> bool:
    """`has(operand.field)`; only a map may be asked."""
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
        return list(container)
    raise EvaluationError(f"a loop needs a list or a map, and this is {describe(container)}")


def make_map(keys: Sequence[Value], values: Sequence[Value]) -> dict[Value, Value]:
    """A map literal; a key twice is an error, and so is a key that is no text, number or bool."""
    made: dict[Value, Value] = {}
    for key, value in zip(keys, values, strict=True):
        if key.__class__ not in (str, bool, int, UInt):
            raise EvaluationError(f"{describe(key)} cannot be the key of a map")
        if key in made:
            raise EvaluationError("a key stands twice in a map")
        made[key] = value
    return made


def apply(meter: Meter, function: Function, arguments: Sequence[Value]) -> Value:
    """The value of a call, its kinds checked."""
    for number, (kinds, value) in enumerate(zip(function.parameters, arguments, strict=True)):
        if kinds and kind_of(value) not in kinds:
            raise EvaluationError(function.refusal(number, kind_of(value)))
    return function.run(meter, *arguments) if function.metered else function.run(*arguments)


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
