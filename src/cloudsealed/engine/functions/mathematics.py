"""The math extension: `math.greatest`, `math.round`, `math.bitAnd` and their kin.

Source: the "math" extension of CEL. Refuses to mix kinds where the operators do; only `greatest`
and `least` compare numbers of any kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.operators import fit, greater, less
from cloudsealed.engine.signature import ANY, Function, Kinds, kinds
from cloudsealed.engine.values import MAX_UINT, UInt, Value, describe, kind_of

_NUMBER: Final = kinds("int", "uint", "double")
_WHOLE: Final = kinds("int", "uint")
_DOUBLE: Final = kinds("double")


def _extreme(name: str, better: Callable[[Meter, Value, Value], bool]) -> Function:
    def run(meter: Meter, *arguments: Value) -> Value:
        alone = len(arguments) == 1 and arguments[0].__class__ is list
        numbers = arguments[0] if alone else arguments
        meter.charge(len(numbers))
        if not numbers:
            raise EvaluationError(f"math.{name}() of no numbers")
        best = numbers[0]
        for number in numbers:
            if kind_of(number) not in _NUMBER:
                raise EvaluationError(f"math.{name}() takes numbers, not {describe(number)}")
            if better(meter, number, best):
                best = number
        return best

    run.__doc__ = f"The {name} of the numbers, or of a list of numbers."
    return Function(f"math.{name}", (ANY,), "dyn", run, metered=True, variadic=True)


def _rounding(name: str, doc: str, run: Callable[[float], float]) -> Function:
    def exact(number: float) -> float:
        if not math.isfinite(number):
            return number
        return math.copysign(float(run(number)), number)

    exact.__doc__ = doc
    return Function(f"math.{name}", (_DOUBLE,), "double", exact)


def _half_away(number: float) -> float:
    whole = math.trunc(number)
    return whole + math.copysign(1, number) if abs(number - whole) >= 0.5 else whole


def absolute(number: Value) -> Value:
    """The number without its sign."""
    return number if number.__class__ is UInt else _like(number, abs(number))


def sign(number: Value) -> Value:
    """-1, 0 or 1, of the number's own kind."""
    if number != number:
        return number
    return _like(number, (number > 0) - (number < 0))


def _like(number: Value, result: Value) -> Value:
    """A result in the kind of the number that it comes from."""
    return float(result) if isinstance(number, float) else fit(result, isinstance(number, UInt))


def square_root(number: Value) -> float:
    """The square root; not a number for a negative one."""
    return math.sqrt(number) if number >= 0 else math.nan


def _bitwise(name: str, doc: str, run: Callable[[int, int], int]) -> Function:
    def same(left: int, right: int) -> int:
        if left.__class__ is not right.__class__:
            raise EvaluationError(f"math.{name}() takes two numbers of one kind")
        return fit(run(int(left), int(right)), isinstance(left, UInt))

    same.__doc__ = doc
    return Function(f"math.{name}", (_WHOLE, _WHOLE), "dyn", same)


def bit_not(number: int) -> int:
    """Every bit turned over."""
    return UInt(MAX_UINT - number) if isinstance(number, UInt) else ~number


def _shift(name: str, doc: str, left: bool) -> Function:
    def run(number: int, count: int) -> int:
        if count < 0:
            raise EvaluationError(f"math.{name}() cannot shift by a negative count")
        bits = int(number) & MAX_UINT
        bits = (bits << min(count, 64)) & MAX_UINT if left else bits >> count
        if isinstance(number, UInt):
            return UInt(bits)
        return bits - 2**64 if bits > MAX_UINT // 2 else bits

    run.__doc__ = doc
    return Function(f"math.{name}", (_WHOLE, kinds("int")), "dyn", run)


def _test(name: str, doc: str, run: Callable[[float], bool]) -> Function:
    return Function(f"math.{name}", (_DOUBLE,), "bool", run, about=doc)


def _plain(name: str, run: Callable[..., Any], result: Any, parameter: Kinds = _NUMBER) -> Function:
    return Function(f"math.{name}", (parameter,), result, run)


MATHEMATICS: Final = (
    _extreme("greatest", greater),
    _extreme("least", less),
    _rounding("ceil", "The next whole number above.", math.ceil),
    _rounding("floor", "The next whole number below.", math.floor),
    _rounding("round", "The nearest whole number; halves away from zero.", _half_away),
    _rounding("trunc", "The number without its fraction.", math.trunc),
    _plain("abs", absolute, "dyn"),
    _plain("sign", sign, "dyn"),
    _plain("sqrt", square_root, "double"),
    _test("isNaN", "Whether it is not a number.", math.isnan),
    _test("isInf", "Whether it is an infinity.", math.isinf),
    _test("isFinite", "Whether it is neither an infinity nor not a number.", math.isfinite),
    _bitwise("bitAnd", "The bits that both have.", int.__and__),
    _bitwise("bitOr", "The bits that one has.", int.__or__),
    _bitwise("bitXor", "The bits that only one has.", int.__xor__),
    _plain("bitNot", bit_not, "dyn", _WHOLE),
    _shift("bitShiftLeft", "The bits moved up; those beyond 64 are lost.", left=True),
    _shift("bitShiftRight", "The bits moved down, zeros coming in.", left=False),
)
