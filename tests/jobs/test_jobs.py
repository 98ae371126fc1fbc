"""Jobs are delivered at least once, to one worker at a time, under a lease, in fair turns."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from tests.waiting import SECONDS

from cloudsealed.jobs import Job, Worker, enqueue
from cloudsealed.jobs.store import (
    LEASE_SECONDS,
    LONGEST_PAUSE,
    MAX_ATTEMPTS,
    JobStore,
    has_open_job,
)
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.storage.schema import jobs

TENANT = "ten_a"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def add(database: Database, subject: str = "x", tenant: str = TENANT) -> None:
    with database.write() as connection:
        enqueue(connection, tenant=tenant, kind="audit", subject=subject)


def is_open(database: Database, subject: str = "x") -> bool:
    with database.read() as connection:
        return has_open_job(connection, tenant=TENANT, subject=subject)


def row(database: Database, subject: str = "x") -> tuple[str, int, str | None]:
    statement = jobs.select().with_only_columns(jobs.c.status, jobs.c.attempts, jobs.c.error)
    with database.read() as connection:
        found = connection.first(statement.where(jobs.c.subject == subject))
    assert found is not None
    return found[0], found[1], found[2]


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
    store.end(old, now=after)
    assert is_open(database)
    store.end(new, now=after)
    assert not is_open(database)


def test_a_job_that_fails_is_tried_again_so_many_times_each_after_a_longer_pause(
    database: Database,
) -> None:
    add(database)
    seen: list[int] = []
    given_up: list[str] = []
    clock = Clock()

    def fail(job: Job) -> None:
        seen.append(job.attempts)
        raise RuntimeError("no")

    worker = Worker(
        database,
        {"audit": fail},
        slots={"audit": 1},
        clock=clock,
        endings={"audit": lambda job, why: given_up.append(f"{job.subject}: {why['message']}")},
    )
    pauses = []
    while is_open(database):
        pauses.append(0)
        while not worker.run_once("audit"):
            clock.pass_by(1)
            pauses[-1] += 1
    assert seen == list(range(1, MAX_ATTEMPTS + 1))
    assert pauses == [0, 1, 2, 4, 8]
    assert max(pauses) < LONGEST_PAUSE
    assert given_up == ["x: It failed 5 times; the server's log says why"]
    assert row(database) == ("failed", 5, "RuntimeError: no")


def test_a_job_that_is_refused_with_a_code_ends_with_that_code(database: Database) -> None:
    add(database)
    given_up: list[Mapping[str, str]] = []
    clock = Clock()

    def refuse(_job: Job) -> None:
        raise NotFoundError("connection", "con_x")

    worker = Worker(
        database,
        {"audit": refuse},
        slots={"audit": 1},
        clock=clock,
        endings={"audit": lambda _job, why: given_up.append(why)},
    )
    while is_open(database):
        worker.run_once("audit")
        clock.pass_by(1)
    assert given_up == [{"code": "not_found", "message": "No such connection: con_x"}]


def test_a_job_whose_workers_died_in_every_attempt_is_ended_and_not_run_again(
    database: Database,
) -> None:
    add(database)
    store, clock = JobStore(database), Clock()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = store.claim(kind="audit", owner=f"dead-{attempt}", now=clock.now)
        assert job is not None
        assert (job.attempts, job.is_spent) == (attempt, False)
        clock.pass_by(LEASE_SECONDS + 1)
    ran: list[Job] = []
    given_up: list[str] = []
    worker = Worker(
        database,
        {"audit": ran.append},
        slots={"audit": 1},
        clock=clock,
        endings={"audit": lambda job, why: given_up.append(f"{job.subject}: {why['message']}")},
    )
    assert worker.run_once("audit")
    assert ran == []
    assert given_up == ["x: The worker ended 5 times while this ran, so it is not tried again"]
    assert row(database)[:2] == ("failed", 5)
    clock.pass_by(LONGEST_PAUSE)
    assert not worker.run_once("audit")


def test_an_outage_is_no_attempt_of_the_job(database: Database) -> None:
    add(database)
    clock = Clock()

    def wait(job: Job) -> None:
        raise ServiceUnavailableError("The disk is full")

    worker = Worker(database, {"audit": wait}, slots={"audit": 1}, clock=clock)
    for _ in range(3 * MAX_ATTEMPTS):
        assert worker.run_once("audit")
        assert not worker.run_once("audit"), "it is tried again at once"
        assert row(database) == ("queued", 0, "The disk is full")
        clock.pass_by(60)


def test_the_jobs_of_a_worker_that_ends_in_order_are_there_at_once(database: Database) -> None:
    add(database)
    at_work, go_on = threading.Event(), threading.Event()

    def work(job: Job) -> None:
        at_work.set()
        go_on.wait(SECONDS)

    worker = Worker(database, {"audit": work}, slots={"audit": 1})
    worker.start()
    assert at_work.wait(SECONDS)
    worker.stop(timeout=0)
    worker.release()
    again = JobStore(database).claim(kind="audit", owner="next", now=utc_now())
    assert again is not None
    assert again.attempts == 1
    go_on.set()
    worker.stop()
    assert is_open(database), "the first one cannot finish it any more"


@pytest.mark.parametrize("ended", ["killed", "put back"])
def test_a_job_that_a_clock_which_ran_ahead_put_off_is_there_when_that_is_right(
    database: Database, ended: str
) -> None:
    now, store = utc_now(), JobStore(database)
    ahead = now + timedelta(days=60)
    with database.write() as connection:
        enqueue(connection, tenant="ten_a", kind="audit", subject="aud_1")
    job = store.claim(kind="audit", owner="w", now=ahead)
    assert job is not None
    if ended == "put back":
        store.try_again(job, now=ahead, error="x")
    again = store.claim(kind="audit", owner="w", now=now)
    assert again is not None
    assert (again.id, again.attempts) == (job.id, 2)
    assert store.claim(kind="audit", owner="w", now=now) is None


def test_tenants_take_turns(database: Database) -> None:
    for number in range(8):
        add(database, f"a{number}", "ten_a")
    add(database, "b0", "ten_b")
    add(database, "b1", "ten_b")
    order: list[str] = []
    worker = Worker(database, {"audit": lambda job: order.append(job.subject)}, slots={"audit": 1})
    while worker.run_once("audit"):
        pass
    assert order == ["a0", "b0", "a1", "b1", "a2", "a3", "a4", "a5", "a6", "a7"]


def test_a_tenant_with_work_in_progress_waits_for_one_without(database: Database) -> None:
    for number in range(3):
        add(database, f"a{number}", "ten_a")
    add(database, "b0", "ten_b")
    store, now = JobStore(database), utc_now()
    claimed = [store.claim(kind="audit", owner="w", now=now) for _ in range(4)]
    assert [job.subject for job in claimed if job] == ["a0", "b0", "a1", "a2"]


def test_of_jobs_that_were_tried_before_a_worker_runs_one_at_a_time(database: Database) -> None:
    """One that ends its worker must not use up the attempts of another beside it."""
    add(database, "one")
    add(database, "other")
    store, clock = JobStore(database), Clock()
    for _ in range(2):
        store.claim(kind="audit", owner="dead", now=clock.now)
    clock.pass_by(LEASE_SECONDS + 1)
    add(database, "fresh")
    order: list[str] = []
    go_on = threading.Event()

    def work(job: Job) -> None:
        order.append(job.subject)
        if job.subject == "one":
            go_on.wait(SECONDS)

    worker = Worker(database, {"audit": work}, slots={"audit": 1}, clock=clock)
    first = threading.Thread(target=worker.run_once, args=("audit",))
    first.start()
    while order != ["one"]:
        go_on.wait(0.01)
    assert worker.run_once("audit")
    assert not worker.run_once("audit")
    assert order == ["one", "fresh"]
    go_on.set()
    first.join(SECONDS)
    assert worker.run_once("audit")
    assert order == ["one", "fresh", "other"]


def test_jobs_that_ended_long_ago_are_forgotten(database: Database) -> None:
    add(database, "done")
    add(database, "open")
    store = JobStore(database)
    job = store.claim(kind="audit", owner="w", now=utc_now())
    assert job is not None
    store.end(job, now=utc_now())
    store.purge(now=utc_now() + timedelta(days=6))
    assert row(database, "done")[0] == "done"
    store.purge(now=utc_now() + timedelta(days=8))
    assert [s.status for s in store.standing()] == ["queued"]
    with database.read() as connection:
        assert len(connection.all(jobs.select())) == 1


def test_what_is_waiting_and_at_work_is_told_by_kind(database: Database) -> None:
    add(database, "one")
    add(database, "two")
    store, now = JobStore(database), utc_now()
    store.claim(kind="audit", owner="w", now=now)
    found = {(s.kind, s.status): s.count for s in store.standing()}
    assert found == {("audit", "queued"): 1, ("audit", "running"): 1}
    assert all(s.oldest <= rfc3339(now) for s in store.standing())


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
        thread.join(SECONDS)
    assert sorted(done) == sorted(f"job-{number}" for number in range(12))


def test_a_job_is_only_there_when_its_transaction_committed(database: Database) -> None:
    def broken() -> None:
        with database.write() as connection:
            enqueue(connection, tenant=TENANT, kind="audit", subject="x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert JobStore(database).claim(kind="audit", owner="w", now=utc_now()) is None
