from __future__ import annotations

import pytest

from cloudsealed.engine import ExpressionError, compile_rule


def refusal(source: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_rule(fail_when=source, params={"days": 90, "on": True}, related=["groups"])
    return caught.value


@pytest.mark.parametrize(
    ("source", "column", "end_column", "suggestion"),
    [
        ("resorce.a == 1", 1, 8, "resource"),
        ("resource.a > params.dayz", 14, 25, "days"),
        ("sise(resource.a) > 1", 1, 17, "size"),
        ("resource.a.startswith('x')", 1, 27, "startsWith"),
        ("related.group.size() > 0", 9, 14, "groups"),
        ("resource.a.exists(x, y == 1)", 22, 23, None),
        ("nothing_like_it", 1, 16, None),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(
    source: str, column: int, end_column: int, suggestion: str | None
) -> None:
    error = refusal(source)
    assert (error.column, error.end_column, error.suggestion) == (column, end_column, suggestion)
    if suggestion:
        assert f"did you mean {suggestion!r}?" in error.message


def test_a_variable_of_a_loop_ends_with_it() -> None:
    assert refusal("resource.a.exists(x, x == 1) && x == 2").column == 33


def test_a_function_without_brackets_says_so() -> None:
    assert "needs its brackets" in refusal("size > 1").message


def test_the_condition_must_be_true_or_false() -> None:
    assert "must be true or false, and is an int" in refusal("params.days").message
    assert "must be true or false, and is a string" in refusal("'a' && true").message
    assert refusal("true && params.days").column == 9


def test_arithmetic_of_two_kinds_is_refused_when_both_are_known() -> None:
    assert "'+' cannot take an int and a string" in refusal("params.days + 'a' == 'b'").message


def test_fields_of_what_has_none_are_refused() -> None:
    assert "a list has no field 'a'" in refusal("[1].a == 1").message


def test_a_loop_may_hide_a_variable() -> None:
    rule = compile_rule(fail_when="resource.a.exists(resource, resource.b == 1)")
    assert rule.reads == {("resource", "a"), ("resource", "a", "b")}
