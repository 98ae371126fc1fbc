"""`format` of the strings extension: a text with clauses such as `%s` and `%.2f`, and its values.

Source: the "strings" extension of CEL. Refuses clauses it does not know, values of a wrong kind and
too few values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.standard import number_text, to_string
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import TypeValue, Value, describe, key_value, kind_of

_CLAUSE: Final = re.compile(r"%(?:%|(?:\.(\d{1,3}))?([sdfebxXo]))", re.ASCII)
_MOST_DIGITS: Final = 100


def format_text(meter: Meter, template: str, values: list[Value]) -> str:
    """The text with its clauses %s %d %f %e %b %x %X %o replaced by the values of a list."""
    pieces: list[str] = []
    total = 0
    for piece in _pieces(meter, template, values):
        total += len(piece)
        meter.charge_string(total)
        pieces.append(piece)
    return "".join(pieces)


def _pieces(meter: Meter, template: str, values: list[Value]) -> Iterator[str]:
    at = number = 0
    meter.charge_text(len(template))
    while (found := template.find("%", at)) >= 0:
        yield template[at:found]
        match = _CLAUSE.match(template, found)
        if match is None:
            raise EvaluationError(f"format() knows no clause {template[found : found + 3]!r}")
        at = match.end()
        if match[2] is None:
            yield "%"
            continue
        meter.charge(1)
        if number >= len(values):
            raise EvaluationError(f"format() has {len(values)} values and needs more")
        digits = int(match[1] or 6)
        if digits > _MOST_DIGITS:
            raise EvaluationError(f"format() writes at most {_MOST_DIGITS} digits")
        yield _CLAUSES[match[2]](meter, values[number], digits)
        number += 1
    yield template[at:]


def _refusal(clause: str, value: Value) -> EvaluationError:
    return EvaluationError(f"{clause} of format() cannot take {describe(value)}")


def _string(meter: Meter, value: Value, digits: int = 0) -> str:
    meter.charge(1)
    match kind_of(value):
        case "null":
            return "null"
        case "list":
            return f"[{', '.join(_string(meter, item) for item in value)}]"
        case "map":
            entries = sorted(
                (_string(meter, key_value(key)), _string(meter, item))
                for key, item in value.items()
            )
            return f"{{{', '.join(f'{key}: {item}' for key, item in entries)}}}"
        case "double":
            return special(value) or number_text(value)
        case "type" if isinstance(value, TypeValue):
            return value.name
        case "ip" | "cidr" | "optional" | "dyn":
            raise _refusal("%s", value)
    return to_string(meter, value)


def special(value: float) -> str:
    """The text of a double that is no number, or "" for one that is."""
    if math.isfinite(value):
        return ""
    return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"


def _decimal(meter: Meter, value: Value, digits: int) -> str:
    kind = kind_of(value)
    if kind == "double":
        return special(value) or f"{value:f}"
    if kind not in ("int", "uint"):
        raise _refusal("%d", value)
    return str(int(value))


def _floating(letter: str) -> Callable[[Meter, Value, int], str]:
    def run(meter: Meter, value: Value, digits: int) -> str:
        if kind_of(value) not in ("int", "uint", "double"):
            raise _refusal(f"%{letter}", value)
        return special(float(value)) or f"{float(value):.{digits}{letter}}"

    return run


def _based(letter: str, *more: str) -> Callable[[Meter, Value, int], str]:
    """A whole number in a base; `more` are the other kinds that the clause takes."""

    def run(meter: Meter, value: Value, digits: int) -> str:
        kind = kind_of(value)
        if kind in ("int", "uint") or (kind in more and kind == "bool"):
            return format(int(value), letter)
        if kind not in more:
            raise _refusal(f"%{letter}", value)
        raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        meter.charge_string(2 * len(raw))
        text = raw.hex()
        return text.upper() if letter == "X" else text

    return run


_CLAUSES: Final[dict[str, Callable[[Meter, Value, int], str]]] = {
    "s": _string,
    "d": _decimal,
    "f": _floating("f"),
    "e": _floating("e"),
    "b": _based("b", "bool"),
    "x": _based("x", "string", "bytes"),
    "X": _based("X", "string", "bytes"),
    "o": _based("o"),
}

FORMATTING: Final = (
    Function(
        "format", (kinds("string"), kinds("list")), "string", format_text, "method", metered=True
    ),
)
