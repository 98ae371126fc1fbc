"""Examples of the OpenAPI document, made from its schemas: nothing in them is written twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DEEPEST = 8


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> Any:
    """Return a value that `schema` takes; references are to `schemas`, by name."""
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return example_of(schema[name][0], schemas, depth)
    return _of_kind(schema, schemas, depth)


def _of_kind(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    kinds = schema.get("type")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return _object(schema, schemas, depth)
    if kind == "array":
        return [example_of(schema["items"], schemas, depth + 1)] if depth < _DEEPEST else []
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return "text" if kind == "string" else None


def _object(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping) and "properties" not in schema:
        name = example_of(schema.get("propertyNames", {}), schemas, depth) or "name"
        return {name: example_of(values, schemas, depth + 1)}
    parts = schema.get("properties", {}).items()
    wanted = set(schema.get("required", ()))
    missing = max(0, schema.get("minProperties", 0) - len(wanted))
    wanted |= {name for name, _ in list(parts)[:missing]}
    return {name: example_of(part, schemas, depth + 1) for name, part in parts if name in wanted}


def illustrate(node: Any, schemas: Mapping[str, Any]) -> None:
    """Give every JSON body of a document an example, where it has none."""
    if isinstance(node, list):
        for item in node:
            illustrate(item, schemas)
    if not isinstance(node, dict):
        return
    for kind, media in (node.get("content") or {}).items():
        if "json" in kind and not media.keys() & {"example", "examples"} and "schema" in media:
            media["example"] = example_of(media["schema"], schemas)
    for value in node.values():
        illustrate(value, schemas)
