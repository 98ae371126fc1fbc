"""A document as a tree: what is open, marked and found, and what a long one leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudsealed.console import tree as module
from cloudsealed.console.tree import Node, tree

DOCUMENT: dict[str, Any] = {
    "Name": "web",
    "Deep": {"er": [{"still": {"Port": 22, "a b": None}}]},
    "Empty": {},
}


def nodes(found: list[Node]) -> Iterator[Node]:
    for node in found:
        yield node
        yield from nodes(node.children)


def test_every_value_stands_at_its_path() -> None:
    found = {node.path: node.text for node in nodes(tree(DOCUMENT).nodes) if not node.children}
    assert found == {
        "Name": "web",
        "Deep.er[0].still.Port": "22",
        'Deep.er[0].still["a b"]': "null",
        "Empty": "{}",
    }


def test_what_is_marked_or_found_is_open_down_to_it_and_nothing_else() -> None:
    marked = tree(DOCUMENT, {"Deep.er[0].still.Port"})
    assert [n.path for n in nodes(marked.nodes) if n.is_marked] == ["Deep.er[0].still.Port"]
    assert all(n.is_open for n in nodes(marked.nodes) if n.children)
    found = tree(DOCUMENT, sought="pORT")
    assert (found.hits, found.is_whole) == (1, True)
    assert [n.path for n in nodes(found.nodes) if n.is_found] == ["Deep.er[0].still.Port"]
    assert all(n.is_open for n in nodes(found.nodes) if n.children)
    none = tree(DOCUMENT, sought="absent")
    assert none.hits == 0
    assert not any(n.is_open for n in nodes(none.nodes))


def test_a_document_that_is_too_deep_is_shown_as_far_as_it_goes() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"in": deep}
    for found in (tree(deep), tree(deep, sought="bottom"), tree(deep, sought="in")):
        assert not found.is_whole
        assert len(list(nodes(found.nodes))) <= 60


def test_a_document_that_is_too_long_still_shows_what_is_sought(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_MOST", 20)
    long = {"Items": [{"id": n, "tag": "last" if n == 99 else "x"} for n in range(100)]}
    assert not tree(long).is_whole
    found = tree(long, sought="LAST")
    assert (found.hits, found.is_whole) == (1, False)
    assert [n.path for n in nodes(found.nodes)] == ["Items", "Items[99]", "Items[99].tag"]
