"""Events as a file: JSON Lines, which `cloudsealed verify` checks, or a table for spreadsheets.

Only what has its place in the chain is in it, oldest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from cloudsealed.events.chain import MEMBERS
from cloudsealed.kit import spreadsheet
from cloudsealed.kit.canonical import canonical

FORMATS: Mapping[str, str] = {"jsonl": "application/jsonl", "csv": spreadsheet.MEDIA_TYPE}
"""Every format, with its media type."""
_LINE = (*MEMBERS, "hash", "signature")
_ACTOR = ("kind", "user_id", "name", "email", "credential_id", "credential_name", "ip")
_PLAIN = ("sequence", "id", "created_at", "type", "subject")
_PARTS = ("data", "before", "after")
COLUMNS = (
    *_PLAIN,
    *(f"actor_{name}" for name in _ACTOR),
    "request_id",
    *_PARTS,
    "previous",
    "hash",
)
"""The columns of the table, in their order; an object is JSON in its cell."""


def written(events: Iterable[Mapping[str, Any]], wanted: str) -> Iterator[bytes]:
    """Yield the pieces of a file of FORMATS, from events as the API shows them."""
    if wanted == "csv":
        return spreadsheet.csv_pieces(COLUMNS, map(_cells, events))
    return (canonical({name: event[name] for name in _LINE}) + b"\n" for event in events)


def _cells(event: Mapping[str, Any]) -> Iterator[Any]:
    yield from (event[name] for name in _PLAIN)
    actor = event["actor"] or {}
    yield from (actor.get(name) for name in _ACTOR)
    yield event["request_id"]
    yield from (_json(event[name]) for name in _PARTS)
    yield event["previous"]
    yield event["hash"]


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
