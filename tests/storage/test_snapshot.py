"""Reads of a snapshot see one moment, whatever is written meanwhile."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select
from tests.waiting import SECONDS

from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import tenants
from cloudsealed.storage.snapshot import snapshot

COUNT = select(func.count()).select_from(tenants)


def add(database: Database, name: str) -> None:
    row = {"tenant_id": name, "name": name, "created_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        connection.run(tenants.insert(), row)


def number(database: Database) -> int:
    with database.read() as connection:
        row = connection.first(COUNT)
    assert row is not None
    return int(row[0])


def test_a_snapshot_sees_one_moment_and_holds_up_no_writer(database: Database) -> None:
    add(database, "a")
    with snapshot(database):
        assert number(database) == 1
        writer = threading.Thread(target=add, args=(database, "b"))
        writer.start()
        writer.join(SECONDS)
        assert not writer.is_alive()
        assert number(database) == 1
    assert number(database) == 2


def test_a_snapshot_that_ends_early_leaves_a_connection_that_can_be_used(
    database: Database,
) -> None:
    def broken() -> None:
        with snapshot(database):
            number(database)
            raise RuntimeError

    for _ in range(20):  # more than there are connections
        with pytest.raises(RuntimeError):
            broken()
    add(database, "c")
    assert number(database) == 1
    assert database.pool_status()["in_use"] == 0
