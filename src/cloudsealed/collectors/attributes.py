"""Which attributes a document of a type can have, of what shape, and which call fills each.

Derived from the rows and from what their provider says of its answers; nothing is asked of a cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from cloudsealed.collectors.model import Row
from cloudsealed.collectors.paths import tree_of
from cloudsealed.collectors.providers import provider_of
from cloudsealed.collectors.registry import RESOURCE_TYPES

Shape = Any
"""What stands somewhere in a document, as JSON: string, integer, number, boolean, map or time (a
string in RFC 3339), a list with the shape of its elements, a mapping with the shape of each
attribute; None where nobody knows."""
Attributes = Mapping[str, Any]
"""Name to the attributes below it, or to None for a value or a map of free names. Lists are seen
through: what stands under a list's name are the attributes of its elements."""

_TAGS = [{"Key": "string", "Value": "string"}]


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
    found: Attributes = _seen_through(shape_of(resource_type), {})
    return found


@cache
def shape_of(resource_type: str) -> Mapping[str, Shape]:
    """Return the shape of a document of the type; raises KeyError."""
    row = RESOURCE_TYPES[resource_type]
    filled = {
        name: [found] if call.each else found
        for call in row.enrich
        for name, path in call.fills.items()
        for found in [_found(path, row, call.operation)]
    }
    told = dict.fromkeys(name for each in row.together for name in each.fills)
    shape = {**row.naming("string"), **_listed(row), **told, **filled, "Tags": _TAGS}
    for path in row.decode:
        shape = _forgotten(shape, path.replace("[]", "").split("."))
    return shape


def _seen_through(shape: Shape, seen: dict[int, Any]) -> Any:
    """Return the attributes of a shape; `seen` are those of what stands in it many times."""
    if isinstance(shape, list):
        return _seen_through(shape[0], seen)
    if isinstance(shape, dict):
        if id(shape) not in seen:
            below = shape.items()
            seen[id(shape)] = {name: _seen_through(each, seen) for name, each in below}
        return seen[id(shape)]
    return None


def _forgotten(shape: Shape, path: list[str]) -> Any:
    """Return a shape in which nobody knows what stands at a path: text that is decoded."""
    if isinstance(shape, list):
        return [_forgotten(shape[0], path)]
    if not path or not isinstance(shape, dict):
        return None
    name, *rest = path
    return {**shape, name: _forgotten(shape.get(name), rest)} if name in shape else shape


def _listed(row: Row) -> Mapping[str, Shape]:
    if row.operation is None:
        return {"AccountId": "string"}
    item = _found(row.items, row, row.operation)
    item = item[0] if isinstance(item, list) else item
    return dict.fromkeys(row.inherit) | (item if isinstance(item, dict) else {})


def _found(path: str, row: Row, operation: str) -> Shape:
    provider = provider_of(row.provider)
    return _resolve(tree_of(path), provider.shape_of(row.service, operation))


def _resolve(node: Mapping[str, Any], below: Shape) -> Shape:
    """Return what a JMESPath syntax tree finds in a shape instead of in values."""
    find = _NODES.get(node["type"])
    return find(node, below) if find else None


def _through(node: Mapping[str, Any], below: Shape) -> Shape:
    for child in node["children"][:2]:
        below = _resolve(child, below)
    return below


def _field(node: Mapping[str, Any], below: Shape) -> Shape:
    """A field; of a list, which a projection went into before, the list of what its elements have,
    with lists in it joined."""
    if isinstance(below, list):
        found = _field(node, below[0])
        return found if isinstance(found, list) else [found]
    return below.get(node["value"]) if isinstance(below, dict) else None


def _item(_: Mapping[str, Any], below: Shape) -> Shape:
    return below[0] if isinstance(below, list) else None


def _object(node: Mapping[str, Any], below: Shape) -> Shape:
    if isinstance(below, list):
        return [_object(node, below[0])]
    return {each["value"]: _through(each, below) for each in node["children"]}


def _several(node: Mapping[str, Any], below: Shape) -> Shape:
    return [_resolve(node["children"][0], below)]


def _either(node: Mapping[str, Any], below: Shape) -> Shape:
    found = (_resolve(child, below) for child in node["children"])
    return next((each for each in found if each is not None), None)


def _function(node: Mapping[str, Any], below: Shape) -> Shape:
    if node["value"] != "merge":
        return None
    if isinstance(below, list):
        return [_function(node, below[0])]
    return {k: v for each in node["children"] for k, v in (_resolve(each, below) or {}).items()}


def _same(_: Mapping[str, Any], below: Shape) -> Shape:
    return below


_NODES: Mapping[str, Callable[[Mapping[str, Any], Shape], Shape]] = {
    "field": _field,
    "current": _same,
    "identity": _same,
    "index": _item,
    "subexpression": _through,
    "index_expression": _through,
    "pipe": _through,
    "flatten": _through,
    "projection": _through,
    "filter_projection": _through,
    "multi_select_dict": _object,
    "multi_select_list": _several,
    "or_expression": _either,
    "function_expression": _function,
}
