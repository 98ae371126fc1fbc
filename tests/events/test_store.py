"""Events are written with what they tell of, and read in order by whom they are about."""

from __future__ import annotations

import pytest

from cloudsealed.events import EventStore, emit
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


def test_a_subjects_events_are_read_oldest_first_from_behind_the_last_one(
    database: Database,
) -> None:
    made = [add(database, "aud_a", number) for number in range(5)]
    add(database, "aud_b", 9)
    add(database, "aud_a", 9, tenant="ten_b")
    store = EventStore(database)
    found = store.of_subject(tenant="ten_a", subject="aud_a")
    assert [event["id"] for event in found] == made
    assert [event["data"] for event in found] == [{"n": number} for number in range(5)]
    later = store.of_subject(tenant="ten_a", subject="aud_a", after=made[1], limit=2)
    assert [event["id"] for event in later] == made[2:4]
    assert store.of_subject(tenant="ten_a", subject="aud_a", after=made[-1]) == []


def test_an_event_has_the_shape_of_the_api(database: Database) -> None:
    ident = add(database, "aud_a", 1)
    (event,) = EventStore(database).of_subject(tenant="ten_a", subject="aud_a")
    assert event.pop("created_at").endswith("Z")
    assert event == {
        "id": ident, "object": "event", "type": "audit.completed", "subject": "aud_a",
        "data": {"n": 1},
    }  # fmt: skip


def test_an_event_of_a_transaction_that_failed_never_was(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            emit(connection, tenant="ten_a", kind=EventType.AUDIT_FAILED, subject="aud_a", data={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert EventStore(database).of_subject(tenant="ten_a", subject="aud_a") == []
