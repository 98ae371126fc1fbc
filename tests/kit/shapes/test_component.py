"""What a document names is referred to by its name, and what goes away is found at any depth."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.shapes import (
    Choice,
    Component,
    Many,
    Part,
    Path,
    Record,
    Shape,
    Text,
    components_of,
    deprecations_of,
    deprecations_used,
)

OLD = Deprecation(date(2026, 1, 1), "use `new`", date(2027, 7, 1))
OLDER = Deprecation(date(2025, 1, 1), "use `newer`")
NAME = Component("Name", Text(longest=9), "A name.", ("a",))
INNER = Component("Inner", Record({"old": Part(NAME, "Old.", deprecated=OLD)}), "Inside.")
OUTER = Component(
    "Outer",
    Record({"older": Part(Text(), deprecated=OLDER), "many": Part(Many(INNER)), "new": Part(NAME)}),
    "Outside.",
)


def _chosen(value: Any, _at: Path) -> Shape:
    return NAME if isinstance(value, str) else INNER


def test_a_component_is_said_once_and_referred_to_by_its_name() -> None:
    found = components_of(OUTER, INNER)
    assert list(found) == ["Inner", "Name", "Outer"]
    assert found["Name"]["description"] == "A name."
    assert found["Name"]["examples"] == ["a"]
    reference = {"$ref": "#/components/schemas/Inner"}
    assert found["Outer"]["properties"]["many"]["items"] == reference
    null = {"type": "null"}
    named = {"$ref": "#/components/schemas/Name"}
    assert found["Outer"]["properties"]["new"]["anyOf"] == [named, null]


def test_two_shapes_of_one_name_are_refused() -> None:
    with pytest.raises(AssertionError, match="two shapes are Name"):
        components_of(NAME, Component("Name", Text(longest=8), "A name.", ("a",)))
    assert list(components_of(NAME, Component("Name", Text(longest=9), "A name.", ("a",))))


def test_a_choice_reads_by_the_shape_that_was_chosen() -> None:
    choice = Choice((NAME, INNER), _chosen)
    assert choice.read("a", ()) == "a"
    assert choice.read({"old": "b"}, ()) == {"old": "b"}
    assert [each["$ref"][21:] for each in choice.schema()["anyOf"]] == ["Name", "Inner"]
    assert list(components_of(choice)) == ["Inner", "Name"]


def test_a_deprecation_is_found_where_a_value_has_its_field_at_any_depth() -> None:
    assert list(deprecations_used(OUTER, {"new": "x", "many": None})) == []
    assert list(deprecations_used(OUTER, {"many": [{}, {"old": "b"}]})) == [OLD]
    assert list(deprecations_used(OUTER, {"older": None})) == [OLDER]
    assert list(deprecations_used(OUTER, None)) == []
    assert list(deprecations_used(OUTER, {"many": 3})) == []
    assert sorted(each.text for each in deprecations_of(OUTER)) == sorted([OLD.text, OLDER.text])


def test_the_schema_of_a_field_says_that_it_is_deprecated_and_until_when() -> None:
    said = components_of(OUTER)
    shown = said["Inner"]["properties"]["old"]
    assert (shown["deprecated"], shown["x-sunset"]) == (True, "2027-07-01")
    assert shown["description"] == f"Old. {OLD.text}"
    assert "x-sunset" not in said["Outer"]["properties"]["older"]
