"""Our function on metric filters of CloudWatch Logs: `filter_matches(pattern, event)`.

Source: the Amazon CloudWatch Logs user guide, "Filter pattern syntax": terms, phrases, `?` and `-`
before a term, expressions between percent signs, and `{ selector operator value }` on JSON with
`&&`, `||`, parentheses, `*` in values, NOT EXISTS and IS. Refuses what it cannot read, and patterns
in brackets: what those find in JSON hangs on its spaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.functions.policies import glob_match
from cloudsealed.engine.functions.standard import compile_pattern
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.values import Value

Matches = Callable[[Meter, dict[Any, Any]], bool]
_LONGEST: Final = 1_024
"""Characters of a pattern (CloudWatch Logs API reference, PutMetricFilter)."""
_DEEPEST: Final = 50
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<sign>&&|\|\||!=|<=|>=|[(){}=<>])
      | (?P<selector>\$(?:\.?\[[^\]]*\]|\.[\w:/-]+)*)
      | "(?P<phrase>(?:[^"\\]|\\.)*)"
      | %(?P<regex>[^%]*)%
      | (?P<word>[^\s(){}&|"]+)
    )""",
    re.VERBOSE,
)
_TERM: Final = re.compile(r'\s*(?P<mark>[?-]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))')
_STEP: Final = re.compile(r"\.?\[\s*(?P<key>[^\]]*?)\s*\]|\.(?P<name>[\w:/-]+)")
_ABSENT: Final = object()
_IS: Final = {"NULL": None, "TRUE": True, "FALSE": False}


