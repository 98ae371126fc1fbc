"""Which attributes a document of a type can have, and which call fills each.

Derived from the rows and from botocore's models; nothing is asked of a cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from cloudsealed.collectors.aws.pagination import operation_model
from cloudsealed.collectors.model import Row
from cloudsealed.collectors.paths import tree_of
from cloudsealed.collectors.registry import RESOURCE_TYPES

Attributes = Mapping[str, Any]
"""Name to the attributes below it, or to None for a value or a map of free names. Lists are seen
through: what stands under a list's name are the attributes of its elements."""

_DEPTH = 12
_TAGS = {"Key": None, "Value": None}


def filling_calls(resource_type: str) -> dict[str, tuple[str, str]]:
    """Return the (service, operation) that fills each attribute, a list where one says it of all
    resources; `*` is the list call, which fills every attribute that is not named. Singletons have
    no `*`. Raises KeyError.
    """
    row = RESOURCE_TYPES[resource_type]
    filled = {name: (row.service, call.operation) for call in row.enrich for name in call.fills}
    for each in row.together:
        filled |= dict.fromkeys(each.fills, (each.service, each.operation))
    if row.operation is not None:
        filled["*"] = (row.service, row.operation)
    source = row.tags.partition(".")[0] if row.tags else ""
    return {"Tags": filled[source], **filled} if source in filled else filled


@cache
def attributes_of(resource_type: str) -> Attributes:
    """Return every attribute that a document of the type may have; raises KeyError."""
    row = RESOURCE_TYPES[resource_type]
    filled = {
        name: _found(path, row, call.operation)
        for call in row.enrich
        for name, path in call.fills.items()
    }
    told = dict.fromkeys(name for each in row.together for name in each.fills)
    return {"Arn": None, **_listed(row), **told, **filled, "Tags": _TAGS}


def _listed(row: Row) -> Attributes:
    if row.operation is None:
        return {"AccountId": None}
    return dict.fromkeys(row.inherit) | dict(_found(row.items, row, row.operation) or {})


def _found(path: str, row: Row, operation: str) -> Attributes | None:
    output = operation_model(row.service, operation).output_shape
    return _resolve(tree_of(path), _shape(output, _DEPTH))


def _shape(shape: Shape | None, depth: int) -> Attributes | None:
    if isinstance(shape, ListShape):
        return _shape(shape.member, depth)
    if not isinstance(shape, StructureShape) or depth == 0:
        return None
    return {name: _shape(member, depth - 1) for name, member in shape.members.items()}


def _resolve(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    """Return what a JMESPath syntax tree finds in a tree of names instead of in values."""
    find = _NODES.get(node["type"])
    return find(node, below) if find else None


def _through(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    for child in node["children"][:2]:
        below = _resolve(child, below)
    return below


def _field(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    found: Attributes | None = (below or {}).get(node["value"])
    return found


def _object(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    return {each["value"]: _through(each, below) for each in node["children"]}


def _either(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    found = (_resolve(child, below) for child in node["children"])
    return next((each for each in found if each is not None), None)


def _function(node: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    if node["value"] != "merge":
        return None
    return {k: v for each in node["children"] for k, v in (_resolve(each, below) or {}).items()}


def _same(_: Mapping[str, Any], below: Attributes | None) -> Attributes | None:
    return below


_NODES: Mapping[str, Callable[[Mapping[str, Any], Attributes | None], Attributes | None]] = {
    "field": _field,
    "current": _same,
    "identity": _same,
    "index": _same,
    "subexpression": _through,
    "index_expression": _through,
    "pipe": _through,
    "flatten": _through,
    "projection": _through,
    "filter_projection": _through,
    "multi_select_dict": _object,
    "or_expression": _either,
    "function_expression": _function,
}
