"""Events are written with what they tell of, and read in order by whom they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from cloudsealed.events import OPERATOR, Actor, Deed, EventStore, append, doing, emit
from cloudsealed.kit.cursor import Position
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.migrate import migrate
from cloudsealed.vocabulary import EventType


def add(database: Database, subject: str, number: int, tenant: str = "ten_a") -> str:
    with database.write() as connection:
        return append(
            connection,
            tenant=tenant,
            kind=EventType.AUDIT_COMPLETED,
            subject=subject,
            data={"n": number},
        )


def listed(database: Database, subject: str = "aud_a", **page: Any) -> list[Any]:
    """Return a subject's events of a page, newest first."""
    filters = {"subject": (subject,)}
    found = EventStore(database).list(tenant="ten_a", filters=filters, **page)
    return [orjson.loads(item) for item in found.items]


def test_a_subjects_events_are_read_newest_first_and_nobody_elses(database: Database) -> None:
    made = [add(database, "aud_a", number) for number in range(5)]
    add(database, "aud_b", 9)
    add(database, "aud_a", 9, tenant="ten_b")
    found = listed(database)
    assert [event["id"] for event in found] == made[::-1]
    assert [event["data"] for event in found] == [{"n": number} for number in range(4, -1, -1)]
    later = listed(database, after=Position(made[3]), limit=2)
    assert [event["id"] for event in later] == [made[2], made[1]]
    assert listed(database, after=Position(made[0])) == []


def test_an_event_has_the_shape_of_the_api(database: Database) -> None:
    ident = add(database, "aud_a", 1)
    (event,) = listed(database)
    assert event.pop("created_at").endswith("Z")
    assert event == {
        "id": ident,
        "object": "event",
        "tenant_id": "ten_a",
        "type": "audit.completed",
        "subject": "aud_a",
        "actor": None,
        "request_id": None,
        "data": {"n": 1},
        "before": None,
        "after": None,
        "sequence": None,
        "previous": None,
        "hash": None,
        "signature": None,
    }


def test_an_event_of_a_transaction_that_failed_never_was(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            emit(connection, tenant="ten_a", kind=EventType.AUDIT_FAILED, subject="aud_a", data={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert listed(database) == []


def tell(database: Database, kind: EventType, **data: Any) -> None:
    with database.write() as connection:
        emit(connection, tenant="ten_a", kind=kind, subject="aud_a", data=data, actor=OPERATOR)


def test_what_is_told_for_a_deed_has_its_actor_and_its_own_event_is_left_to_it(
    database: Database,
) -> None:
    deed = Deed(Actor("usr_a", "gra_a", "192.0.2.7"), "req_a", EventType.AUDIT_CANCELED)
    with doing(deed):
        tell(database, EventType.AUDIT_FAILED)
        tell(database, EventType.AUDIT_CANCELED, own=1)
        tell(database, EventType.AUDIT_CANCELED, second=2)
    tell(database, EventType.AUDIT_COMPLETED)
    told = [(event["type"], event["data"], event["request_id"]) for event in listed(database)]
    assert told == [
        ("audit.completed", {}, None),
        ("audit.canceled", {"second": 2}, "req_a"),
        ("audit.failed", {}, "req_a"),
    ]
    assert (deed.subject, deed.facts) == ("aud_a", {"own": 1})
    kinds = [event["actor"]["kind"] for event in listed(database)]
    assert kinds == ["operator", "app", "app"]
    assert listed(database)[1]["actor"]["ip"] == "192.0.2.7"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events",
        "UPDATE events SET data = '{}'",
        "UPDATE events SET data = '{}', sequence = 1",
        "UPDATE events SET user_id = 'usr_other', sequence = 1",
        "UPDATE events SET hash = 'x'",
    ],
)
def test_the_database_lets_nobody_change_or_remove_an_event(
    database: Database, statement: str
) -> None:
    add(database, "aud_a", 1)
    with pytest.raises(Exception, match="events are never"), database.write() as connection:
        connection.run(text(statement))
    assert listed(database)[0]["data"] == {"n": 1}


@pytest.mark.parametrize("change", ["id = id", "id = 'evt_other'"])
def test_no_event_takes_the_place_of_another(tmp_path: Path, change: str) -> None:
    """By its id, or by its number in the chain; on PostgreSQL no insertion replaces a row."""
    settings = Settings(data_dir=tmp_path)
    migrate(settings)
    database = SqliteDatabase(settings.sqlite_path)
    add(database, "aud_a", 1)
    with database.write() as connection:
        connection.run(text("UPDATE events SET sequence = 1, hash = 'x'"))
    with database.write() as connection:
        connection.run(text("CREATE TEMP TABLE copy AS SELECT * FROM events"))
        connection.run(text(f"UPDATE copy SET data = '{{}}', {change}"))
        with pytest.raises(Exception, match="events are never"):
            connection.run(text("INSERT OR REPLACE INTO events SELECT * FROM copy"))
    assert listed(database)[0]["data"] == {"n": 1}
    database.close()
