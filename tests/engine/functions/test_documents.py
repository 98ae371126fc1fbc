from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, ExpressionError, compile_expression

Evaluate = Callable[..., Any]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('get(x, "A.B", 0)', 1),
        ('get(x, "A", {})', {"B": 1, "N": None}),
        ('get(x, "A.C", 0)', 0),
        ('get(x, "Q.R.S", false)', False),
        ('get(x, "A.N", "none")', "none"),
        ('get(x, "A.N.Deeper", "none")', "none"),
        ('get({}, "A", null)', None),
    ],
)
def test_get_gives_the_value_or_the_default(value_of: Evaluate, source: str, value: object) -> None:
    assert value_of(source, x={"A": {"B": 1, "N": None}}) == value


@pytest.mark.parametrize("source", ['get(x, "L.A", 0)', 'get(x, "S.A", 0)', 'get(x.L, "A", 0)'])
def test_get_refuses_to_step_through_what_is_no_map(value_of: Evaluate, source: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(source, x={"L": [{"A": 1}], "S": "text"})


@pytest.mark.parametrize("source", ['get(x, "", 0)', 'get(x, "A..B", 0)', "get(x, x.p, 0)"])
def test_get_takes_a_literal_path(value_of: Evaluate, source: str) -> None:
    with pytest.raises(ExpressionError):
        value_of(source, x={})


@pytest.mark.parametrize(
    "tags",
    [
        [{"Key": "other", "Value": "a"}, {"Key": "env", "Value": "prod"}],
        [{"key": "env", "value": "prod"}],
        {"env": "prod", "other": "a"},
    ],
)
def test_tag_reads_every_shape_of_tags(value_of: Evaluate, tags: object) -> None:
    assert value_of("tag(x, 'env')", x={"Tags": tags}) == "prod"
    assert value_of("tag(x, 'owner')", x={"Tags": tags}) is None


@pytest.mark.parametrize("document", [{}, {"Tags": None}, {"Tags": []}, {"Tags": {}}])
def test_no_tags_are_no_error(value_of: Evaluate, document: object) -> None:
    assert value_of("tag(x, 'env')", x=document) is None


@pytest.mark.parametrize("tags", ["env=prod", 5, ["env"], [["env", "prod"]]])
def test_strange_tags_are_an_error(value_of: Evaluate, tags: object) -> None:
    with pytest.raises(EvaluationError):
        value_of("tag(x, 'env')", x={"Tags": tags})


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", ["a"]), (["a"], ["a"]), (None, []), ({"a": 1}, [{"a": 1}]), (0, [0]), ([], [])],
)
def test_as_list(value_of: Evaluate, value: object, expected: list[object]) -> None:
    assert value_of("as_list(x)", x=value) == expected


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-11-24T12:00:00Z", 0),
        ("2026-11-23T12:00:00Z", 1),
        ("2026-11-23T12:00:01Z", 0),
        ("2026-11-24T12:00:01Z", -1),
        ("2025-11-24T12:00:00Z", 365),
        ("2026-11-23T13:00:00+01:00", 1),
        ("2026-11-23t12:00:00.000z", 1),
        ("2026-11-23T12:00:00.000000000Z", 1),
    ],
)
def test_days_since_counts_whole_days(
    value_of: Evaluate, moment: str, days: int, now: datetime
) -> None:
    assert value_of("days_since(x)", x=moment) == days
    assert value_of("days_since(timestamp(x))", x=moment) == days


@pytest.mark.parametrize(
    "moment",
    [
        *("2026-11-23", "2026-11-23T12:00:00", "2026-W48-1T12:00:0Z", "2026-11-31T12:00:00Z"),
        *("2026-11-23 12:00:00Z", "20261123T120000Z", "2026-11-2\u0663T12:00:00Z", "", 5, None),
    ],
)
def test_days_since_refuses_what_is_no_time(value_of: Evaluate, moment: object) -> None:
    with pytest.raises(EvaluationError):
        value_of("days_since(x)", x=moment)


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("1.2.3", "1.2.3", 0),
        ("1.2", "1.10", -1),
        ("8.0", "8.0.0", 0),
        ("5.7.mysql_aurora.2.11.1", "5.7.mysql_aurora.2.9.0", 1),
        ("python3.9", "python3.12", -1),
        ("v1.29", "1.28", 1),
        ("1.0rc1", "1.0.1", -1),
        ("1.0.0+build7", "1.0.0", 0),
        ("14.9", "15", -1),
        ("", "1", -1),
    ],
)
def test_versions_compare_by_their_numbers(
    value_of: Evaluate, left: str, right: str, order: int
) -> None:
    assert value_of("version_compare(a, b)", a=left, b=right) == order
    assert value_of("version_compare(a, b)", a=right, b=left) == -order


def test_every_function_has_a_docstring() -> None:
    from cloudsealed.engine import FUNCTIONS

    assert [function.name for function in FUNCTIONS if not function.doc] == []


@pytest.mark.parametrize(
    "source",
    [
        *("tag(x, 1)", "days_since(x, 1)", "as_list()", "version_compare(x)", "get(x, 'a')"),
        *("cidr_is_any(true)", "port_in('22', 1, 2)", "policy_is_admin('a')", "glob_match(1, x)"),
    ],
)
def test_arity_and_kinds_of_literals_are_checked_when_compiled(source: str) -> None:
    with pytest.raises(ExpressionError):
        compile_expression(source, variables=["x"], expect="any")


@pytest.mark.parametrize(
    "text",
    [
        "User initiated (2026-01-02 03:04:05 GMT)",
        "User initiated (2026-01-02 03:04:05 UTC)",
        "at 2026-01-02T03:04:05.250Z, and again at 2026-01-02 03:04:05 UTC",
    ],
)
def test_time_in_finds_the_time_that_a_text_names(value_of: Evaluate, text: str) -> None:
    assert value_of("string(time_in(x))", x=text) == "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
        "2026-01-02 03:04:05",
        "2026-13-02 03:04:05 GMT",
        "2026-01-02 03:04:05 GMT or 2026-01-03 03:04:05 GMT",
    ],
)
def test_time_in_refuses_a_text_with_no_time_or_several(value_of: Evaluate, text: str) -> None:
    with pytest.raises(EvaluationError):
        value_of("time_in(x)", x=text)