def filter_matches(meter: Meter, pattern: str, event: dict[Any, Value]) -> bool:
    """`filter_matches(f.filterPattern, event)`: whether a metric filter counts this event.

    The event is the JSON of one record. A pattern without its braces is read as if it had them. One
    that cannot be read, or that is in brackets, is an error. `!=` holds of what is not there.
    """
    meter.charge(1 + len(pattern) // 8)
    return _parsed(pattern)(meter, event)


@lru_cache(maxsize=4_096)
def _parsed(pattern: str) -> Matches:
    text = pattern.strip()
    if len(text) > _LONGEST:
        raise EvaluationError(f"a filter pattern has at most {_LONGEST:,} characters")
    if text.startswith("["):
        raise EvaluationError("a filter pattern in brackets says nothing of JSON")
    if text.startswith(("{", "$.")) or (text.startswith("(") and "$." in text):
        return _Parser(text.removeprefix("{").removesuffix("}")).whole()
    return _of_terms(text)


class _Parser:
    """Reads the condition of a JSON pattern, `&&` before `||`."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Matches:
        found = self._any(0)
        if self._at < len(self._tokens):
            raise _unread(self._tokens[self._at][1])
        return found

    def _any(self, depth: int) -> Matches:
        parts = [self._all(depth)]
        while self._takes("||"):
            parts.append(self._all(depth))
        return lambda meter, event: any(part(meter, event) for part in parts)

    def _all(self, depth: int) -> Matches:
        parts = [self._one(depth)]
        while self._takes("&&"):
            parts.append(self._one(depth))
        return lambda meter, event: all(part(meter, event) for part in parts)

    def _one(self, depth: int) -> Matches:
        if depth > _DEEPEST:
            raise EvaluationError("a filter pattern has too many parentheses")
        if self._takes("("):
            found = self._any(depth + 1)
            self._expect(")")
            return found
        return self._comparison(_steps(self._next("selector")))

    def _comparison(self, steps: tuple[str | int, ...]) -> Matches:
        kind, word = self._pop()
        if (kind, word.upper()) == ("word", "NOT"):
            self._word("EXISTS")
            return lambda _, event: _found(event, steps) is _ABSENT
        if (kind, word.upper()) == ("word", "EXISTS"):
            return lambda _, event: _found(event, steps) is not _ABSENT
        if (kind, word.upper()) == ("word", "IS"):
            wanted = _IS[self._word(*_IS)]
            return lambda _, event: _found(event, steps) is wanted
        if kind != "sign" or word not in ("=", "!=", "<", ">", "<=", ">="):
            raise _unread(word)
        return _compared(steps, word, *self._pop())

    def _takes(self, sign: str) -> bool:
        here = self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign)
        self._at += here
        return here

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise EvaluationError(f"a filter pattern lacks {sign!r}")

    def _pop(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise EvaluationError("a filter pattern ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self, kind: str) -> str:
        found, text = self._pop()
        if found != kind:
            raise _unread(text)
        return text

    def _word(self, *wanted: str) -> str:
        text = self._next("word").upper()
        if text not in wanted:
            raise _unread(text)
        return text


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _unread(text[at:])
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _unread(text: str) -> EvaluationError:
    return EvaluationError(f"a filter pattern cannot be read at {text[:32]!r}")


def _steps(selector: str) -> tuple[str | int, ...]:
    """The names and numbers of a selector; `*` is each item of a list."""
    found: list[str | int] = []
    for match in _STEP.finditer(selector):
        key = match["key"]
        if key is None:
            found.append(match["name"])
        elif key.isdecimal():
            found.append(int(key))
        else:
            found.append(key.strip("'\""))
    return tuple(found)


def _found(value: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        inside = value.__class__ is dict and step in value
        within = value.__class__ is list and step.__class__ is int and step < len(value)
        if not inside and not within:
            return _ABSENT
        value = value[step]
    return value


def _values(value: Any, steps: tuple[str | int, ...]) -> list[Any]:
    """What is at a selector: several where it goes through each item of a list."""
    if "*" not in steps:
        return [_found(value, steps)]
    at = steps.index("*")
    items = _found(value, steps[:at])
    if items.__class__ is not list:
        return [_ABSENT]
    return [each for item in items for each in _values(item, steps[at + 1 :])]


def _compared(steps: tuple[str | int, ...], sign: str, kind: str, text: str) -> Matches:
    if sign in ("=", "!="):
        is_equal = _equal(kind, text)
        negated = sign == "!="
        return lambda meter, event: (
            negated
            != any(each is not _ABSENT and is_equal(meter, each) for each in _values(event, steps))
        )
    number = _number(text)
    if number is None:
        raise EvaluationError(f"a filter pattern compares {sign} with a number, not {text[:32]!r}")
    holds = _ORDER[sign]
    return lambda _, event: any(
        (found := _number(each)) is not None and holds(found, number)
        for each in _values(event, steps)
    )


_ORDER: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
}


def _equal(kind: str, text: str) -> Callable[[Meter, Any], bool]:
    if kind == "regex":
        finds = _regex(text)
        return lambda _, value: finds(_text(value))
    if kind not in ("phrase", "word"):
        raise _unread(text)
    wanted = _unescaped(text)
    number = _number(text) if kind == "word" else None

    def is_equal(meter: Meter, value: Any) -> bool:
        if number is not None and value.__class__ in (int, float):
            return bool(value == number)
        return value.__class__ not in (dict, list) and glob_match(meter, wanted, _text(value))

    return is_equal


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _record(value)


def _record(value: Any) -> str:
    """A value as it stands in a record, without spaces."""
    return json.dumps(value, separators=(",", ":"), default=str)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _number(value: Any) -> float | None:
    if value.__class__ is bool or not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _regex(text: str) -> Callable[[str], bool]:
    try:
        finds = compile_pattern(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None
    return lambda value: bool(finds(value.encode()))


def _of_terms(text: str) -> Matches:
    """A pattern of terms: all that are plain, one of those after `?`, none of those after `-`."""
    if text.startswith("%") and text.endswith("%") and len(text) > 1:
        finds = _regex(text[1:-1])
        return lambda _, event: finds(_record(event))
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    for match in _TERM.finditer(text):
        word = match["word"]
        terms[match["mark"]].append(_unescaped(match["phrase"]) if word is None else word)

    def matches(meter: Meter, event: dict[Any, Any]) -> bool:
        record = _record(event)
        meter.charge(len(record) * len(text) // 256)
        return (
            all(each in record for each in terms[""])
            and (not terms["?"] or bool(terms[""]) or any(each in record for each in terms["?"]))
            and not any(each in record for each in terms["-"])
        )

    return matches


FILTER_PATTERNS: Final = (
    Function(
        "filter_matches", (kinds("string"), kinds("map")), "bool", filter_matches, metered=True
    ),
)
