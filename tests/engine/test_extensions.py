"""The extensions that cel-cpp's binding lacks, and forms that no file of the specification has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, ExpressionError

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("[1, 2, 3, 4].slice(1, 3)", [2, 3]),
        ("[[1], [2, [3]], 4].flatten()", [1, 2, [3], 4]),
        ("[[1], [2, [3]], 4].flatten(2)", [1, 2, 3, 4]),
        (
            "[1, 1.0, 1u, true, 'a', 'a', null, null, [1], [1.0]].distinct()",
            [1, True, "a", None, [1]],
        ),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("['b', 'a'].sort() == ['a', 'b'] && [true, false].sort() == [false, true]", True),
        ("[{'n': 2}, {'n': 1}].sortBy(x, x.n).map(x, x.n)", [1, 2]),
        ("lists.range(3)", [0, 1, 2]),
        ("lists.range(0) == [] && lists.range(-1) == []", True),
        ("[1, 2].reverse()", [2, 1]),
        ("[1, 2].first().value() + [1, 2].last().value()", 3),
        ("[].first().hasValue() || [].last().hasValue()", False),
        ("sets.contains([1, 2, 3], [2.0, 3u]) && sets.contains([], [])", True),
        ("sets.contains([1, true], [1, true]) && !sets.contains([1], [true])", True),
        ("sets.contains([1], [1, 4])", False),
        ("sets.equivalent([1, 1, 2], [2u, 1.0])", True),
        ("sets.intersects([{'a': 1}], [{'a': 1.0}, 2])", True),
        ("sets.intersects([1.5], ['a'])", False),
        ("{1: 'a', true: 'b'}[true] + {1: 'a', true: 'b'}[1]", "ba"),
        ("{true: 1}.exists(k, k == true) && true in {true: 1} && !(1 in {true: 1})", True),
        ("{'a': 1}.transformMap(k, v, k + string(v)) == {'a': 'a1'}", True),
        ("[5, 6].transformList(i, x, i > 0, x + i)", [7]),
        ("string(cidr('10.1.2.3/8').masked()) + string(ip('::FFFF'))", "10.0.0.0/8::ffff"),
        ("isCIDR('10.0.0.0/33') || isCIDR('10.0.0.0/08') || isCIDR('10.0.0.0')", False),
        ("ip('255.255.255.255').isGlobalUnicast() || ip('224.0.0.1').isGlobalUnicast()", False),
        ("cel.bind(x, 1 / 0, true)", True),
        (
            "string(123456789.0) + ' ' + string(1e-7) + ' ' + string(100000.0)",
            "1.23456789e+08 1e-07 100000",
        ),
    ],
)
def test_an_extension_gives_what_it_says(value_of: Evaluate, source: str, value: object) -> None:
    found = value_of(source)
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    "source",
    [
        "[1, 2].slice(1, 3)",
        "[1, 2].slice(2, 1)",
        "[1].flatten(-1)",
        "[1, 'a'].sort()",
        "[1, 2u].sort()",
        "[[1], [2]].sort()",
        "[{'n': 1}].sortBy(x, x.m)",
        "{'a': 1, 'a': 2}",
        "[1].transformMap(i, x, x)[1]",
        "[1, 2].transformMapEntry(i, x, {'a': x})",
        "optional.none().value()",
        "[?1]",
        "dyn(1).orValue(2)",
        "cel.bind(x, 1 / 0, x)",
        "ip('10.0.0.256')",
        "cidr('10.0.0.0/-1')",
        "math.bitShiftLeft(1, -1)",
        "'%.101f'.format([1.0])",
        "'%d %d'.format([1])",
    ],
)
def test_what_an_extension_has_no_value_for_is_an_error(value_of: Evaluate, source: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(source)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("math.foo(1)", "unknown function 'math.foo'"),
        ("math.absolute(1)", "unknown function 'math.absolute'"),
        ("cel.bind(1, 2, 3)", "is written as cel.bind(x, value, ...)"),
        ("[1].transformList(x, x)", "takes two variables and an expression"),
        ("[1].all(i, i, true)", "is written as list.all(i, x, ...)"),
        ("optional.of(1).optMap(x)", "is written as optional.optMap(x, ...)"),
        ("sets.contains([1])", "takes 2 arguments, not 1"),
        ("a.?", "expected the name of a field"),
        ("f(?a)", "unexpected '?'"),
    ],
)
def test_a_wrong_form_is_refused_when_compiled(value_of: Evaluate, source: str, part: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value_of(source, a=1)
    assert part in caught.value.message
