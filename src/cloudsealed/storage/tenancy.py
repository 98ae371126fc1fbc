"""Taking turns within a tenant: a lock that lasts until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import bindparam, select

from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import tenants

_LOCK = (
    select(tenants.c.tenant_id).where(tenants.c.tenant_id == bindparam("tenant")).with_for_update()
)


def take_turn(connection: Connection, *, tenant: str) -> None:
    """Wait for every other transaction of the tenant that took its turn.

    PostgreSQL locks the tenant's row; SQLite's write transactions take turns anyway.
    """
    connection.first(_LOCK, {"tenant": tenant})


@contextmanager
def turn(database: Database, *, tenant: str) -> Iterator[Connection]:
    """Open a write transaction in which what it reads of the tenant stays true until it ends."""
    with database.write() as connection:
        take_turn(connection, tenant=tenant)
        yield connection
