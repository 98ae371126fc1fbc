"""Patterns as sets, held equal to all short texts over a small alphabet."""

from __future__ import annotations

import fnmatch
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.engine import EvaluationError
from cloudsealed.engine.access.patterns import covers, is_any, surest, widest, within
from cloudsealed.engine.errors import BUDGET
from cloudsealed.engine.meter import Meter

ALPHABET = "abz"
"""`z` stands for the characters that no pattern names."""
WORDS = ["".join(word) for size in range(6) for word in itertools.product(ALPHABET, repeat=size)]
PATTERNS = st.text("ab*?", max_size=4)


def fits(pattern: str) -> frozenset[str]:
    matcher = re.compile(fnmatch.translate(pattern))
    return frozenset(word for word in WORDS if matcher.fullmatch(word))


@given(PATTERNS, st.text("ab", max_size=6))
def test_a_pattern_covers_what_a_shell_pattern_does(pattern: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert covers(Meter(), pattern, text) is expected


@given(st.lists(PATTERNS, max_size=2), st.lists(PATTERNS, max_size=3))
def test_a_set_is_empty_where_no_text_is_in_it(inside: list[str], outside: list[str]) -> None:
    sets = [fits(each) for each in inside] or [frozenset(WORDS)]
    left = frozenset.intersection(*sets).difference(*(fits(each) for each in outside))
    assert is_any(Meter(), (tuple(inside), tuple(outside))) is bool(left)


@pytest.mark.parametrize(
    ("pattern", "others", "is_within"),
    [
        ("s3:getobject", ["s3:get*"], True),
        ("s3:get*", ["s3:getobject"], False),
        ("s3:get*", ["s3:*object", "s3:get*"], True),
        ("s3:*", ["s3:?*", "s3:"], True),
        ("*a", ["?*"], True),
        ("*?", ["?*"], True),
        ("arn:aws:s3:::b/*", ["arn:aws:s3:::b"], False),
        ("*", ["arn:*"], False),
        ("a", [], False),
    ],
)
def test_within(pattern: str, others: list[str], is_within: bool) -> None:
    assert within(Meter(), pattern, others) is is_within


def test_what_a_variable_stands_for_is_anything_and_never_sure() -> None:
    pattern = "arn:aws:s3:::b/${aws:username}/*"
    assert widest(pattern) == "arn:aws:s3:::b/*/*"
    assert surest(pattern) is None


def test_a_written_star_is_the_character() -> None:
    pattern = widest("a${*}b${$}")
    assert covers(Meter(), pattern, "a*b$")
    assert not covers(Meter(), pattern, "axb$")
    assert surest("a${?}") == widest("a${?}")


def test_patterns_that_take_too_long_end_in_an_error() -> None:
    meter = Meter()
    with pytest.raises(EvaluationError, match="too many"):
        is_any(meter, (("*a" * 40, "*b" * 40), ("*ab*", "*ba*")))
    assert meter.left < BUDGET
