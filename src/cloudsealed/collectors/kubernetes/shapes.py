"""What the API reference says of the documents of lists; made by `tools/kubernetes_shapes.py`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

_NAMED: Final = {"apiVersion": "string", "kind": "string"}
"""What an object in a file says of itself, where a list says it of all."""


@cache
def _read() -> Mapping[str, Any]:
    found: Mapping[str, Any] = orjson.loads((files(__package__) / "shapes.json").read_bytes())
    return found


@cache
def shape_of(group: str, plural: str) -> Mapping[str, Any] | None:
    """Return the shape of what a list answers, and of one of its objects by itself; None for a list
    that is not collected."""
    found = _read()["of"].get(f"{group}/{plural.partition('/')[0]}")
    if found is None:
        return None
    item = {**_NAMED, **_whole(found)}
    return {"items": [item], **item}


@cache
def _shared(name: str) -> Any:
    """Return a shape that several have, made once."""
    return _whole(_read()["shapes"][name])


def _whole(shape: Any) -> Any:
    """Return a shape with those that it names in their place."""
    if isinstance(shape, list):
        return [_whole(shape[0])]
    if not isinstance(shape, dict):
        return shape
    if "$" in shape:
        return _shared(shape["$"])
    return {name: _whole(below) for name, below in shape.items()}
