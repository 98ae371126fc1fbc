"""Rows of what devices ask. Neither the device's code nor the user's is kept: digests only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.schema import oauth_devices

_COLUMNS = (
    "tenant_id",
    "id",
    "client_id",
    "device_digest",
    "user_digest",
    "scopes",
    "asked_ip",
    "created_at",
    "expires_at",
    "pause",
    "polled_at",
    "decision",
)
_THIS: tuple[ColumnElement[bool], ...] = (
    oauth_devices.c.tenant_id == bindparam("tenant"),
    oauth_devices.c.id == bindparam("ident"),
)
_LOADED = select(  # tenantless: code by digest
    *(oauth_devices.c[name] for name in _COLUMNS)
)
_BY_DEVICE = _LOADED.where(oauth_devices.c.device_digest == bindparam("address"))
_BY_USER = _LOADED.where(oauth_devices.c.user_digest == bindparam("address"))
_INSERT = insert(oauth_devices).on_conflict_do_nothing()  # SQLite reads the same words
_DECIDE = (
    oauth_devices.update()
    .where(*_THIS, oauth_devices.c.decision.is_(None))
    .values(decision=bindparam("answer"), decided_at=bindparam("now"))
)
_POLL = (
    oauth_devices.update()
    .where(
        *_THIS,
        oauth_devices.c.polled_at.is_(None) | (oauth_devices.c.polled_at <= bindparam("before")),
    )
    .values(polled_at=bindparam("now"))
)
_SLOW = (
    oauth_devices.update()
    .where(*_THIS)
    .values(polled_at=bindparam("now"), pause=oauth_devices.c.pause + bindparam("more"))
)
_PURGE = (  # tenantless: housekeeping
    oauth_devices.delete().where(oauth_devices.c.expires_at < bindparam("before"))
)


class Decision(StrEnum):
    """What a user said to a device's question."""

    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A question of a device. `pause` is how many seconds it waits between two polls."""

    tenant_id: str
    id: str
    client_id: str
    device_digest: str
    user_digest: str
    scopes: tuple[str, ...]
    asked_ip: str
    created_at: str
    expires_at: str
    pause: int
    polled_at: str | None = None
    decision: Decision | None = None


class DeviceStore:
    """The questions of every tenant's devices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, device: Device) -> bool:
        """Add a question; false when another has the same code for its user."""
        row = {name: getattr(device, name) for name in _COLUMNS}
        row |= {"scopes": orjson.dumps(device.scopes).decode(), "decided_at": None}
        with self._database.write() as connection:
            return connection.run(_INSERT, row) == 1

    def by_device(self, digests: Sequence[str]) -> Device | None:
        """Return the question with a device's code of one of these digests."""
        return self._found(_BY_DEVICE, digests)

    def by_user(self, digests: Sequence[str]) -> Device | None:
        """Return the question with a user's code of one of these digests."""
        return self._found(_BY_USER, digests)

    def _found(self, statement: Select[Any], digests: Sequence[str]) -> Device | None:
        with self._database.read() as connection:
            rows = (connection.first(statement, {"address": digest}) for digest in digests)
            row = next(filter(None, rows), None)
        return None if row is None else _decoded(row)

    def decide(self, connection: Connection, device: Device, answer: Decision, *, now: str) -> bool:
        """Write the user's answer; false when there was one."""
        values = {"answer": answer.value, "now": now}
        return connection.run(_DECIDE, {**_this(device), **values}) == 1

    def poll(self, device: Device, *, now: str, before: str, more: int) -> bool:
        """Note that the device asked; false when it last did after `before`: from now on it waits
        `more` seconds longer."""
        with self._database.write() as connection:
            if connection.run(_POLL, {**_this(device), "now": now, "before": before}) == 1:
                return True
            connection.run(_SLOW, {**_this(device), "now": now, "more": more})
            return False

    def purge(self, before: str) -> None:
        """Forget questions whose time was over before a moment."""
        with self._database.write() as connection:
            connection.run(_PURGE, {"before": before})


def _this(device: Device) -> dict[str, str]:
    return {"tenant": device.tenant_id, "ident": device.id}


def _decoded(row: Row) -> Device:
    values = dict(zip(_COLUMNS, row, strict=True))
    decision = values["decision"] and Decision(values["decision"])
    return Device(
        **values | {"scopes": tuple(orjson.loads(values["scopes"])), "decision": decision}
    )
