"""Taking turns within a tenant, and holding one row: locks that last until the transaction ends.

A turn is the whole tenant's. A lane is that of one account: several go on at once, and none of them
in another's turn. On SQLite write transactions take turns anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Select, Table, bindparam, or_, select

from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import audits

Rows = Table
"""The table of a noun."""


def take_turn(connection: Connection, *, tenant: str) -> None:
    """Wait for every other transaction of the tenant that took its turn or a lane."""
    connection.lock(tenant)


def take_lane(connection: Connection, *, tenant: str, account: str) -> None:
    """Wait for every other transaction that took the tenant's turn, or the lane of this account."""
    connection.lock(tenant, shared=True)
    connection.lock(f"{tenant}/{account}")


def take_fence(connection: Connection, *, tenant: str, audit: str, shared: bool = False) -> None:
    """Keep an audit's leases from passing on: their holders' writers share the fence, and whoever
    takes a lease from them waits for those at work. It comes before a turn and a lane."""
    connection.lock(f"{tenant}/{audit}", shared=shared)


def take_shards(connection: Connection, *, tenant: str, audit: str) -> None:
    """Wait for every other transaction that gives out or ends shards of an audit. It comes after
    the fence, and before a turn and a lane."""
    connection.lock(f"{tenant}/{audit}/shards")


def hold(connection: Connection, table: Rows, *, tenant: str, ident: str) -> None:
    """Take the tenant's turn, and keep the row that an id or key names from every other writer.

    In this order, as whoever takes turns writes rows after it; of an audit that is its fence.
    """
    if table is audits:
        take_fence(connection, tenant=tenant, audit=ident)
        take_shards(connection, tenant=tenant, audit=ident)
    else:
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
