"""Rows of events. The only SQL of the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import events

_INSERT = events.insert()
_OF_SUBJECT = (
    select(events.c.id, events.c.type, events.c.created_at, events.c.data)
    .where(
        events.c.tenant_id == bindparam("tenant"),
        events.c.subject == bindparam("about"),
        events.c.id > bindparam("after"),
    )
    .order_by(events.c.id)
    .limit(bindparam("most"))
)


def emit(
    connection: Connection, *, tenant: str, kind: str, subject: str, data: Mapping[str, Any]
) -> str:
    """Append an event in the caller's transaction; return its id."""
    ident = new_id("evt")
    row = {
        "tenant_id": tenant,
        "id": ident,
        "type": kind,
        "subject": subject,
        "created_at": rfc3339(utc_now()),
        "data": orjson.dumps(data).decode(),
    }
    connection.run(_INSERT, row)
    return ident


class EventStore:
    """Reads the outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_subject(
        self, *, tenant: str, subject: str, after: str = "", limit: int = 500
    ) -> list[dict[str, Any]]:
        """Return the events about one object, oldest first, from behind the event `after`."""
        values = {"tenant": tenant, "about": subject, "after": after, "most": limit}
        with self._database.read() as connection:
            rows = connection.all(_OF_SUBJECT, values)
        return [
            {
                "id": row[0],
                "object": "event",
                "type": row[1],
                "created_at": row[2],
                "data": orjson.loads(row[3]),
            }
            for row in rows
        ]
