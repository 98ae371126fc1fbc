from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, ExpressionError
from cloudsealed.engine.values import Duration, Timestamp

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('size("é😀") + "ab".size() + size([1]) + size({"a": 1}) + size(b"abc")', 9),
        ('"abc".contains("b") && "abc".startsWith("a") && "abc".endsWith("c")', True),
        ('"ÄBc".lowerAscii()', "Äbc"),
        ('"äbC".upperAscii()', "äBC"),
        (r'"web-01".matches("^web-\\d+$") && matches("xay", "a")', True),
        ('"web".matches("^b")', False),
        ('int("-12") + int(2.9) + int(3u)', -7),
        ('int(timestamp("1970-01-01T00:01:00.5Z"))', 60),
        ('double("1.5") + double(2)', 3.5),
        ('bool("true") && !bool("0")', True),
        ('string(1) + string(true) + string(1.5) + string(2.0) + string(b"x")', "1true1.52x"),
        ('string(timestamp("2026-01-02T05:04:05+02:00"))', "2026-01-02T03:04:05Z"),
        ('string(timestamp("2026-01-02T03:04:05.120Z"))', "2026-01-02T03:04:05.120Z"),
        ('string(duration("1h30m0.25s"))', "5400.25s"),
        ('bytes("é") == b"é"', True),
        ("type(1) == int && type(1u) == uint && type(null) == null_type", True),
        ('type(timestamp(0)) == google.protobuf.Timestamp && type("a") != type(1)', True),
        ("type(type(1)) == type && type([]) == list && type({}) == map", True),
        (
            'timestamp("2026-01-31T00:00:00Z") - timestamp("2026-01-30T00:00:00Z")',
            Duration(86_400 * 10**9),
        ),
        (
            'timestamp("1970-01-31T00:00:00Z") + duration("24h1ns")',
            Timestamp(31 * 86_400 * 10**9 + 1),
        ),
        ('timestamp(0).getHours("Europe/Berlin")', 1),
        ('duration("-1.5s") < duration("0s")', True),
        ('timestamp("2026-01-04T10:20:30.456Z").getFullYear()', 2026),
        ('timestamp("2026-01-04T10:20:30.456Z").getMonth()', 0),
        ('timestamp("2026-01-04T10:20:30.456Z").getDate()', 4),
        ('timestamp("2026-01-04T10:20:30.456Z").getDayOfMonth()', 3),
        ('timestamp("2026-01-04T10:20:30.456Z").getDayOfWeek()', 0),
        ('timestamp("2026-01-04T10:20:30.456Z").getDayOfYear()', 3),
        ('timestamp("2026-01-04T23:20:30.456Z").getHours("+02:00")', 1),
        ('timestamp("2026-01-04T10:20:30.456Z").getMilliseconds()', 456),
        ('duration("90m").getHours() + duration("90m").getMinutes()', 91),
    ],
)
def test_a_function_of_the_standard_library(value_of: Evaluate, source: str, value: object) -> None:
    assert value_of(source) == value


@pytest.mark.parametrize(
    "source",
    [
        'int("1.5")',
        'int("")',
        'int("99999999999999999999")',
        "int(1e300)",
        "uint(-1)",
        "uint(-0.5)",
        'double("abc")',
        'bool("yes")',
        'string(b"\\xff")',
        'timestamp("2026-01-01")',
        'timestamp("2026-13-01T00:00:00Z")',
        'timestamp("2026-01-01T00:00:00")',
        'duration("1 day")',
        'timestamp("9999-12-31T23:59:59Z") + duration("24h")',
        'timestamp(0).getHours("Europe/Atlantis")',
        'timestamp(0).getHours("../../etc/passwd")',
        "x.startsWith('a')",
        "size(x)",
        "x.lowerAscii()",
    ],
)
def test_a_conversion_that_cannot_be_is_an_error(value_of: Evaluate, source: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(source, x=5)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ('"a".matches("(")', "bad regular expression: missing )"),
        ('"a".matches(x)', "must be a literal string"),
        ('"a".matches("(a{1000}){1000}")', "invalid repetition size"),
        (r'"a".matches("((\\pL{30}){3}){8}")', "expression"),
        ("size()", "takes 1 argument"),
        ('"a".contains()', "takes 1 argument, not 0"),
        ("startsWith(x, 'a')", "is called as x.startsWith()"),
        ("x.int()", "is called as int(x)"),
        ("size(1)", "takes a list or a map or a string or bytes, not an int"),
        ('"a".contains(1)', "takes a string, not an int"),
        ("(1 + 1).contains('a')", "takes a string, not an int"),
        ("nope(1)", "unknown function 'nope'"),
    ],
)
def test_a_wrong_call_is_refused_when_compiled(value_of: Evaluate, source: str, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value_of(source, x="abc")
    assert part in caught.value.message


def test_a_regular_expression_that_ruins_others_takes_no_time(value_of: Evaluate) -> None:
    assert value_of('x.matches("^(a+)+$")', x="a" * 5_000 + "b") is False


def test_text_that_is_no_unicode_can_be_matched(value_of: Evaluate) -> None:
    assert value_of('x.matches("b$")', x="\ud800b") is True
