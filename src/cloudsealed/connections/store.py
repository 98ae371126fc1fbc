"""Rows of connections. The only SQL of connections."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.connections.model import CloudConnection, ConnectionNotFoundError
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter, searching
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import connections
from cloudsealed.vocabulary import ConnectionMethod, Provider

_COLUMNS = (
    "id",
    "provider",
    "name",
    "method",
    "account",
    "details",
    "external_id",
    "regions",
    "created_at",
)
LISTING = Listing(
    table=connections,
    columns=_COLUMNS,
    filters=(
        Filter("provider", "Cloud", "provider", tuple(Provider), kind="enum"),
        Filter("account", "Cloud account", "account", kind="word"),
        searching("name", "Part of its name, letter case aside", "name"),
    ),
    hidden=lambda table: table.c.deleted_at.is_(None),
)
_TENANT = connections.c.tenant_id == bindparam("tenant")
_ALIVE = connections.c.deleted_at.is_(None)
_SELECT = select(*(connections.c[name] for name in _COLUMNS)).where(_TENANT, _ALIVE)
_ONE = _SELECT.where(connections.c.id == bindparam("ident"))
_NAMED = _SELECT.where(connections.c.name == bindparam("called"))
_REMOVED = select(connections.c.id).where(_TENANT, connections.c.deleted_at.is_not(None))
_INSERT = connections.insert()
_UPDATE = (
    connections.update()
    .where(_TENANT, connections.c.id == bindparam("ident"))
    .values(
        {
            c.name: bindparam(f"new_{c.name}")
            for c in connections.c
            if c.name not in ("tenant_id", "id")
        }
    )
)


def _encode(tenant: str, item: CloudConnection, deleted_at: str | None = None) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "id": item.id,
        "provider": item.provider,
        "name": item.name if deleted_at is None else f"{item.name} {item.id}",
        "method": item.method,
        "account": item.account,
        "details": orjson.dumps(item.details).decode(),
        "external_id": item.external_id,
        "regions": orjson.dumps(item.regions).decode() if item.regions else None,
        "created_at": item.created_at,
        "deleted_at": deleted_at,
    }


def decode(row: Row) -> CloudConnection:
    """Return the connection of a row of the listing's columns."""
    values = dict(zip(_COLUMNS, row, strict=True))
    regions = values["regions"]
    return CloudConnection(
        **{
            **values,
            "provider": Provider(values["provider"]),
            "details": orjson.loads(values["details"]),
            "method": ConnectionMethod(values["method"]),
            "regions": tuple(orjson.loads(regions)) if regions else None,
        }
    )


class ConnectionStore(Paged):
    """Reads and writes connections."""

    listing = LISTING

    def get(self, *, tenant: str, ident: str) -> CloudConnection:
        """Return one connection; raises ConnectionNotFoundError."""
        with self.database.read() as connection:
            return self.get_in(connection, tenant=tenant, ident=ident)

    def get_in(self, connection: Connection, *, tenant: str, ident: str) -> CloudConnection:
        """Return one connection within a transaction."""
        row = connection.first(_ONE, {"tenant": tenant, "ident": ident})
        if row is None:
            raise ConnectionNotFoundError(ident)
        return decode(row)

    def named(self, connection: Connection, *, tenant: str, name: str) -> CloudConnection | None:
        """Return the connection called `name`, or None."""
        row = connection.first(_NAMED, {"tenant": tenant, "called": name})
        return decode(row) if row else None

    def all(self, *, tenant: str) -> list[CloudConnection]:
        """Return every connection of a tenant."""
        with self.database.read() as connection:
            return [decode(row) for row in connection.all(_SELECT, {"tenant": tenant})]

    def removed(self, *, tenant: str) -> list[str]:
        """Return the ids of the connections that a tenant had."""
        with self.database.read() as connection:
            return [row[0] for row in connection.all(_REMOVED, {"tenant": tenant})]

    def insert(self, connection: Connection, *, tenant: str, item: CloudConnection) -> None:
        """Add a connection."""
        connection.run(_INSERT, _encode(tenant, item))

    def update(
        self,
        connection: Connection,
        *,
        tenant: str,
        item: CloudConnection,
        deleted_at: str | None = None,
    ) -> None:
        """Write a connection over its row; with `deleted_at` it is hidden and its name is free."""
        row = _encode(tenant, item, deleted_at)
        values = {f"new_{k}": v for k, v in row.items() if k not in ("tenant_id", "id")}
        connection.run(_UPDATE, {"tenant": tenant, "ident": item.id, **values})
