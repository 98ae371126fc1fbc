"""The shapes of AWS's answers, by botocore's models."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.model import ListShape, StructureShape
from botocore.model import Shape as BotocoreShape

from cloudsealed.collectors.attributes import Shape
from cloudsealed.collectors.aws.pagination import operation_model

WORDS: Mapping[str, str] = {
    "string": "string",
    "character": "string",
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "timestamp": "time",
    "map": "map",
}
"""How a shape of `attributes` calls what botocore's models do."""

_DEPTH = 12

Known = dict[tuple[str, int], Shape]
"""What was found of structures, by name and depth."""


def shape_of(service: str, operation: str) -> Shape:
    """Return the shape of an operation's answer; raises OperationNotFoundError. A structure that
    stands in many places is one value: spelt out, a web ACL's nested statements are 70,000."""
    return _shape(operation_model(service, operation).output_shape, _DEPTH, {})


def _shape(shape: BotocoreShape | None, depth: int, known: Known) -> Shape:
    if isinstance(shape, ListShape):
        return [_shape(shape.member, depth, known)]
    if isinstance(shape, StructureShape):
        if not depth:
            return None
        key = (shape.name, depth)
        if key not in known:
            members = shape.members.items()
            known[key] = {name: _shape(member, depth - 1, known) for name, member in members}
        return known[key]
    is_text = shape is not None and not shape.serialization.get("jsonvalue")
    return WORDS.get(shape.type_name) if shape is not None and is_text else None
