"""Rows of jobs: enqueue, claim under a lease, renew, finish. The only SQL of jobs.

A queued job's `until` is when it may be tried again, a running job's when its lease runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, null, or_, select

from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id, ulid
from cloudsealed.kit.traces import Kind, span
from cloudsealed.storage.database import Connection, Database, Row, one_of
from cloudsealed.storage.schema import jobs

LEASE_SECONDS = 15
RENEW_SECONDS = 5
MAX_ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 1, 300
"""Seconds before a failed job is tried again: twice as long after each attempt."""
OUTAGE_SECONDS = 10
"""Seconds before a job is tried again that met an outage, which is no fault of its own."""
_KEPT = timedelta(days=7)
_ABSURD = timedelta(hours=1)  # what is due later was written under a clock that ran ahead

_INSERT = jobs.insert()
_IS_DUE = or_(
    and_(jobs.c.status == "queued", or_(jobs.c.until.is_(None), jobs.c.until <= bindparam("now"))),
    and_(jobs.c.status == "running", jobs.c.until < bindparam("now")),
    and_(one_of(jobs.c.status, ("queued", "running")), jobs.c.until > bindparam("absurd")),
)
_OF_KIND = jobs.c.kind == bindparam("kind")
_LIVE = and_(
    jobs.c.status == "running",
    jobs.c.until >= bindparam("now"),
    jobs.c.until <= bindparam("absurd"),
)
_DUE = (  # tenantless: job by lease
    select(jobs.c.tenant_id, func.min(jobs.c.id))
    .where(_OF_KIND, _IS_DUE, jobs.c.attempts <= bindparam("tried"))
    .group_by(jobs.c.tenant_id)
)
_RUNNING = (  # tenantless: job by lease
    select(jobs.c.tenant_id, func.count()).where(_OF_KIND, _LIVE).group_by(jobs.c.tenant_id)
)
_ONE_DUE = select(jobs.c.subject, jobs.c.epoch, jobs.c.attempts).where(
    jobs.c.tenant_id == bindparam("tenant"), jobs.c.id == bindparam("job"), _IS_DUE
)
_OPEN = select(jobs.c.id).where(
    jobs.c.tenant_id == bindparam("tenant"),
    jobs.c.subject == bindparam("about"),
    one_of(jobs.c.status, ("queued", "running")),
)
_QUEUED = select(func.count()).where(
    jobs.c.tenant_id == bindparam("tenant"),
    jobs.c.subject == bindparam("about"),
    jobs.c.status == "queued",
)
_FORGET = jobs.delete().where(
    jobs.c.tenant_id == bindparam("tenant"),
    jobs.c.subject == bindparam("about"),
    jobs.c.status == "queued",
)
_HELD = and_(
    jobs.c.tenant_id == bindparam("tenant"),
    jobs.c.id == bindparam("job"),
    jobs.c.epoch == bindparam("fence"),
)
_TAKE = (
    jobs.update()
    .where(_HELD)
    .values(
        status="running",
        owner=bindparam("new_owner"),
        epoch=bindparam("new_epoch"),
        until=bindparam("new_until"),
        attempts=bindparam("new_attempts"),
    )
)
_RENEW = jobs.update().where(_HELD).values(until=bindparam("new_until"))
_END = (
    jobs.update()
    .where(_HELD)
    .values(
        status=bindparam("new_status"),
        error=bindparam("new_error"),
        finished_at=bindparam("moment"),
    )
)
_PUT_BACK = (
    jobs.update()
    .where(_HELD)
    .values(
        status="queued",
        owner=null(),
        until=bindparam("new_until"),
        error=bindparam("new_error"),
        attempts=bindparam("new_attempts"),
        epoch=jobs.c.epoch + 1,
    )
)
_STANDING = (  # tenantless: housekeeping
    select(jobs.c.kind, jobs.c.status, func.count(), func.min(jobs.c.created_at))
    .where(one_of(jobs.c.status, ("queued", "running")))
    .group_by(jobs.c.kind, jobs.c.status)
)
_PURGE = jobs.delete().where(  # tenantless: housekeeping
    one_of(jobs.c.status, ("done", "failed")), jobs.c.id < bindparam("before")
)


Admit = Callable[[], None]
"""Called once work was found good and before it is written; raises to refuse it (a spent budget)."""


def admitted() -> None:
    """Admit everything."""


def _untold() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of background work that this worker holds, fenced by its epoch.

    `progressed` says that the work got on: a job that does not for too long is taken for hung.
    """

    tenant: str
    id: str
    kind: str
    subject: str
    epoch: int
    attempts: int
    progressed: Callable[[], None] = field(default=_untold, compare=False, repr=False)

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is final."""
        return self.attempts >= MAX_ATTEMPTS

    @property
    def is_spent(self) -> bool:
        """Whether its workers died in every attempt: it is held only to be ended."""
        return self.attempts > MAX_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Standing:
    """How many jobs of a kind are `queued` or `running`, and when the oldest was made."""

    kind: str
    status: str
    count: int
    oldest: str


def enqueue(connection: Connection, *, tenant: str, kind: str, subject: str) -> str:
    """Add a job in the caller's transaction; return its id."""
    row = {
        "tenant_id": tenant,
        "id": new_id("job"),
        "kind": kind,
        "subject": subject,
        "status": "queued",
        "attempts": 0,
        "owner": None,
        "epoch": 0,
        "until": None,
        "error": None,
        "created_at": rfc3339(utc_now()),
        "finished_at": None,
    }
    ident = str(row["id"])
    facts = {"tenant": tenant, "job": ident, "subject": subject, "kind": kind}
    with span(f"{kind} queued", Kind.PRODUCER, facts, work=ident):
        connection.run(_INSERT, row)
    return ident


