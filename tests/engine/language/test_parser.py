from __future__ import annotations

import pytest

from cloudsealed.engine import ExpressionError, compile_expression
from cloudsealed.engine.language.parser import parse
from cloudsealed.engine.language.syntax import Binary, Conditional, Logic, Negate, Not


def refusal(source: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(source, variables=["resource"], expect="any")
    return caught.value


@pytest.mark.parametrize(
    ("source", "line", "column", "end_column", "part"),
    [
        ("", 1, 1, 2, "unexpected end"),
        ("resource.x ==", 1, 14, 15, "unexpected end"),
        ("resource.x\n  && && true", 2, 6, 8, "unexpected '&&'"),
        ("resource.a = 1", 1, 12, 13, "did you mean '=='"),
        ("resource.a & true", 1, 12, 13, "did you mean '&&'"),
        ('resource.a == "abc', 1, 15, 19, "does not end"),
        (r'"a\q"', 1, 3, 5, "bad escape"),
        (r'"\ud800"', 1, 2, 8, "bad escape"),
        ("[1, 2", 1, 6, 7, "expected ']'"),
        ("resource.a)", 1, 11, 12, "unexpected ')'"),
        ("resource.1", 1, 9, 11, "unexpected '.1'"),
        ("resource.in", 1, 10, 12, "the name of a field"),
        ("for == 1", 1, 1, 4, "reserved word"),
        ("9223372036854775808", 1, 1, 20, "out of range"),
        ("18446744073709551616u", 1, 1, 22, "out of range"),
        ("has(resource)", 1, 1, 14, "has() takes one field"),
        ("resource.a.exists(1, true)", 1, 12, 27, "exists() takes a variable and a condition"),
        ("resource.a.map(x)", 1, 12, 18, "map() takes a variable and an expression"),
        ("Timestamp{a: 1}", 1, 1, 11, "messages are not supported"),
        ("size(resource,)", 1, 15, 16, "an argument"),
        ("é == 1", 1, 1, 2, "unexpected character"),
    ],
)
def test_a_wrong_text_is_refused_at_its_place(
    source: str, line: int, column: int, end_column: int, part: str
) -> None:
    error = refusal(source)
    assert (error.line, error.column, error.end_column) == (line, column, end_column)
    assert part in error.message
    assert str(error) == f"{line}:{column}: {error.message}"
    assert error.expression == source


def test_columns_count_characters_and_not_bytes() -> None:
    assert refusal('"é😀" == nope').column == 9


def test_an_error_has_a_code_and_a_suggestion() -> None:
    error = refusal("sise(resource)")
    assert error.code == "invalid_policy_expression"
    assert error.suggestion == "size"


def test_and_binds_tighter_than_or_and_both_are_flat() -> None:
    tree = parse("a || b && c && d || e")
    assert isinstance(tree, Logic)
    assert not tree.every
    assert len(tree.operands) == 3
    assert isinstance(tree.operands[1], Logic)
    assert len(tree.operands[1].operands) == 3


def test_arithmetic_binds_tighter_than_relations_and_to_the_left() -> None:
    tree = parse("1 - 2 - 3 * 4 == 5")
    assert isinstance(tree, Binary)
    assert tree.operator == "=="
    assert isinstance(tree.left, Binary)
    assert isinstance(tree.left.left, Binary)


def test_the_conditional_binds_to_the_right() -> None:
    tree = parse("a ? b : c ? d : e")
    assert isinstance(tree, Conditional)
    assert isinstance(tree.otherwise, Conditional)


def test_signs_and_nots_cancel_each_other() -> None:
    assert isinstance(parse("!!!a"), Not)
    assert not isinstance(parse("!!a"), Not)
    assert isinstance(parse("-a"), Negate)
    assert not isinstance(parse("--a"), Negate)


def test_comments_and_line_breaks_are_space() -> None:
    assert isinstance(parse("a // the first\n  == b // the second"), Binary)


def test_a_field_may_have_a_reserved_name_or_stand_in_backquotes() -> None:
    expression = compile_expression('resource.`a-b`.for == "x"', variables=["resource"])
    assert expression.reads == {("resource", "a-b", "for")}


@pytest.mark.parametrize(
    "source",
    [
        "(" * 41 + "true" + ")" * 41,
        "[" * 41 + "]" * 41,
        "!-" * 1_000 + "1",
        "1" + " + 1" * 50,
        "resource" + ".a" * 50,
        "true ? 1 : " * 41 + "2",
    ],
)
def test_deep_nesting_is_refused(source: str) -> None:
    assert "nested deeper than 40" in refusal(source).message


def test_long_chains_of_and_are_not_nesting() -> None:
    source = " && ".join(f"resource.a != {number}" for number in range(180))
    assert compile_expression(source, variables=["resource"]).reads


def test_a_text_over_the_limit_is_refused() -> None:
    assert "4,096" in refusal("1" + " " * 4_096).message


def test_too_many_loops_are_refused() -> None:
    loop = "resource.a.exists(x, x)"
    assert "at most 16 loops" in refusal(" || ".join([loop] * 17)).message


def test_loops_five_deep_are_refused_and_chains_are_not() -> None:
    nested = "true"
    for variable in "abcde":
        nested = f"resource.l.all({variable}, {nested})"
    assert "loops are nested deeper" in refusal(nested).message
    chained = "resource.l" + ".filter(x, true)" * 10 + ".size() > 0"
    assert compile_expression(chained, variables=["resource"])
