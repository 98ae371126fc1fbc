"""Others see a worker alive by its row, and what all workers counted by one sum."""

from __future__ import annotations

from datetime import timedelta

from cloudsealed.jobs import PulseStore
from cloudsealed.jobs.pulse_store import DEAD_SECONDS
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.database import Database

CALLS = ("provider_calls", (("outcome", "ok"), ("service", "s3")))
ENDED = ("jobs_ended", (("kind", "audit"),))


def test_a_worker_is_seen_until_it_leaves(database: Database) -> None:
    store, now = PulseStore(database), utc_now().replace(microsecond=0)
    for name in ("a:1", "b:2"):
        store.beat(name=name, started_at=now, now=now, state={"faults": {}}, counted={})
    later = now + timedelta(seconds=7)
    store.beat(name="a:1", started_at=now, now=later, state={"faults": {"x": "y"}}, counted={})
    first, second = store.all()
    assert (first.name, first.age(later), first.state) == ("a:1", 0, {"faults": {"x": "y"}})
    assert (second.name, second.age(later)) == ("b:2", 7)
    store.leave("a:1")
    assert [pulse.name for pulse in store.all()] == ["b:2"]


def test_a_worker_that_died_is_forgotten_after_an_hour(database: Database) -> None:
    store, now = PulseStore(database), utc_now().replace(microsecond=0)
    store.beat(name="dead:1", started_at=now, now=now, state={}, counted={})
    later = now + timedelta(minutes=61)
    store.beat(name="alive:2", started_at=later, now=later, state={}, counted={})
    assert [pulse.name for pulse in store.all()] == ["alive:2"]


def test_counts_of_every_worker_add_up_and_outlive_it(database: Database) -> None:
    store, now = PulseStore(database), utc_now().replace(microsecond=0)
    for name in ("a:1", "b:2"):
        store.beat(name=name, started_at=now, now=now, state={}, counted={CALLS: 3, ENDED: 1})
    store.beat(name="a:1", started_at=now, now=now, state={}, counted={CALLS: 4})
    store.leave("a:1")
    assert dict(store.counted()) == {CALLS: 10, ENDED: 2}


def test_the_first_of_those_alive_does_what_one_is_enough_for(database: Database) -> None:
    store, now = PulseStore(database), utc_now().replace(microsecond=0)
    assert store.is_first("b:2", now), "nobody else is known"
    for name in ("a:1", "b:2", "c:3"):
        store.beat(name=name, started_at=now, now=now, state={}, counted={})
    assert [store.is_first(name, now) for name in ("a:1", "b:2", "c:3")] == [True, False, False]
    later = now + timedelta(seconds=DEAD_SECONDS + 1)
    store.beat(name="c:3", started_at=now, now=later, state={}, counted={})
    assert store.is_first("c:3", later), "those before it are dead"
