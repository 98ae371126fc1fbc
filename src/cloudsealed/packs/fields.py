"""Typed reading of one mapping of a file. It refuses unknown, missing and mistyped fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import yaml

from cloudsealed.packs.document import Document, nearest

IDENTIFIER = "[a-z][a-z0-9_]*"

Choice = TypeVar("Choice", bound=StrEnum)


class Fields:
    """The fields of one mapping; every accessor raises PolicyFileError at the field's place."""

    def __init__(self, document: Document, node: yaml.Node, known: Sequence[str]) -> None:
        if not isinstance(node, yaml.MappingNode):
            document.fail(node, "must be a mapping")
        self.document = document
        self.node = node
        self.nodes: dict[str, yaml.Node] = {key.value: value for key, value in node.value}
        for key, _ in node.value:
            if key.value not in known:
                document.fail(key, f"unknown field {key.value!r}", nearest(key.value, known))

    def __contains__(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self.nodes

    def at(self, name: str) -> yaml.Node:
        """Return the node of a field that must be there."""
        if name not in self.nodes:
            self.document.fail(self.node, f"missing field {name!r}")
        return self.nodes[name]

    def text(self, name: str, pattern: str | None = None) -> str:
        """Return a string that is not blank and, if `pattern` is given, matches all of it."""
        return self._text(self.at(name), name, pattern)

    def optional_text(self, name: str, pattern: str | None = None) -> str | None:
        """Return `text(name)`, or None when the field is absent."""
        return self.text(name, pattern) if name in self else None

    def texts(self, name: str, pattern: str | None = None) -> tuple[str, ...]:
        """Return a list of distinct strings; () when the field is absent."""
        found: list[str] = []
        for item in self.items(name):
            text = self._text(item, f"each of {name}", pattern)
            if text in found:
                self.document.fail(item, f"{text!r} is twice in {name}")
            found.append(text)
        return tuple(found)

    def number(self, name: str, default: int) -> int:
        """Return an integer of at least 1, or the default when the field is absent."""
        value = self.document.value(self.at(name)) if name in self else default
        if type(value) is not int or value < 1:
            self.document.fail(self.at(name), f"{name} must be an integer of at least 1")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false when the field is absent."""
        value = self.document.value(self.at(name)) if name in self else False
        if not isinstance(value, bool):
            self.document.fail(self.at(name), f"{name} must be true or false")
        return value

    def choice(self, name: str, words: type[Choice]) -> Choice:
        """Return one of the words of an enumeration."""
        return words(self.one_of(name, [word.value for word in words]))

    def one_of(self, name: str, words: Sequence[str]) -> str:
        """Return a string out of `words`."""
        text = self.text(name)
        if text not in words:
            message = f"{name} must be one of: {', '.join(words)}"
            self.document.fail(self.at(name), message, nearest(text, words))
        return text

    def mapping(self, name: str) -> dict[str, Any]:
        """Return a mapping of JSON values that must be there."""
        node = self.at(name)
        if not isinstance(node, yaml.MappingNode):
            self.document.fail(node, f"{name} must be a mapping")
        value: dict[str, Any] = self.document.value(node)
        return value

    def items(self, name: str) -> list[yaml.Node]:
        """Return the nodes of a list; [] when the field is absent."""
        node = self.nodes.get(name)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.document.fail(node, f"{name} must be a list")
        return list(node.value)

    def entries(self, name: str) -> Iterator[tuple[str, yaml.Node]]:
        """Yield names and nodes of a mapping of identifiers; nothing when the field is absent."""
        node = self.nodes.get(name)
        if node is not None and not isinstance(node, yaml.MappingNode):
            self.document.fail(node, f"{name} must be a mapping")
        for key, value in node.value if node is not None else ():
            if not re.fullmatch(IDENTIFIER, key.value):
                self.document.fail(key, f"a name in {name} must match {IDENTIFIER}")
            yield key.value, value

    def below(self, name: str, known: Sequence[str]) -> Fields:
        """Return the fields of a mapping that must be there."""
        return Fields(self.document, self.at(name), known)

    def each(self, name: str, known: Sequence[str]) -> list[Fields]:
        """Return the fields of each mapping of a list."""
        return [Fields(self.document, item, known) for item in self.items(name)]

    def _text(self, node: yaml.Node, name: str, pattern: str | None) -> str:
        value = self.document.value(node)
        if not isinstance(value, str) or not value.strip():
            self.document.fail(node, f"{name} must be a string that is not blank")
        if pattern is not None and not re.fullmatch(pattern, value):
            self.document.fail(node, f"{name} must match {pattern}, not {value!r}")
        return value
