"""A body is read strictly: the first field that is wrong is named, with what it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudsealed.kit.errors import InvalidFieldError, MissingFieldError, UnknownFieldError
from cloudsealed.kit.fields import Fields


def one(value: Any) -> Fields:
    return Fields({"x": value}, ("x",))


def refused(read: Callable[[], object], kind: type[Exception]) -> dict[str, Any]:
    with pytest.raises(kind) as caught:
        read()
    (detail,) = caught.value.details  # type: ignore[attr-defined]  # all have them
    return dict(detail)


@pytest.mark.parametrize("body", [None, [], "x", 1, True])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refused(lambda: Fields(body, ("x",)), InvalidFieldError)["field"] == "body"


def test_a_field_that_is_not_known_is_named_with_the_closest_one_that_is() -> None:
    detail = refused(lambda: Fields({"sevrity": 1}, ("severity", "key")), UnknownFieldError)
    assert detail["field"] == "sevrity"
    assert detail["code"] == "unknown_field"
    assert "did you mean 'severity'?" in detail["message"]


def test_a_field_of_an_inner_object_is_named_with_its_path() -> None:
    inner = Fields({"x": 1}, ("x",), path="set")
    assert refused(lambda: inner.text("x"), InvalidFieldError)["field"] == "set.x"
    assert refused(lambda: inner.text("y"), MissingFieldError)["field"] == "set.y"
    with pytest.raises(InvalidFieldError, match=r"^set must be an object$"):
        Fields([], (), path="set")


@pytest.mark.parametrize("body", [{}, {"x": None}])
def test_what_is_absent_or_null_is_missing_where_it_is_needed_and_none_elsewhere(
    body: dict[str, None],
) -> None:
    fields = Fields(body, ("x",))
    assert refused(lambda: fields.text("x"), MissingFieldError)["code"] == "missing_field"
    assert refused(lambda: fields.texts("x", most=2, required=True), MissingFieldError)
    assert fields.optional_text("x") is None
    assert fields.texts("x", most=2) is None
    assert fields.mapping("x") is None
    assert fields.moment("x") is None
    assert fields.has("x") == ("x" in body)


@pytest.mark.parametrize("value", ["", "  ", "abcdef", 1, [], {}, True])
def test_a_text_has_one_to_so_many_characters(value: object) -> None:
    assert refused(lambda: one(value).text("x", longest=5), InvalidFieldError)["field"] == "x"
    assert one("abcde").text("x", longest=5) == "abcde"


@pytest.mark.parametrize("value", ["c", "A", "", 1, [], {}, ["a"]])
def test_a_choice_is_one_of_those_there_are(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="x must be one of: a, b"):
        one(value).text("x", choices=("a", "b"))
    assert one("b").text("x", choices=("a", "b")) == "b"


@pytest.mark.parametrize("value", [None, 0, 1, "true", []])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert refused(lambda: one(value).flag("x", default=True), InvalidFieldError)
    assert one(False).flag("x", default=True) is False
    assert Fields({}, ("x",)).flag("x", default=True) is True


@pytest.mark.parametrize(
    "value", [[], ["a", "b", "c"], ["a", 1], ["a", ""], "ab", {"a": 1}, [["a"]]]
)
def test_a_list_has_one_to_so_many_texts(value: object) -> None:
    with pytest.raises(InvalidFieldError, match="x must be a list of 1 to 2 texts"):
        one(value).texts("x", most=2)


def test_a_list_names_nothing_twice() -> None:
    with pytest.raises(InvalidFieldError, match="x must not name anything twice"):
        one(["a", "a"]).texts("x", most=2)
    assert one(["b", "a"]).texts("x", most=2) == ("b", "a")


@pytest.mark.parametrize("value", [[], "a", 1, False])
def test_an_object_is_an_object(value: object) -> None:
    assert refused(lambda: one(value).mapping("x"), InvalidFieldError)
    assert one({"a": 1}).mapping("x") == {"a": 1}


@pytest.mark.parametrize("value", ["2026-01-31", "2026-01-31T00:00:00", "no", "", 1, [], True])
def test_a_time_has_an_offset(value: object) -> None:
    assert refused(lambda: one(value).moment("x"), InvalidFieldError)["code"] == "invalid_field"


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_a_time_that_utc_cannot_name_is_refused(value: str) -> None:
    assert refused(lambda: one(value).moment("x"), InvalidFieldError)["field"] == "x"


def test_a_time_becomes_utc() -> None:
    assert one("2026-01-31T01:00:00+01:00").moment("x") == "2026-01-31T00:00:00.000Z"
