"""Events are written with what they tell of, and read in order by whom they are about."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.events import EventStore, emit
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import EventType


def add(database: Database, subject: str, number: int, tenant: str = "ten_a") -> str:
    with database.write() as connection:
        return emit(
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
        "type": "audit.completed",
        "subject": "aud_a",
        "data": {"n": 1},
    }


def test_an_event_of_a_transaction_that_failed_never_was(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            emit(connection, tenant="ten_a", kind=EventType.AUDIT_FAILED, subject="aud_a", data={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert listed(database) == []
