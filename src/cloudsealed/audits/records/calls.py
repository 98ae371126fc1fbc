"""The list of an audit's calls: its ledger as people read it, in the order of its key.

Filters narrow rows while they are read, so a page may hold fewer than `limit` while more remain.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.audits.records.ledger import FIRST_PAGE, KEY, NEXT_PAGE, VALUES
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import Database, Row
from cloudsealed.storage.filters import NOT, Filter
from cloudsealed.storage.keyset import SCAN_ROWS, SCAN_SECONDS, Page
from cloudsealed.vocabulary import CallOutcome

FILTERS = (
    Filter("outcome", "How the call ended", choices=tuple(CallOutcome), kind="enum"),
    Filter("service", "The provider's service", kind="word", example="s3"),
    Filter("operation", "Its operation", kind="word", example="GetBucketPolicy"),
    Filter("account", "Cloud account", kind="word", example="123456789012"),
    Filter("region", "Region", kind="word", example="eu-west-1"),
)
_COLUMNS = (*KEY, *VALUES)
_CHUNK = 1_000


def calls_page(
    database: Database,
    *,
    tenant: str,
    audit_id: str,
    filters: Mapping[str, Sequence[str]],
    after: Position | None,
    limit: int,
    deadline: float | None = None,
) -> Page:
    """Return a page of the calls of `audit_id` that pass every one of `filters`, by name."""
    key = orjson.loads(after.id) if after is not None else None
    chunk = _CHUNK if filters else limit + 1
    found: list[Row] = []
    scanned, ends = 0, time.monotonic() + SCAN_SECONDS
    this = {"tenant": tenant, "audit": audit_id, "most": chunk}
    with database.read(deadline) as connection:
        while True:
            if key is None:
                rows = connection.all(FIRST_PAGE, this)
            else:
                bound = {f"after_{name}": value for name, value in zip(KEY, key, strict=True)}
                rows = connection.all(NEXT_PAGE, {**this, **bound})
            for row in rows:
                if not passes(dict(zip(_COLUMNS, row, strict=True)), filters):
                    continue
                if len(found) == limit:
                    return _page(found, _key(found[-1]))
                found.append(row)
            if len(rows) < chunk:
                return _page(found, None)
            key, scanned = _key(rows[-1]), scanned + len(rows)
            if scanned >= SCAN_ROWS or time.monotonic() > ends:
                return _page(found, key)


def passes(values: Mapping[str, Any], filters: Mapping[str, Sequence[str]]) -> bool:
    """Say whether what has these values, by filter, passes every filter."""
    return all(
        (values[name.removesuffix(NOT)] in given) is not name.endswith(NOT)
        for name, given in filters.items()
    )


def _key(row: Row) -> list[Any]:
    return list(row[: len(KEY)])


def _page(rows: Sequence[Row], key: list[Any] | None) -> Page:
    items = ({"object": "call", **dict(zip(_COLUMNS, row, strict=True))} for row in rows)
    shown = [
        orjson.dumps({**item, "parameters": orjson.loads(item["parameters"])}) for item in items
    ]
    return Page(shown, Position(orjson.dumps(key).decode()) if key is not None else None)
