"""Bytes are kept once a tenant, at the address that their own digest is."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import func, select

from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import objects as table

CONTENT = bytes(range(256)) * 40


def count(database: Database) -> int:
    with database.read() as connection:
        row = connection.first(select(func.count()).select_from(table))
    assert row is not None
    return int(row[0])


def test_bytes_come_back_from_their_digest(database: Database) -> None:
    for data in (b"", b"x", CONTENT):
        with database.write() as connection:
            address = objects.put(connection, "ten_a", data, "2026-01")
        assert address == hashlib.sha256(data).hexdigest()
        with database.read() as connection:
            assert objects.get(connection, "ten_a", address) == data


def test_the_same_bytes_are_kept_once_whoever_stores_them_again(database: Database) -> None:
    with database.write() as connection:
        objects.put(connection, "ten_a", CONTENT, "2026-01")
        objects.put(connection, "ten_a", CONTENT, "2026-01")
    rows = [objects.pack("ten_a", data, "2026-01")[1] for data in (CONTENT, b"x", b"x", b"y")]
    with database.write() as connection:
        objects.put_many(connection, rows)
    with database.write() as connection:
        objects.put_many(connection, [])
    assert count(database) == 3


def test_a_tenant_cannot_read_at_anothers_address(database: Database) -> None:
    with database.write() as connection:
        address = objects.put(connection, "ten_a", CONTENT, "2026-01")
    with database.read() as connection, pytest.raises(objects.EvidenceExpiredError, match=address):
        objects.get(connection, "ten_b", address)
    with database.write() as connection:
        objects.put(connection, "ten_b", CONTENT, "2026-01")
    assert count(database) == 2


def test_what_no_month_used_for_long_is_dropped_and_what_was_used_again_stays(
    database: Database,
) -> None:
    old, used = b"old", b"used again"
    with database.write() as connection:
        addresses = [objects.put(connection, "ten_a", data, "2026-01") for data in (old, used)]
        objects.put(connection, "ten_b", old, "2026-01")
        objects.put(connection, "ten_a", used, "2026-03")
        objects.put(connection, "ten_a", used, "2026-02")
    assert objects.drop_unused(database, "ten_a", before="2026-01") == 0
    assert objects.drop_unused(database, "ten_a", before="2026-03") == 1
    assert count(database) == 2
    with database.read() as connection:
        assert objects.get(connection, "ten_a", addresses[1]) == used
        with pytest.raises(objects.EvidenceExpiredError):
            objects.get(connection, "ten_a", addresses[0])


def test_any_number_is_dropped(database: Database) -> None:
    rows = [objects.pack("ten_a", b"%d" % number, "2026-01")[1] for number in range(1_203)]
    with database.write() as connection:
        objects.put_many(connection, rows)
    assert objects.drop_unused(database, "ten_a", before="2026-02") == 1_203
    assert count(database) == 0


def test_many_come_at_once_without_those_that_are_gone(database: Database) -> None:
    contents = [str(number).encode() for number in range(250)]
    with database.write() as connection:
        addresses = [objects.put(connection, "ten_a", content, "2026-01") for content in contents]
    with database.read() as connection:
        wanted = [*addresses, *addresses, "0" * 64]
        found = objects.get_many(connection, "ten_a", wanted)
        assert found == dict(zip(addresses, contents, strict=True))
        assert objects.get_many(connection, "ten_b", addresses) == {}
        assert objects.get_many(connection, "ten_a", []) == {}


def test_so_many_are_dropped_as_was_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_LISTED_AT_ONCE", 600)
    rows = [objects.pack("ten_a", b"%d" % number, "2026-01")[1] for number in range(1_203)]
    with database.write() as connection:
        objects.put_many(connection, rows)
    dropped = [
        objects.drop_unused(database, "ten_a", before="2026-02", most=most) for most in (700, 0, 5)
    ]
    assert dropped == [700, 0, 5]
    assert count(database) == 1_203 - 705
    assert objects.drop_unused(database, "ten_a", before="2026-02", most=700) == 1_203 - 705


def test_what_is_dropped_is_found_by_its_address(database: Database) -> None:
    addresses = {f"address_{number}": f"{number:064x}" for number in range(500)}
    with database.read() as connection:
        plan = str(
            connection.explain(objects._DROP, {"tenant": "a", "month": "2026-02", **addresses})
        )
    assert "used_in<" not in plan
    assert "Index Cond: ((used_in" not in plan
    if database.name == "sqlite":
        assert "sqlite_autoindex_objects_1 (tenant_id=? AND digest=?)" in plan
