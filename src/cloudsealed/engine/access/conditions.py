"""The lines of a Condition element, and when one is met.

Source: the AWS IAM user guide, "IAM JSON policy elements: Condition operators" and "Single-valued
vs. multivalued context keys": keys compare without case, several values of a line are
alternatives, several lines are joined; a key that is absent fails a positive operator and meets a
negated one, `...IfExists` and `ForAllValues`. Refuses to know what a caller's request holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from cloudsealed.engine.access.patterns import covers, literal, widest
from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.times import parse_datetime
from cloudsealed.engine.values import Value, describe

_ORDERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "equals": lambda left, right: left == right,
    "lessthan": lambda left, right: left < right,
    "lessthanequals": lambda left, right: left <= right,
    "greaterthan": lambda left, right: left > right,
    "greaterthanequals": lambda left, right: left >= right,
}
_ORDERED: Final = frozenset(f"{kind}{order}" for kind in ("numeric", "date") for order in _ORDERS)
_PLAIN: Final = frozenset(
    (
        *("stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"),
        *("bool", "binaryequals", "ipaddress", "null"),
    )
)
_SETS: Final = ("foranyvalue:", "forallvalues:")
_LITERAL_TEXT: Final = frozenset(("stringequals", "binaryequals"))
_WITHOUT_CASE: Final = frozenset(("stringequalsignorecase", "bool"))
_MILLISECONDS: Final = 1e11
"""Numbers over this are times in milliseconds since 1970, not in seconds."""


class Line(NamedTuple):
    """One line of a Condition: key and operator in lower case, the operator without its forms."""

    key: str
    operator: str
    negated: bool
    if_exists: bool
    every: bool
    any_of: bool
    values: tuple[str, ...]

    def met_without(self) -> bool:
        """Whether the line is met when the request does not have the key."""
        if self.operator == "null":
            return "true" in self.values
        return self.if_exists or self.every or (self.negated and not self.any_of)

    def met_with(self, takes: Callable[[str], bool]) -> bool:
        """Whether the line is met by one value, where `takes` says which values fit it."""
        if self.operator == "null":
            return "false" in self.values
        return any(map(takes, self.values)) != self.negated


def lines(meter: Meter, statement: dict[str, Any]) -> tuple[Line, ...]:
    """The lines of a statement's Condition; what AWS would not take is an error."""
    condition = statement.get("Condition")
    if condition is None:
        return ()
    if condition.__class__ is not dict:
        raise EvaluationError(f"a Condition must be a map, and this is {describe(condition)}")
    found = []
    for operator, keys in condition.items():
        if keys.__class__ is not dict or not all(
            each.__class__ is str for each in (operator, *keys)
        ):
            raise EvaluationError("a Condition must have maps of keys below its operators")
        form = _form(operator)
        for key, value in keys.items():
            found.append(Line(key.lower(), *form, _values(meter, form[0], value)))
    return tuple(found)


def _form(written: str) -> tuple[str, bool, bool, bool, bool]:
    """An operator's name without its forms, and which of them it has."""
    name = written.lower()
    qualifier = next((each for each in _SETS if name.startswith(each)), "")
    name = name.removeprefix(qualifier)
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    positive = name.replace("not", "", 1)
    if positive not in _PLAIN and positive not in _ORDERED:
        raise EvaluationError(f"{written!r} is no condition operator")
    every, any_of = qualifier == _SETS[1], qualifier == _SETS[0]
    return positive, positive != name, if_exists, every, any_of


def _values(meter: Meter, operator: str, value: Value) -> tuple[str, ...]:
    """The values of a line as texts, each policy variable taken for any text."""
    listed = value if value.__class__ is list else [value]
    meter.charge(1 + len(listed) // 4)
    texts = [_text(each) for each in listed]
    if operator in ("bool", "null"):
        return tuple(each.lower() for each in texts)
    return tuple(widest(_known(each)) for each in texts)


def _text(value: Value) -> str:
    if value.__class__ is str:
        text: str = value
        return text
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ in (int, float):
        return str(value)
    raise EvaluationError(f"a condition compares with texts, not with {describe(value)}")


_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_OF_THE_RESOURCE: Final = {
    "${aws:resourceaccount}": "the-owner",
    "${aws:resourceorgid}": "o-the-owner",
    "${aws:resourceorgpaths}": "o-the-owner/the-root/",
}
"""Variables that no caller chooses: they name the owner of what is asked for."""


def _known(text: str) -> str:
    if "${" not in text:
        return text
    return _VARIABLE.sub(lambda found: _OF_THE_RESOURCE.get(found[0].lower(), found[0]), text)


def compares(meter: Meter, line: Line, value: str) -> Callable[[str], bool]:
    """What says whether a written value fits the value that a request has."""
    if line.operator in _ORDERED:
        return lambda written: _ordered(line.operator, value, written)
    if line.operator in _WITHOUT_CASE:
        return lambda written: written.lower() == value.lower()
    if line.operator in _LITERAL_TEXT:
        return lambda written: written in (value, literal(value))
    return lambda written: covers(meter, written, value)


def _ordered(operator: str, value: str, written: str) -> bool:
    read = _moment if operator.startswith("date") else _number
    order = _ORDERS[operator.removeprefix("date").removeprefix("numeric")]
    return order(read(value), read(written))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise EvaluationError(f"a condition compares numbers, and {text[:64]!r} is none") from None


def _moment(text: str) -> float:
    if text.replace(".", "", 1).isdigit():
        seconds = float(text)
        return seconds / 1000 if seconds > _MILLISECONDS else seconds
    if len(text) == len("2026-01-01"):
        text += "T00:00:00Z"
    return parse_datetime(text).timestamp()


def now_text(now: datetime) -> str:
    """The audit's clock as conditions read it: seconds since 1970."""
    return str(now.astimezone(UTC).timestamp())


def surely_met(line: Line) -> bool:
    """Whether a line is met by every request, whatever it has for the key, or without it."""
    if not line.met_without():
        return False
    if line.operator == "null":
        return line.met_with(lambda _: False)
    everything = "*" in line.values and line.operator not in _LITERAL_TEXT
    both = line.operator == "bool" and {"true", "false"} <= {*line.values}
    least = everything or both
    most = bool(line.values)
    return line.met_with(lambda _: least) and line.met_with(lambda _: most)
