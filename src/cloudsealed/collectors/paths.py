"""Paths into documents: JMESPath to read, and a plain dotted form (`a.b[].c`) to rewrite.

It refuses to evaluate anything that comes from a customer: every path stands in a row of ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jmespath
from jmespath import functions

Rewrite = Callable[[Any, Mapping[str, Any], str], Any]
"""Gets a value, the mapping that holds it and its name there; returns the new value."""

_STEP = re.compile(r"([^.\[\]]+)(\[(\?.*?)?\](?=\.|$))?(?:\.|$)")
_NAME = re.compile(r"'[^']*'|`[^`]*`|([A-Za-z_]\w*)")


class _Functions(functions.Functions):  # type: ignore[misc]  # untyped
    @functions.signature({"types": []})  # type: ignore[untyped-decorator]  # jmespath's
    def _func_last_segment(self, text: Any) -> Any:
        return text.rsplit("/", 1)[-1] if isinstance(text, str) else text


_OPTIONS = jmespath.Options(custom_functions=_Functions())


@cache
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def read(expression: str, document: Any) -> Any:
    """Return what the JMESPath `expression` finds; None where there is nothing.

    Beside the standard functions, `last_segment(text)` is what follows the last slash.
    """
    return _compiled(expression).search(document, options=_OPTIONS)


@cache
def names_in(expression: str) -> frozenset[str]:
    """Return every bare name in a JMESPath: more than it reads at the top, never less."""
    return frozenset(match[1] for match in _NAME.finditer(expression) if match[1])


def rewritten(document: Any, path: str, change: Rewrite) -> Any:
    """Return `document` with every value at `path` changed; the given one stays as it was.

    A path that leads nowhere changes nothing. Of a list `a[]` is every item, `a[?JMESPath]` every
    one of which that is true.
    """
    name, listed, chosen, rest = _step(path)
    if not isinstance(document, dict) or name not in document:
        return document

    def changed(value: Any) -> Any:
        return rewritten(value, rest, change) if rest else change(value, document, name)

    held = document[name]
    if not listed:
        return document | {name: changed(held)}
    return (
        document | {name: [changed(each) if _is(chosen, each) else each for each in held]}
        if isinstance(held, list)
        else document
    )


@cache
def _step(path: str) -> tuple[str, bool, str | None, str]:
    """Return the first name of a path, whether its items are meant, which, and what follows."""
    found = _STEP.match(path)
    if found is None:
        raise ValueError(f"no path: {path}")
    chosen = found[3] and found[3].removeprefix("?")
    return found[1], found[2] is not None, chosen, path[found.end() :]


def _is(condition: str | None, item: Any) -> bool:
    return condition is None or bool(read(condition, item))


def tree_of(expression: str) -> Mapping[str, Any]:
    """Return the syntax tree of a JMESPath, as its library makes it."""
    tree: Mapping[str, Any] = _compiled(expression).parsed
    return tree
