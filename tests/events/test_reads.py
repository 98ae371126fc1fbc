"""Events of reads: kept in memory, written in batches, and counted where there is no room."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest

from cloudsealed.events import Actor, EventStore
from cloudsealed.events.reads import Read, Reads
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import EventType


def read(number: int) -> Read:
    return Read(
        tenant="ten_a",
        kind=EventType.EVIDENCE_READ,
        subject=f"fnd_{number}",
        actor=Actor("usr_a", "tok_a", "192.0.2.7"),
        request_id="req_a",
        at="2026-01-31T09:30:00.000Z",
        data={},
    )


def listed(database: Database) -> list[Any]:
    found = EventStore(database).list(tenant="ten_a", filters={}, limit=200)
    return [orjson.loads(item) for item in reversed(found.items)]


def test_reads_are_written_by_the_next_flush_in_their_order(database: Database) -> None:
    reads = Reads(database)
    for number in range(3):
        reads.add(read(number))
    assert listed(database) == []
    reads.flush()
    reads.flush()
    events = listed(database)
    assert [event["subject"] for event in events] == ["fnd_0", "fnd_1", "fnd_2"]
    assert {event["created_at"] for event in events} == {"2026-01-31T09:30:00.000Z"}
    assert events[0]["actor"]["credential_id"] == "tok_a"


def test_what_has_no_room_is_counted_and_told(database: Database) -> None:
    reads = Reads(database, most=2)
    for number in range(5):
        reads.add(read(number))
    reads.flush()
    told = [(event["type"], event["data"]) for event in listed(database)]
    assert told == [("evidence.read", {})] * 2 + [("event.reads_lost", {"count": 3})]


def test_what_a_database_does_not_take_is_written_once_it_does(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    database = SqliteDatabase(settings.sqlite_path)
    reads = Reads(database)
    reads.add(read(0))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        reads.flush()
    reads.add(read(1))
    migrate(settings)
    reads.flush()
    assert [event["subject"] for event in listed(database)] == ["fnd_0", "fnd_1"]
    database.close()