def has_open_job(connection: Connection, *, tenant: str, subject: str) -> bool:
    """Say whether a job about `subject` is queued or running."""
    return connection.first(_OPEN, {"tenant": tenant, "about": subject}) is not None


def queued(connection: Connection, *, tenant: str, subject: str) -> int:
    """Return how many jobs about `subject` wait."""
    row = connection.first(_QUEUED, {"tenant": tenant, "about": subject})
    return int(row[0]) if row else 0


def forget_queued(connection: Connection, *, tenant: str, subject: str) -> None:
    """Drop the jobs about `subject` that wait: it has ended."""
    connection.run(_FORGET, {"tenant": tenant, "about": subject})


class JobStore:
    """Claims, renews and finishes jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(
        self,
        *,
        kind: str,
        owner: str,
        now: datetime,
        served: Mapping[str, int] | None = None,
        retried: bool = True,
    ) -> Job | None:
        """Take a job that is queued or whose worker's lease ran out; None when idle.

        Of the tenant with the fewest jobs of the kind at work, then of the one whose number in
        `served` is lowest: the oldest. Without `retried` only one that was never tried.
        """
        asked = {
            "kind": kind,
            "now": rfc3339(now),
            "absurd": rfc3339(now + _ABSURD),
            "tried": MAX_ATTEMPTS if retried else 0,
        }
        with self._database.read() as connection:  # idle workers must not take the write lock
            if connection.first(_DUE, asked) is None:
                return None
        with self._database.write() as connection:
            found = _next(connection, asked, served or {})
            return _take(connection, found, asked, owner, now) if found else None

    def renew(self, job: Job, *, now: datetime) -> bool:
        """Hold `job` for another lease; False when another worker took it."""
        with self._database.write() as connection:
            return connection.run(_RENEW, {**_fence(job), "new_until": _lease_end(now)}) == 1

    def end(self, job: Job, *, now: datetime, error: str | None = None) -> None:
        """Record that `job` is done, or with `error` that it failed for good."""
        values = {
            "new_status": "failed" if error else "done",
            "new_error": error,
            "moment": rfc3339(now),
        }
        with self._database.write() as connection:
            connection.run(_END, {**_fence(job), **values})

    def try_again(self, job: Job, *, now: datetime, error: str) -> None:
        """Queue a job that failed, with a pause that grows with its attempts."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (job.attempts - 1))
        self._put_back(job, job.attempts, _moment(now, pause), error)

    def postpone(self, job: Job, *, now: datetime, error: str) -> None:
        """Queue a job that met an outage: the attempt does not count."""
        self._put_back(job, job.attempts - 1, _moment(now, OUTAGE_SECONDS), error)

    def release(self, job: Job) -> None:
        """Queue a job whose worker ends in order: the attempt does not count."""
        self._put_back(job, job.attempts - 1, None, None)

    def strike(self, job: Job, *, now: datetime, error: str) -> None:
        """Queue a job that hung: it is tried once more, and then ended."""
        self._put_back(job, max(job.attempts, MAX_ATTEMPTS - 1), _moment(now, FIRST_PAUSE), error)

    def standing(self) -> list[Standing]:
        """Return how many jobs are waiting and at work, by kind."""
        with self._database.read() as connection:
            return [Standing(*row) for row in connection.all(_STANDING)]

    def purge(self, *, now: datetime) -> None:
        """Forget the jobs that ended and were made more than a week ago."""
        before = f"job_{ulid(int((now - _KEPT).timestamp() * 1000))[:10]}"
        with self._database.write() as connection:
            connection.run(_PURGE, {"before": before})

    def _put_back(self, job: Job, attempts: int, until: str | None, error: str | None) -> None:
        values = {"new_attempts": attempts, "new_until": until, "new_error": error}
        with self._database.write() as connection:
            connection.run(_PUT_BACK, {**_fence(job), **values})


def _next(
    connection: Connection, asked: Mapping[str, Any], served: Mapping[str, int]
) -> Row | None:
    """Return (tenant, id) of the job whose turn it is."""
    at_work: dict[str, int] = dict(
        connection.all(_RUNNING, {name: asked[name] for name in ("kind", "now", "absurd")})
    )
    return min(
        connection.all(_DUE, asked),
        key=lambda row: (at_work.get(row[0], 0), served.get(row[0], 0), row[1]),
        default=None,
    )


def _take(
    connection: Connection, found: Row, asked: Mapping[str, Any], owner: str, now: datetime
) -> Job | None:
    tenant, ident = found
    values = {"tenant": tenant, "job": ident}
    moments = {name: asked[name] for name in ("now", "absurd")}
    row = connection.first(_ONE_DUE, {**values, **moments})
    if row is None:
        return None
    job = Job(tenant, ident, asked["kind"], row[0], row[1] + 1, row[2] + 1)
    values |= {
        "fence": row[1],
        "new_owner": owner,
        "new_epoch": job.epoch,
        "new_until": _lease_end(now),
        "new_attempts": min(job.attempts, MAX_ATTEMPTS),
    }
    return job if connection.run(_TAKE, values) else None


def _fence(job: Job) -> dict[str, str | int]:
    return {"tenant": job.tenant, "job": job.id, "fence": job.epoch}


def _moment(now: datetime, seconds: float) -> str:
    return rfc3339(now + timedelta(seconds=seconds))


def _lease_end(now: datetime) -> str:
    return _moment(now, LEASE_SECONDS)
