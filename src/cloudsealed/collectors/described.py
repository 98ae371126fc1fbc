"""A type of resource as who writes policies needs it: its document, and which call fills it."""

from __future__ import annotations

from typing import Any, Final

from cloudsealed.collectors.attributes import Shape, filling_calls, shape_of
from cloudsealed.collectors.registry import RESOURCE_TYPES

_SAMPLES: Final[dict[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 0.5,
    "boolean": True,
    "time": "2026-01-01T00:00:00Z",
    "map": {"name": "text"},
}


def summary(name: str) -> dict[str, Any]:
    """Return what a list of types says of one; `listed_by` is None of a singleton."""
    row = RESOURCE_TYPES[name]
    return {
        "object": "resource_type",
        "type": name,
        "provider": row.provider,
        "service": row.service_name,
        "listed_by": f"{row.service}:{row.operation}" if row.operation else None,
    }


def described(name: str) -> dict[str, Any]:
    """Return what is known of a type's documents; raises KeyError."""
    shape = shape_of(name)
    calls = {each: ":".join(call) for each, call in filling_calls(name).items()}
    return {**summary(name), "document": shape, "calls": calls, "sample": sample(shape)}


def sample(shape: Shape) -> Any:
    """Return a document of a shape, with every value made up."""
    if isinstance(shape, list):
        return [sample(shape[0])]
    if isinstance(shape, dict):
        return {name: sample(below) for name, below in shape.items()}
    return _SAMPLES.get(shape)
