from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        # A bool is no number.
        ("x.t == 1", False),
        ("x.f == 0", False),
        ("x.t != 1", True),
        ("x.one == true", False),
        ("x.t in [1, 2]", False),
        ("x.one in [true]", False),
        ("[true] == [1]", False),
        ('{"a": true} == {"a": 1}', False),
        ("x.t == x.one", False),
        # Numbers are compared as numbers.
        ("x.one == 1.0", True),
        ("1u == 1 && 1 < 1.5 && 2u > 1.5", True),
        ("x.one in [1.0]", True),
        # An int and a double are compared as doubles, though that loses digits.
        ("9007199254740993 == 9007199254740992.0", True),
        ("x.large == 9007199254740992.0 && x.large in [9007199254740992.0]", True),
        ("9007199254740993.0 <= 9007199254740992 && 9007199254740993 != 9007199254740992", True),
        # Values of different kinds differ, without an error.
        ('x.one == "1"', False),
        ("x.list == x.map", False),
        ("x.nil == false", False),
        ("x.nil == null", True),
        # Text is no list.
        ("size('é😀')", 2),
        ('"a" in ["abc"]', False),
        # Whole numbers truncate towards zero.
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("-9223372036854775808 + 0", -(2**63)),
        ("1.5 / 0.0", math.inf),
        ("[1, 2] + [3]", [1, 2, 3]),
        ("x.list[0]", "a"),
        ("x.list[1.0]", "b"),
        ('x.map["k"]', "v"),
        ('{1: "int", "1": "text"}[1u]', "int"),
        ("{true: 1}[true]", 1),
        ('"k" in x.map', True),
        ("has(x.map.k) && !has(x.map.q)", True),
        ("has(x.nil)", True),
        ('"a" < "b" && false < true && b"a" < b"b"', True),
        ("x.map.map(k, k)", ["k"]),
    ],
)
def test_an_operator_has_the_value_of_the_language(
    value_of: Evaluate, source: str, value: object
) -> None:
    document = {
        "t": True,
        "f": False,
        "one": 1,
        "large": 2**53 + 1,
        "nil": None,
        "list": ["a", "b"],
        "map": {"k": "v"},
    }
    found = value_of(source, x=document)
    assert found == value
    assert found.__class__ is value.__class__


@pytest.mark.parametrize(
    "source",
    [
        "x.t < 2",
        "x.t + 1 == 2",
        "-x.t == -1",
        "x.s < 1",
        "x.s + 1 == 1",
        "x.s[0] == 'a'",
        "x.s.exists(c, c == 'a')",
        "x.s in x.s",
        "'a' in x.s",
        "x.list[-1] == 'b'",
        "x.list[2] == 'b'",
        "x.list['0'] == 'a'",
        "x.list[0.5] == 'a'",
        "x.list[x.t] == 'b'",
        "x.list.k == 'a'",
        "has(x.list.k)",
        "has(x.s.k)",
        "has(x.q.k)",
        "x.q == 1",
        "x.nil.a == 1",
        "x.big + 1 > 0",
        "-x.small > 0",
        "x.small - 1 < 0",
        "x.big * 2 > 0",
        "x.small / -1 > 0",
        "x.small % -1 == 0",
        "1u - 2u == 0u",
        "x.one + 1.0 == 2.0",
        "x.one + 1u == 2u",
        "1 / (x.one - 1) == 0",
        "1 % (x.one - 1) == 0",
        "x.list in x.map",
        '{"a": 1, "a": 2} == {}',
        "{null: 1} == {}",
        "x.list < x.list",
        "x.map + x.map == x.map",
        "!x.s",
        "x.s && true",
        "x.one ? true : false",
        "x.list.all(e, e)",
        "size(x.one) == 1",
    ],
)
def test_what_has_no_meaning_is_an_error(value_of: Evaluate, source: str) -> None:
    document = {
        "t": True,
        "one": 1,
        "s": "abc",
        "nil": None,
        "big": 2**63 - 1,
        "small": -(2**63),
        "list": ["a", "b"],
        "map": {"k": "v"},
    }
    with pytest.raises(EvaluationError):
        value_of(source, x=document)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("x.q || true", True),
        ("true || x.q", True),
        ("x.q && false", False),
        ("(x.q || x.r) || true", True),
        ("[1, 2].exists(e, e == 1 ? x.q : true)", True),
        ("[1, 2].all(e, e == 1 ? x.q : false)", False),
        ("true ? 1 : x.q", 1),
    ],
)
def test_a_decided_result_absorbs_errors(value_of: Evaluate, source: str, value: object) -> None:
    assert value_of(source, x={}) == value


@pytest.mark.parametrize(
    "source",
    [
        "x.q || false",
        "x.q && true",
        "x.q ? true : true",
        "[1, 2].exists(e, e == 1 ? x.q : false)",
        "[1, 2].exists_one(e, e == 1 ? x.q : true)",
        "[1, 2].filter(e, e == 1 ? x.q : true).size() > 0",
    ],
)
def test_an_undecided_result_keeps_the_error(value_of: Evaluate, source: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(source, x={})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("[1, 2, 3].filter(e, e > 1)", [2, 3]),
        ("[1, 2, 3].map(e, e * 2)", [2, 4, 6]),
        ("[1, 2, 3].map(e, e > 1, e * 2)", [4, 6]),
        ("[1, 2, 3].exists_one(e, e > 2)", True),
        ("[1, 2, 3].exists_one(e, e > 1)", False),
        ("[].exists(e, true)", False),
        ("[].all(e, false)", True),
        ("[[1], [2, 3]].exists(e, e.exists(e, e == 3))", True),
        ("[1, 2].map(a, [3].map(b, a + b))", [[4], [5]]),
    ],
)
def test_loops_and_their_variables(value_of: Evaluate, source: str, value: object) -> None:
    assert value_of(source) == value
