"""The documents of a YAML text, as kubectl reads them: dates and `=` are texts, and so are numbers
to the base of 60, which YAML 1.1 has and nobody means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SIXTY = re.compile(r"[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?")
_NO_TAGS = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"})


class _Texts(_Loader):  # type: ignore[misc]
    """A loader to which dates are texts."""

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in found if tag not in _NO_TAGS]
        for first, found in _Loader.yaml_implicit_resolvers.items()
    }


def _number(loader: Any, node: Any) -> Any:
    if _SIXTY.fullmatch(node.value):
        return node.value
    made = _Loader.construct_yaml_int if node.tag.endswith(":int") else _Loader.construct_yaml_float
    return made(loader, node)


_Texts.add_constructor("tag:yaml.org,2002:int", _number)
_Texts.add_constructor("tag:yaml.org,2002:float", _number)


def documents(content: bytes, tell: Callable[[str], None]) -> Iterator[Any]:
    """Yield the documents of a text; raises yaml.YAMLError, ValueError and RecursionError.

    `tell` is told where in the text a key is said twice: `line:column: …`.
    """
    loader = _Texts(content)
    try:
        while loader.check_node():
            node = loader.get_node()
            for mark, key in _twice(node):
                tell(f"{mark.line + 1}:{mark.column + 1}: {key} is said twice: the last is judged")
            yield loader.construct_document(node)
    finally:
        loader.dispose()


def _twice(root: Any) -> Iterator[tuple[Any, str]]:
    """Yield the keys that a map of a document has twice, and where."""
    left, met = [root], set()
    while left:
        node = left.pop()
        if id(node) in met:
            continue
        met.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        if not isinstance(node, yaml.MappingNode):
            continue
        seen = set()
        for key, value in node.value:
            left += (key, value)
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if key.value in seen:
                    yield key.start_mark, key.value
                seen.add(key.value)
