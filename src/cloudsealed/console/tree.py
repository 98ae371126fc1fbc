"""A document as a tree that opens without a script; what decided a verdict is marked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

_MOST = 5_000  # nodes; a document of more is shown in part, and says so
_OPEN = 2  # levels that are open at first
_DEEPEST = 50  # levels; what lies deeper is left out, and the tree says so
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
    is_found: bool = False
    is_open: bool = False

    @property
    def size(self) -> int:
        """How many children it has."""
        return len(self.children)


@dataclass(frozen=True, slots=True)
class Tree:
    """A document; `is_whole` false when nodes were left out, `hits` how many match."""

    nodes: list[Node]
    is_whole: bool
    hits: int = 0


def tree(document: Any, marked: Collection[str] = (), sought: str = "") -> Tree:
    """Return a document's tree; what stands at a marked path, as evidence writes it, is marked, and
    what leads there is open. So is what has `sought` in its key or value, letter case aside: of a
    document that is too long, nothing else is left."""
    found = _tree(document, marked, sought, only=False)
    if sought and not found.is_whole:
        return _tree(document, marked, sought, only=True)
    return found


def _tree(document: Any, marked: Collection[str], sought: str, *, only: bool) -> Tree:
    grower = _Grower(frozenset(marked), sought.casefold(), only, _MOST)
    root = grower.node("", "", document, 0)
    nodes = root.children or [root]
    return Tree(nodes, grower.left > 0 and not (only or grower.is_cut), grower.hits)


@dataclass(slots=True)
class _Grower:
    """Makes nodes, `left` of them at most; `only` those that lead to what is sought."""

    marked: frozenset[str]
    sought: str
    only: bool
    left: int
    hits: int = 0
    is_cut: bool = False

    def node(self, key: str, path: str, value: Any, depth: int) -> Node:
        self.left -= 1
        is_plain = not isinstance(value, dict | list) or not value
        found = Node(key, path, _text(value) if is_plain else None, _kind(value))
        if depth > _DEEPEST:
            self.is_cut = True
            return found
        found.is_marked = path in self.marked and path != ""
        found.is_found = self._has(found)
        self.hits += found.is_found
        if not is_plain:
            self._grow(found, value, depth)
        return found

    def _grow(self, found: Node, value: Any, depth: int) -> None:
        for name, item, below in _items(value, found.path):
            if self.left <= 0:
                break
            if self.only and not self._leads(name, item, depth + 1):
                continue
            found.children.append(self.node(name, below, item, depth + 1))
        inner = any(each.is_marked or each.is_found for each in found.children)
        opened = any(each.is_open and depth for each in found.children)
        found.is_open = (depth < _OPEN and not self.sought) or opened or inner

    def _has(self, node: Node) -> bool:
        return bool(self.sought) and (
            self.sought in node.key.casefold() or self.sought in (node.text or "").casefold()
        )

    def _leads(self, name: str, value: Any, depth: int) -> bool:
        if self.sought in name.casefold():
            return True
        if isinstance(value, dict | list) and value:
            below = depth + 1
            return depth <= _DEEPEST and any(
                self._leads(key, item, below) for key, item, _path in _items(value, "")
            )
        return self.sought in _text(value).casefold()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


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
    if isinstance(value, dict | list) and value:
        return "list" if isinstance(value, list) else "map"
    if isinstance(value, bool):
        return "flag"
    if value is None or value in ({}, []):
        return "none"
    return "number" if isinstance(value, int | float) else "text"
