"""The schema of one value of a parameter, as `query` reads it."""

from __future__ import annotations

from typing import Any

from cloudsealed.api.query import Parameter
from cloudsealed.storage.filters import Filter

_ULID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
_MOMENT = "2026-01-31T09:30:00Z"


def value_schema(item: Filter | Parameter) -> dict[str, Any]:
    """Return the form of one value, as `query` reads it."""
    if item.choices:
        return {"type": "string", "enum": [str(choice) for choice in item.choices]}
    if isinstance(item, Parameter) and item.most is not None:
        return {"type": "integer", "minimum": 1, "maximum": item.most, "format": "int32"}
    kind = item.kind if isinstance(item, Filter) else "text"
    if kind == "time":
        return {"type": "string", "format": "date-time", "maxLength": 40, "examples": [_MOMENT]}
    if kind in ("id", "audit"):
        assert isinstance(item, Filter)
        pattern = f"^{item.prefix}_{_ULID}$"
        example = f"{item.prefix}_01J8ZQ4X7M2N5P8R1T4V6W9YAC"
        return {"type": "string", "maxLength": 30, "pattern": pattern, "examples": [example]}
    if kind == "policy":
        pattern = f"^(pol_{_ULID}|[a-z0-9]+(-[a-z0-9]+)*)$"
        title = {"title": "PolicyIdOrKey", "description": "A policy's id or key."}
        known = {"examples": ["aws-s3-bucket-public-read"]}
        return {"type": "string", "maxLength": 100, "pattern": pattern, **title, **known}
    printable = r"^[^\u0000-\u001f\u007f-\u009f]+$"
    title = {"title": "FilterText", "description": "A text that is looked for."}
    return {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": printable, **title}
