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


def shape_of(service: str, operation: str) -> Shape:
    """Return the shape of an operation's answer; of what a structure holds of its own kind, as a
    statement of a web ACL does, nobody is told. Raises OperationNotFoundError."""
    return _shape(operation_model(service, operation).output_shape, frozenset())


def _shape(shape: BotocoreShape | None, around: frozenset[str]) -> Shape:
    if isinstance(shape, ListShape):
        return [_shape(shape.member, around)]
    if isinstance(shape, StructureShape):
        if shape.name in around:
            return None
        around |= {shape.name}
        return {name: _shape(member, around) for name, member in shape.members.items()}
    is_text = shape is not None and not shape.serialization.get("jsonvalue")
    return WORDS.get(shape.type_name) if shape is not None and is_text else None
