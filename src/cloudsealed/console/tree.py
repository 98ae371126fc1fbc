"""A document as a tree that opens without a script; what decided a verdict is marked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

_MOST = 5_000  # nodes; a document of more is shown in part, and says so
_OPEN = 2  # levels that are open at first
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Node:
    """One value: its key, its path in the document, its text if it is plain, else its children."""

    key: str
    path: str
    text: str | None
    kind: str
    children: list[Node] = field(default_factory=list)
    is_marked: bool = False
    is_open: bool = False

    @property
    def size(self) -> int:
        """How many children it has."""
        return len(self.children)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document; `is_whole` false when nodes were left out."""

    nodes: list[Node]
    is_whole: bool


def tree(document: Any, marked: Collection[str] = ()) -> Tree:
    """Return a document's tree; what stands at a marked path, as evidence writes it, is marked, and
    what leads there is open."""
    left = [_MOST]
    root = _node("", "", document, frozenset(marked), 0, left)
    return Tree(root.children or [root], left[0] > 0)


def _node(
    key: str, path: str, value: Any, marked: frozenset[str], depth: int, left: list[int]
) -> Node:
    left[0] -= 1
    is_marked = path in marked and path != ""
    if not isinstance(value, dict | list) or not value:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return Node(key, path, text, _kind(value), is_marked=is_marked)
    found = Node(key, path, None, "list" if isinstance(value, list) else "map")
    found.is_marked = is_marked
    for name, item, below in _items(value, path):
        if left[0] <= 0:
            break
        found.children.append(_node(name, below, item, marked, depth + 1, left))
    found.is_open = depth < _OPEN or any(each.is_open and depth for each in found.children)
    found.is_open = found.is_open or any(each.is_marked for each in found.children)
    return found


def _items(value: Any, path: str) -> Iterator[tuple[str, Any, str]]:
    if isinstance(value, list):
        yield from ((str(n), item, f"{path}[{n}]") for n, item in enumerate(value))
        return
    for name, item in value.items():
        if _PLAIN.fullmatch(name):
            yield name, item, f"{path}.{name}" if path else name
        else:
            yield name, item, f"{path}[{orjson.dumps(name).decode()}]"


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    if value is None or value in ({}, []):
        return "none"
    return "number" if isinstance(value, int | float) else "text"
