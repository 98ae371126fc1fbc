"""An audit whose worker died is found; one that another worker holds is left to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.audits.world import TENANT, Clock

from cloudsealed.audits.shard_store import LEASE_SECONDS
from cloudsealed.audits.tasks import _Watched, adopt_abandoned
from cloudsealed.jobs import Job
from cloudsealed.jobs.store import has_open_job
from cloudsealed.storage.database import Database


def test_an_audit_whose_worker_died_is_queued_once(
    database: Database, begin: Any, clock: Clock
) -> None:
    audit = begin()
    audit.take("worker that dies")
    assert adopt_abandoned(database, clock) == 0
    clock.move(seconds=LEASE_SECONDS + 1)
    assert [adopt_abandoned(database, clock) for _ in range(3)] == [1, 0, 0]
    with database.read() as connection:
        assert has_open_job(connection, tenant=TENANT, subject=audit.id)


def test_an_audit_whose_lease_was_taken_under_a_clock_that_ran_ahead_is_queued(
    database: Database, begin: Any, clock: Clock
) -> None:
    audit = begin()
    clock.move(days=60)
    audit.take("worker that dies")
    clock.move(days=-60)
    assert adopt_abandoned(database, clock) == 1


THE_JOB = Job("ten_a", "job_a", "audit", "aud_a", 1, 1)


def test_only_another_phase_or_a_higher_count_is_progress() -> None:
    signs: list[int] = []
    watched = _Watched(replace(THE_JOB, progressed=lambda: signs.append(1)))
    counts = {"calls": 0, "tasks_done": 0}
    watched.report("collecting", counts)
    for _ in range(5):
        watched.report("collecting", counts)
    assert len(signs) == 1
    counts["calls"] = 1
    watched.report("collecting", counts)
    watched.report("evaluating", counts)
    assert len(signs) == 3
