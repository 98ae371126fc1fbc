"""Rows of schedules. The only SQL of schedules."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import bindparam, func, null, select

from cloudsealed.connections.schedules.model import Schedule, ScheduleNotFoundError
from cloudsealed.connections.schedules.timetable import Timetable
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import schedules
from cloudsealed.vocabulary import ScheduleKind

_COLUMNS = (
    "id",
    "name",
    "cron",
    "timezone",
    "enabled",
    "kind",
    "request",
    "created_at",
    "next_run_at",
    "last_run_at",
    "made_id",
    "error",
)
LISTING = Listing(
    table=schedules,
    columns=_COLUMNS,
    filters=(
        Filter("kind", "What it starts", "kind", tuple(ScheduleKind), kind="enum"),
        Filter(
            "enabled",
            "Whether it is in force",
            "enabled",
            ("true", "false"),
            kind="enum",
            convert=lambda v: int(v == "true"),
        ),
    ),
)
_TENANT = schedules.c.tenant_id == bindparam("tenant")
_ONE = schedules.c.id == bindparam("ident")
_SELECT = select(*(schedules.c[name] for name in _COLUMNS)).where(_TENANT)
_GET = _SELECT.where(_ONE)
_NAMED = select(schedules.c.id).where(_TENANT, schedules.c.name == bindparam("called"))
_COUNT = select(func.count()).select_from(schedules).where(_TENANT)
_DUE = _SELECT.where(schedules.c.next_run_at <= bindparam("now")).order_by(schedules.c.next_run_at)
_INSERT = schedules.insert()
_CLAIM = (
    schedules.update()
    .where(_TENANT, _ONE, schedules.c.next_run_at == bindparam("due"))
    .values(next_run_at=null())
)
_UPDATE = (
    schedules.update()
    .where(_TENANT, _ONE)
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS if name != "id"})
)
_DELETE = schedules.delete().where(_TENANT, _ONE)


def _encode(item: Schedule) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "cron": item.timetable.cron,
        "timezone": item.timetable.timezone,
        "enabled": int(item.enabled),
        "kind": item.kind,
        "request": orjson.dumps(item.request).decode(),
        "created_at": item.created_at,
        "next_run_at": item.next_run_at,
        "last_run_at": item.last_run_at,
        "made_id": item.made_id,
        "error": orjson.dumps(item.error).decode() if item.error is not None else None,
    }


def decode(row: Row) -> Schedule:
    """Return the schedule of a row of the listing's columns."""
    values = dict(zip(_COLUMNS, row, strict=True))
    timetable = Timetable(values.pop("cron"), values.pop("timezone"))
    error = values["error"]
    read = {
        "enabled": bool(values["enabled"]),
        "kind": ScheduleKind(values["kind"]),
        "request": orjson.loads(values["request"]),
        "error": orjson.loads(error) if error is not None else None,
    }
    return Schedule(timetable=timetable, **(values | read))


class ScheduleStore(Paged):
    """Reads and writes schedules."""

    listing = LISTING

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> Schedule:
        """Return one schedule; raises ScheduleNotFoundError."""
        with self.database.read(deadline) as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> Schedule:
        """Return one schedule within a transaction."""
        row = connection.first(_GET, {"tenant": tenant, "ident": ident})
        if row is None:
            raise ScheduleNotFoundError(ident)
        return decode(row)

    def named(self, connection: Connection, *, tenant: str, name: str) -> str | None:
        """Return the id of the schedule called `name`, or None."""
        row = connection.first(_NAMED, {"tenant": tenant, "called": name})
        return row[0] if row else None

    def count(self, connection: Connection, *, tenant: str) -> int:
        """Return how many schedules a tenant has."""
        row = connection.first(_COUNT, {"tenant": tenant})
        return int(row[0]) if row else 0

    def due(self, *, tenant: str, now: str) -> list[Schedule]:
        """Return the schedules whose time has come, the one longest due first."""
        with self.database.read() as connection:
            return [decode(row) for row in connection.all(_DUE, {"tenant": tenant, "now": now})]

    def claim(self, connection: Connection, *, tenant: str, item: Schedule) -> Schedule | None:
        """Take the time at which `item` is due from it; return the schedule as it now stands, None
        when somebody else took the time, or changed or deleted the schedule."""
        named = {"tenant": tenant, "ident": item.id, "due": item.next_run_at}
        if not connection.run(_CLAIM, named):
            return None
        return self.get_in(connection, tenant=tenant, ident=item.id)

    def insert(self, connection: Connection, *, tenant: str, item: Schedule) -> None:
        """Add a schedule."""
        connection.run(_INSERT, {"tenant_id": tenant, **_encode(item)})

    def update(self, connection: Connection, *, tenant: str, item: Schedule) -> None:
        """Write a schedule over its row."""
        values = {f"new_{name}": value for name, value in _encode(item).items() if name != "id"}
        connection.run(_UPDATE, {"tenant": tenant, "ident": item.id, **values})

    def delete(self, connection: Connection, *, tenant: str, ident: str) -> None:
        """Remove a schedule; raises ScheduleNotFoundError."""
        if not connection.run(_DELETE, {"tenant": tenant, "ident": ident}):
            raise ScheduleNotFoundError(ident)
