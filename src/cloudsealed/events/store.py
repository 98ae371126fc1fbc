"""Rows of events. The only SQL of the outbox; it has no statement that changes or removes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection
from cloudsealed.storage.filters import Filter, at_least, before
from cloudsealed.storage.keyset import Listing, Page, Paged
from cloudsealed.storage.schema import events
from cloudsealed.vocabulary import EventCategory, EventType

_COLUMNS = ("id", "type", "subject", "created_at", "data")

LISTING = Listing(
    table=events,
    columns=_COLUMNS,
    filters=(
        Filter("subject", "Id of the object that it is about", "subject", sorts=("-id",)),
        Filter("type", "What happened", "type", tuple(EventType), kind="enum", sorts=("-id",)),
        Filter(
            "category",
            "What it is about",
            "category",
            tuple(EventCategory),
            kind="enum",
            sorts=("-id",),
        ),
        Filter("created_after", "At or after", kind="time", condition=at_least("created_at")),
        Filter("created_before", "Before", kind="time", condition=before("created_at")),
    ),
)

_INSERT = events.insert()


def emit(
    connection: Connection, *, tenant: str, kind: EventType, subject: str, data: Mapping[str, Any]
) -> str:
    """Append an event in the caller's transaction; return its id."""
    ident = new_id("evt")
    row = {
        "tenant_id": tenant,
        "id": ident,
        "category": kind.category.value,
        "type": kind.value,
        "subject": subject,
        "created_at": rfc3339(utc_now()),
        "data": orjson.dumps(data).decode(),
    }
    connection.run(_INSERT, row)
    return ident


class EventStore(Paged):
    """Reads the outbox."""

    listing = LISTING

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of events, newest first."""
        found = self.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([orjson.dumps(_public(row[2:])) for row in found.rows], found.next)


def _public(row: Sequence[Any]) -> dict[str, Any]:
    ident, kind, subject, created_at, data = row
    return {
        "id": ident,
        "object": "event",
        "type": kind,
        "subject": subject,
        "created_at": created_at,
        "data": orjson.loads(data),
    }
