"""A list has so many items, and names nothing twice."""

from __future__ import annotations

import pytest

from cloudsealed.kit.shapes import FormError, Many, Number, Text, Texts

TEXTS = Texts(Text(), most=2)


@pytest.mark.parametrize(
    "value", [[], ["a", "b", "c"], ["a", 1], ["a", ""], "ab", {"a": 1}, [["a"]], None]
)
def test_a_list_has_one_to_so_many_texts(value: object) -> None:
    with pytest.raises(FormError, match="must be a list of 1 to 2 texts"):
        TEXTS.read(value, ("x",))


def test_a_list_names_nothing_twice() -> None:
    with pytest.raises(FormError, match="must not name anything twice"):
        TEXTS.read(["a", "a"], ("x",))
    assert TEXTS.read(["b", "a"], ("x",)) == ("b", "a")
    assert TEXTS.schema()["uniqueItems"] is True


def test_what_may_be_said_twice_counts_once() -> None:
    texts = Texts(Text(), most=3, distinct=False)
    assert texts.read(["b", "a", "b"], ("x",)) == ("b", "a")
    assert "uniqueItems" not in texts.schema()


def test_every_item_that_is_wrong_is_named_by_its_place() -> None:
    with pytest.raises(FormError) as caught:
        Many(Number(), distinct=True).read([1, 0, "x", 1], ("x",))
    assert [each.field for each in caught.value.every] == ["x[1]", "x[2]", "x[3]"]
