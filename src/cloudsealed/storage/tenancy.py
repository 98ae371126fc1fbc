"""Taking turns within a tenant, and holding one row: locks that last until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Select, Table, bindparam, or_, select

from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import audits, tenants

Rows = Table
"""The table of a noun."""

_LOCK = (
    select(tenants.c.tenant_id).where(tenants.c.tenant_id == bindparam("tenant")).with_for_update()
)


def take_turn(connection: Connection, *, tenant: str) -> None:
    """Wait for every other transaction of the tenant that took its turn.

    PostgreSQL locks the tenant's row; SQLite's write transactions take turns anyway.
    """
    connection.first(_LOCK, {"tenant": tenant})


def hold(connection: Connection, table: Rows, *, tenant: str, ident: str) -> None:
    """Take the tenant's turn, and keep the row that an id or key names from every other writer.

    In this order, as whoever takes turns writes rows after it; but an audit's row is the fence of
    who runs it, held before their turn: it is kept without one, or the two would wait for another.
    """
    if table is not audits:
        take_turn(connection, tenant=tenant)
    connection.first(_held(table), {"tenant": tenant, "ident": ident})


@cache
def _held(table: Rows) -> Select[tuple[str]]:
    names = [table.c[name] == bindparam("ident") for name in ("id", "key") if name in table.c]
    return (
        select(table.c.id)
        .where(table.c.tenant_id == bindparam("tenant"), or_(*names))
        .with_for_update()
    )


@contextmanager
def turn(database: Database, *, tenant: str) -> Iterator[Connection]:
    """Open a write transaction in which what it reads of the tenant stays true until it ends."""
    with database.write() as connection:
        take_turn(connection, tenant=tenant)
        yield connection
