"""A body is read by its shape: what is wrong is named by field, with a stable code."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import (
    Flag,
    FormError,
    Many,
    Number,
    Part,
    Record,
    Shape,
    Text,
    read_body,
    words,
)

INNER = Record({"x": Part(Text(), needed=True)})
BODY = Record(
    {
        "name": Part(Text(longest=5), needed=True),
        "severity": Part(words(("low", "high"))),
        "enabled": Part(Flag(), default=True),
        "seconds": Part(Number(0, 9), default=0, told=True),
        "set": Part(INNER),
        "many": Part(Many(INNER)),
        "said": Part(Text(), stated=True),
    }
)
RIGHT = {"name": "a", "said": None}


def refused(shape: Shape, body: Any, at: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return the field and the code of each detail, which are the error's own."""
    with pytest.raises(CloudSealedError) as caught:
        read_body(shape, body, at)
    found = [(str(each["field"]), str(each["code"])) for each in caught.value.details]
    assert (caught.value.status, caught.value.code) == (422, found[0][1])
    assert caught.value.message == caught.value.details[0]["message"]
    return found


@pytest.mark.parametrize("body", [None, [], "x", 1, True])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    assert refused(BODY, body) == [("body", "invalid_field")]
    assert refused(BODY, body, ("audit",)) == [("audit", "invalid_field")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"said": None}, [("name", "missing_field")]),
        ({**RIGHT, "name": None}, [("name", "missing_field")]),
        ({"name": "a"}, [("said", "missing_field")]),
        ({**RIGHT, "name": 1}, [("name", "invalid_field")]),
        ({**RIGHT, "enabled": None}, [("enabled", "invalid_field")]),
        ({**RIGHT, "seconds": None}, [("seconds", "invalid_field")]),
        ({**RIGHT, "sevrity": "low"}, [("sevrity", "unknown_field")]),
        ({**RIGHT, "set": {"y": 1, "x": "a"}}, [("set.y", "unknown_field")]),
        ({**RIGHT, "set": {}}, [("set.x", "missing_field")]),
        ({**RIGHT, "set": []}, [("set", "invalid_field")]),
        ({**RIGHT, "many": [{"x": "a"}, {"x": 1}]}, [("many[1].x", "invalid_field")]),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    body: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert refused(BODY, body) == expected


WRONG = {"name": 1, "severity": "hihg", "colour": "red", "set": {"x": 2}}


def test_the_first_that_is_wrong_is_named_and_what_is_not_known_before_all() -> None:
    assert refused(BODY, WRONG) == [("colour", "unknown_field")]
    assert refused(BODY, {"severity": "hihg", "name": 1}) == [("name", "invalid_field")]


def test_who_asks_a_shape_gets_everything_that_is_wrong() -> None:
    with pytest.raises(FormError) as caught:
        BODY.read(WRONG)
    assert [each.field for each in caught.value.every] == [
        *("colour", "name", "severity", "set.x", "said")
    ]


@pytest.mark.parametrize(
    ("body", "meant"),
    [({**RIGHT, "sevrity": "low"}, "severity"), ({**RIGHT, "severity": "hihg"}, "high")],
)
def test_what_was_probably_meant_is_said(body: dict[str, Any], meant: str) -> None:
    with pytest.raises(CloudSealedError, match=f"did you mean '{meant}'\\?"):
        read_body(BODY, body)


def test_what_is_left_out_has_its_default_and_null_says_the_same() -> None:
    found = read_body(BODY, {**RIGHT, "severity": None, "set": None})
    assert found == {
        "name": "a",
        "severity": None,
        "enabled": True,
        "seconds": 0,
        "set": None,
        "many": None,
        "said": None,
    }


def test_of_a_change_only_what_is_there_is_read() -> None:
    named = Record({name: BODY.parts[name] for name in ("name", "severity")}, change=True)
    assert read_body(named, {}) == {}
    assert read_body(named, {"severity": None}) == {"severity": None}
    assert refused(named, {"name": None}) == [("name", "missing_field")]
    assert "required" not in named.schema()


def test_an_open_record_leaves_out_what_it_does_not_know() -> None:
    assert Record(INNER.parts, is_open=True).read({"x": "a", "y": 1}) == {"x": "a"}
