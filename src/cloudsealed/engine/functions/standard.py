"""The functions of CEL's standard library.

Source: the CEL language definition, "List of Standard Definitions". Refuses regular expressions
that are not literals: they are compiled by RE2 when the expression is. The parts of times are in
`moments`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import re2

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.addresses import format_address, format_block
from cloudsealed.engine.meter import FREE_TEXT, Meter
from cloudsealed.engine.operators import fit, size
from cloudsealed.engine.signature import ANY, Function, Kinds, kinds
from cloudsealed.engine.times import (
    SECOND,
    format_duration,
    format_timestamp,
    moment,
    parse_duration,
    parse_timestamp,
)
from cloudsealed.engine.values import (
    MAX_INT,
    MAX_UINT,
    MIN_INT,
    Address,
    Block,
    Duration,
    Timestamp,
    Value,
    type_of,
)

_STRING: Final = kinds("string")
_PATTERN_MEMORY: Final = 2 << 20
_PATTERN_SIZE: Final = 3_000
"""Instructions of a pattern: so few that RE2's automaton always fits into its memory."""


_LONGEST_NUMBER: Final = 1_000
"""Characters of a text that is read as a double."""


def compile_pattern(pattern: str) -> Callable[[bytes], Any]:
    """What finds a RE2 expression in bytes, or None; raises `ValueError` with RE2's reason.

    It is a set of one: that answers yes or no, six times faster than RE2's match objects.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        if re2.compile(pattern, options).programsize > _PATTERN_SIZE:
            raise ValueError("this regular expression is too large")
        compiled = re2.Set.SearchSet(options)
        compiled.Add(pattern)
        compiled.Compile()
    except re2.error as error:
        reason = error.args[0] if error.args else "refused"
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"bad regular expression: {text}") from None
    find: Callable[[bytes], Any] = compiled.Match
    return find


def matches(meter: Meter, text: str, pattern: Callable[[bytes], Any]) -> bool:
    """Whether a part of the text matches the regular expression (RE2, a literal)."""
    if len(text) >= FREE_TEXT:
        meter.charge_text(len(text))
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = text.encode("utf-8", "surrogatepass")
    return pattern(encoded) is not None


def starts_with(meter: Meter, text: str, part: str) -> bool:
    """Whether the text begins with the other."""
    meter.charge_text(len(part))
    return text.startswith(part)


def ends_with(meter: Meter, text: str, part: str) -> bool:
    """Whether the text ends with the other."""
    meter.charge_text(len(part))
    return text.endswith(part)


def contains(meter: Meter, text: str, part: str) -> bool:
    """Whether `part` stands in the text."""
    meter.charge_text(len(text))
    return part in text


def lower_ascii(meter: Meter, text: str) -> str:
    """The text with A-Z made small; other letters stay."""
    return text.lower() if _is_ascii(meter, text) else text.translate(_LOWER)


def upper_ascii(meter: Meter, text: str) -> str:
    """The text with a-z made capital; other letters stay."""
    return text.upper() if _is_ascii(meter, text) else text.translate(_UPPER)


def _is_ascii(meter: Meter, text: str) -> bool:
    """Whether all letters are; charges for changing the case, which is slow when not."""
    ascii_only = text.isascii()
    meter.charge_text(len(text) * (1 if ascii_only else 10))
    return ascii_only


_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {small: capital for capital, small in _LOWER.items()}


def to_int(value: Value) -> int:
    """An int of a number (truncated), of a text of digits, or the seconds of a timestamp."""
    if isinstance(value, Timestamp):
        return value.nanos // SECOND
    if isinstance(value, float) and not MIN_INT < value < MAX_INT:
        raise EvaluationError("this number does not fit into an int")
    return fit(_whole(value))


def to_uint(value: Value) -> int:
    """A uint of a number (truncated) or of a text of digits."""
    if isinstance(value, float) and not 0 <= value < MAX_UINT:
        raise EvaluationError("this number does not fit into a uint")
    return fit(_whole(value), unsigned=True)


def _whole(value: Value) -> int:
    if isinstance(value, str):
        digits = value.removeprefix("-") if len(value) <= 21 else ""
        if not (digits.isascii() and digits.isdigit()):
            raise EvaluationError("this text is not a whole number")
    return int(value)


def to_double(value: Value) -> float:
    """A double of a number or of a text."""
    try:
        if isinstance(value, str) and (
            len(value) > _LONGEST_NUMBER or "_" in value or value != value.strip()
        ):
            raise ValueError
        return float(value)
    except ValueError:
        raise EvaluationError("this text is not a number") from None


def to_bool_value(value: Value) -> bool:
    """A bool of a bool or of the text `true` or `false` (also 1, t, True, TRUE and so on)."""
    if isinstance(value, bool):
        return value
    if value in ("1", "t", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "false", "FALSE", "False"):
        return False
    raise EvaluationError("this text is neither true nor false")


def to_bytes(meter: Meter, value: str | bytes) -> bytes:
    """The bytes of a text in UTF-8."""
    meter.charge_string(len(value))
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")


def to_string(meter: Meter, value: Value) -> str:
    """The text of a scalar, of UTF-8 bytes, of a time or of an address."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        meter.charge_string(len(value))
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise EvaluationError("these bytes are not UTF-8") from None
    match value:
        case Timestamp():
            return format_timestamp(value)
        case Duration():
            return format_duration(value)
        case Address():
            return format_address(value)
        case Block():
            return format_block(value)
    return number_text(value)


