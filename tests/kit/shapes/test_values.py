"""A value is read strictly, and its schema says of it what its reader does."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cloudsealed.kit.shapes import (
    Anything,
    Flag,
    FormError,
    Free,
    Ident,
    Moment,
    Number,
    Shape,
    Text,
    Word,
    words,
)


class Only(StrEnum):
    A = "a"


def refused(shape: Shape, value: Any) -> str:
    with pytest.raises(FormError) as caught:
        shape.read(value, ("x",))
    assert caught.value.field == "x"
    return caught.value.message


@pytest.mark.parametrize(
    ("shape", "taken", "others"),
    [
        (Text(longest=5), ["abcde", " a"], ["", "  ", "abcdef", 1, [], {}, True, None]),
        (Text("[a-z]+"), ["abc"], ["A", "abc ", "", 1]),
        (Word(("a", "b")), ["a", "b"], ["c", "A", "", 1, [], {}, ["a"], None]),
        (Flag(), [True, False], [None, 0, 1, "true", []]),
        (Number(0, 5), [0, 5], [-1, 6, True, "1", None, []]),
        (Number(), [1, 2**62], [0, -1, False, "1"]),
        (Free(), [{}, {"a": [1]}], [[], "a", 1, False, None]),
        (Anything(), [None, 1, "a", [], {}], []),
    ],
)
def test_a_reader_and_a_schema_take_the_same(
    shape: Shape, taken: list[Any], others: list[Any]
) -> None:
    schema = Draft202012Validator(shape.schema())
    for value in taken:
        assert shape.read(value, ()) == value
        assert schema.is_valid(value)
    for value in others:
        refused(shape, value)
        assert not schema.is_valid(value)


def test_an_error_says_what_is_taken() -> None:
    assert "1 to 5 characters" in refused(Text(longest=5), "abcdef")
    assert refused(Text("[a-z]+", says="must be small"), "A") == "must be small"
    assert refused(Word(("a", "b")), "c") == "must be one of: a, b"
    assert refused(Number(0, 5), 6) == "must be a whole number from 0 to 5"


@pytest.mark.parametrize("value", ["2026-01-31", "2026-01-31T00:00:00", "no", "", 1, [], True])
def test_a_time_has_an_offset(value: object) -> None:
    assert "RFC 3339" in refused(Moment(), value)


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_utc_cannot_name_is_refused(value: str) -> None:
    assert "RFC 3339" in refused(Moment(), value)


def test_a_time_becomes_utc() -> None:
    assert Moment().read("2026-01-31T01:00:00+01:00", ()) == "2026-01-31T00:00:00.000Z"


def test_an_id_of_another_form_is_left_to_the_noun_which_knows_that_it_names_nothing() -> None:
    assert Ident("fnd").read("no such id", ()) == "no such id"
    schema = Draft202012Validator(Ident("fnd").schema())
    assert schema.is_valid("fnd_01J8ZQ4X7M2N5P8R1T4V6W9YAC")
    assert not schema.is_valid("no such id")


def test_an_enumeration_that_has_one_word_so_far_is_still_one() -> None:
    assert words(Only).schema() == {"type": "string", "enum": ["a"]}
    assert words((Only.A,)).schema() == {"type": "string", "const": "a"}
