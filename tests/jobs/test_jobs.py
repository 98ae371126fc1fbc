"""Jobs are delivered at least once, to one worker at a time, under a lease."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from cloudsealed.jobs import Job, Worker, enqueue
from cloudsealed.jobs.store import LEASE_SECONDS, MAX_ATTEMPTS, JobStore, has_open_job
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.database import Database

TENANT = "ten_a"


def add(database: Database, subject: str = "x") -> None:
    with database.write() as connection:
        enqueue(connection, tenant=TENANT, kind="audit", subject=subject)


def test_a_job_is_claimed_once_and_in_order(database: Database) -> None:
    add(database, "first")
    add(database, "second")
    store = JobStore(database)
    claimed = [store.claim(kind="audit", owner="w", now=utc_now()) for _ in range(3)]
    assert [job.subject if job else None for job in claimed] == ["first", "second", None]
    assert store.claim(kind="report", owner="w", now=utc_now()) is None


def test_a_job_of_a_dead_worker_is_taken_over_and_the_dead_one_cannot_finish_it(
    database: Database,
) -> None:
    add(database)
    store, now = JobStore(database), utc_now()
    old = store.claim(kind="audit", owner="dead", now=now)
    assert old is not None
    after = now + timedelta(seconds=LEASE_SECONDS + 1)
    new = store.claim(kind="audit", owner="alive", now=after)
    assert new is not None
    assert not store.renew(old, now=after)
    store.finish(old, now=after)
    with database.read() as connection:
        assert has_open_job(connection, tenant=TENANT, subject="x")
    store.finish(new, now=after)
    with database.read() as connection:
        assert not has_open_job(connection, tenant=TENANT, subject="x")


def test_a_job_that_fails_is_tried_again_so_many_times(database: Database) -> None:
    add(database)
    seen: list[int] = []

    def fail(job: Job) -> None:
        seen.append(job.attempts)
        raise RuntimeError("no")

    worker = Worker(database, {"audit": fail}, slots={"audit": 1})
    while worker.run_once("audit"):
        pass
    assert seen == list(range(1, MAX_ATTEMPTS + 1))


def test_workers_that_race_share_the_jobs(database: Database) -> None:
    for number in range(12):
        add(database, f"job-{number}")
    done: list[str] = []
    barrier = threading.Barrier(3)

    def run() -> None:
        worker = Worker(
            database, {"audit": lambda job: done.append(job.subject)}, slots={"audit": 1}
        )
        barrier.wait()
        while worker.run_once("audit"):
            pass

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == sorted(f"job-{number}" for number in range(12))


def test_a_job_is_only_there_when_its_transaction_committed(database: Database) -> None:
    def broken() -> None:
        with database.write() as connection:
            enqueue(connection, tenant=TENANT, kind="audit", subject="x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert JobStore(database).claim(kind="audit", owner="w", now=utc_now()) is None
