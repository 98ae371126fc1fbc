"""The strings extension: `split`, `join`, `replace`, `substring`, `strings.quote` and their kin.

Source: the "strings" extension of CEL; positions count code points. `format` is in `formatting`.
Refuses positions outside the text.
"""

from __future__ import annotations

from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value, describe

_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space; Python's own has four control characters more."""
_QUOTED: Final = str.maketrans(
    {
        "\a": r"\a",
        "\b": r"\b",
        "\f": r"\f",
        "\n": r"\n",
        "\r": r"\r",
        "\t": r"\t",
        "\v": r"\v",
        "\\": r"\\",
        '"': r"\"",
    }
)


def _place(text: str, number: int) -> int:
    if not 0 <= number <= len(text):
        raise EvaluationError(f"there is no place {number} in a text of {len(text)}")
    return number


def char_at(text: str, number: int) -> str:
    """The character at a place, or "" at the end."""
    at = _place(text, number)
    return text[at : at + 1]


def index_of(meter: Meter, text: str, part: str, start: int = 0) -> int:
    """The first place of `part`, from a place on; -1 where there is none."""
    meter.charge_text(len(text))
    return text.find(part, _place(text, start))


def last_index_of(meter: Meter, text: str, part: str, start: int | None = None) -> int:
    """The last place of `part`, not after a place; -1 where there is none."""
    meter.charge_text(len(text))
    return text.rfind(part, 0, len(text) if start is None else _place(text, start) + len(part))


def substring(meter: Meter, text: str, start: int, end: int | None = None) -> str:
    """The text from one place to before another, or to its end."""
    last = len(text) if end is None else _place(text, end)
    if _place(text, start) > last:
        raise EvaluationError(f"the start {start} of a substring is after its end {last}")
    meter.charge_text(last - start)
    return text[start:last]


def replace(meter: Meter, text: str, old: str, new: str, count: int = -1) -> str:
    """The text with `new` for each `old`, or for the first `count`."""
    times = text.count(old)
    meter.charge_text(len(text))
    made = times if count < 0 else min(times, count)
    meter.charge_string(len(text) + made * (len(new) - len(old)))
    return text.replace(old, new, made)


def split(meter: Meter, text: str, separator: str, limit: int = -1) -> list[Value]:
    """The parts between separators, at most `limit`; an empty separator parts all characters."""
    meter.charge_text(len(text))
    parts = len(text) if not separator else text.count(separator) + 1
    meter.charge(parts if limit < 0 else min(parts, limit))
    if limit == 0:
        return []
    if not text:
        return [text]
    if separator:
        return list(text.split(separator, -1 if limit < 0 else limit - 1))
    if limit < 0 or limit >= len(text):
        return list(text)
    return [*text[: limit - 1], text[limit - 1 :]]


def join(meter: Meter, parts: list[Value], separator: str = "") -> str:
    """The texts of a list as one, with a separator between them."""
    meter.charge(len(parts))
    for part in parts:
        if part.__class__ is not str:
            raise EvaluationError(f"join() takes a list of texts, and one is {describe(part)}")
    meter.charge_string(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def trim(meter: Meter, text: str) -> str:
    """The text without white space at its ends."""
    meter.charge_text(len(text))
    return text.strip(_SPACE)


def reverse(meter: Meter, value: Value) -> Value:
    """The text or the list from its end to its beginning."""
    if isinstance(value, str):
        meter.charge_text(len(value))
    else:
        meter.charge(len(value))
    return value[::-1]


def quote(meter: Meter, text: str) -> str:
    """The text as a literal, with quotes around it and escapes in it."""
    meter.charge_string(len(text) * 2)
    return f'"{text.translate(_QUOTED)}"'


_TEXT: Final = kinds("string")
_INT: Final = kinds("int")
_LIST: Final = kinds("list")

STRINGS: Final = (
    Function("charAt", (_TEXT, _INT), "string", char_at, "method"),
    Function("indexOf", (_TEXT, _TEXT), "int", index_of, "method", metered=True),
    Function("indexOf", (_TEXT, _TEXT, _INT), "int", index_of, "method", metered=True),
    Function("lastIndexOf", (_TEXT, _TEXT), "int", last_index_of, "method", metered=True),
    Function("lastIndexOf", (_TEXT, _TEXT, _INT), "int", last_index_of, "method", metered=True),
    Function("substring", (_TEXT, _INT), "string", substring, "method", metered=True),
    Function("substring", (_TEXT, _INT, _INT), "string", substring, "method", metered=True),
    Function("replace", (_TEXT, _TEXT, _TEXT), "string", replace, "method", metered=True),
    Function("replace", (_TEXT, _TEXT, _TEXT, _INT), "string", replace, "method", metered=True),
    Function("split", (_TEXT, _TEXT), "list", split, "method", metered=True),
    Function("split", (_TEXT, _TEXT, _INT), "list", split, "method", metered=True),
    Function("join", (_LIST,), "string", join, "method", metered=True),
    Function("join", (_LIST, _TEXT), "string", join, "method", metered=True),
    Function("trim", (_TEXT,), "string", trim, "method", metered=True),
    Function("reverse", (kinds("string", "list"),), "dyn", reverse, "method", metered=True),
    Function("strings.quote", (_TEXT,), "string", quote, metered=True),
)