def number_text(value: Value) -> str:
    """The shortest text of a number that gives it back; a text stays."""
    if not isinstance(value, float):
        return value if isinstance(value, str) else str(int(value))
    if not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    digits = len(repr(value).partition("e")[0].replace(".", "").strip("-0")) or 1
    text = f"{value:.{digits - 1}e}"
    exponent = int(text.partition("e")[2])
    return f"{value:.{max(digits - 1 - exponent, 0)}f}" if -4 <= exponent < 6 else text


def to_timestamp(value: Value) -> Timestamp:
    """A timestamp of an RFC 3339 text, or of seconds since 1970."""
    if isinstance(value, Timestamp):
        return value
    return parse_timestamp(value) if isinstance(value, str) else moment(value * SECOND)


def to_duration(value: Value) -> Duration:
    """A duration of a text such as `1h30m` or `2.5s`."""
    return value if isinstance(value, Duration) else parse_duration(value)


def identity(value: Value) -> Value:
    """The value itself, its kind known only when it runs."""
    return value


def _converters() -> list[Function]:
    number: Kinds = kinds("int", "uint", "double", "string")
    scalar = number | kinds("bool", "bytes", "timestamp", "duration", "ip", "cidr")
    return [
        Function("int", (number | kinds("timestamp"),), "int", to_int),
        Function("uint", (number,), "uint", to_uint),
        Function("double", (number,), "double", to_double),
        Function("bool", (kinds("bool", "string"),), "bool", to_bool_value),
        Function("bytes", (kinds("bytes", "string"),), "bytes", to_bytes, metered=True),
        Function("string", (scalar,), "string", to_string, metered=True),
        Function("timestamp", (kinds("timestamp", "string", "int"),), "timestamp", to_timestamp),
        Function("duration", (kinds("duration", "string"),), "duration", to_duration),
        Function("type", (ANY,), "type", type_of),
        Function("dyn", (ANY,), "dyn", identity),
    ]


def _method(name: str, run: Callable[..., Value], inline: str, charged: int) -> Function:
    """A method of a text that asks for a part of it."""
    two = (_STRING, _STRING)
    return Function(name, two, "bool", run, "method", metered=True, inline=inline, charged=charged)


def _of_text() -> list[Function]:
    return [
        _method("contains", contains, "({1} in {0})", 0),
        _method("startsWith", starts_with, "{0}.startswith({1})", 1),
        _method("endsWith", ends_with, "{0}.endswith({1})", 1),
        Function("lowerAscii", (_STRING,), "string", lower_ascii, "method", metered=True),
        Function("upperAscii", (_STRING,), "string", upper_ascii, "method", metered=True),
        Function(
            "matches",
            (_STRING, ANY),
            "bool",
            matches,
            "both",
            metered=True,
            literal={1: compile_pattern},
            inline="({1}({0}.encode()) is not None)",
            charged=0,
        ),
    ]


SIZED: Final = kinds("string", "bytes", "list", "map")
STANDARD: Final = (
    Function("size", (SIZED,), "int", size, "both", inline="_len({0})"),
    *_converters(),
    *_of_text(),
)
"""Every function of the standard library that this engine has."""
