"""Rows of jobs: enqueue, claim under a lease, renew, finish. The only SQL of jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, or_, select

from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.storage.database import Connection, Database, one_of
from cloudsealed.storage.schema import jobs

LEASE_SECONDS = 15
RENEW_SECONDS = 5
MAX_ATTEMPTS = 5

_INSERT = jobs.insert()
_CLAIMABLE = (  # tenantless: job by lease
    select(jobs.c.tenant_id, jobs.c.id, jobs.c.subject, jobs.c.epoch, jobs.c.attempts)
    .where(
        jobs.c.kind == bindparam("kind"),
        or_(
            jobs.c.status == "queued",
            and_(jobs.c.status == "running", jobs.c.until < bindparam("now")),
        ),
    )
    .order_by(jobs.c.id)
    .limit(1)
)
_OPEN = select(jobs.c.id).where(
    jobs.c.tenant_id == bindparam("tenant"),
    jobs.c.subject == bindparam("about"),
    one_of(jobs.c.status, ("queued", "running")),
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
_FINISH = (
    jobs.update()
    .where(_HELD)
    .values(
        status=bindparam("new_status"),
        error=bindparam("new_error"),
        finished_at=bindparam("moment"),
    )
)


Admit = Callable[[], None]
"""Called once work was found good and before it is written; raises to refuse it (a spent budget)."""


def admitted() -> None:
    """Admit everything."""


@dataclass(frozen=True, slots=True)
class Job:
    """A unit of background work that this worker holds, fenced by its epoch."""

    tenant: str
    id: str
    kind: str
    subject: str
    epoch: int
    attempts: int

    @property
    def last_attempt(self) -> bool:
        """Whether a failure now is final."""
        return self.attempts >= MAX_ATTEMPTS


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
    connection.run(_INSERT, row)
    return str(row["id"])


def has_open_job(connection: Connection, *, tenant: str, subject: str) -> bool:
    """Say whether a job about `subject` is queued or running."""
    return connection.first(_OPEN, {"tenant": tenant, "about": subject}) is not None


class JobStore:
    """Claims, renews and finishes jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, *, kind: str, owner: str, now: datetime) -> Job | None:
        """Take the oldest job that is queued or whose worker's lease ran out; None when idle."""
        looked_for = {"kind": kind, "now": rfc3339(now)}
        with self._database.read() as connection:  # idle workers must not take the write lock
            if connection.first(_CLAIMABLE, looked_for) is None:
                return None
        with self._database.write() as connection:
            row = connection.first(_CLAIMABLE, looked_for)
            if row is None:
                return None
            job = Job(row[0], row[1], kind, row[2], row[3] + 1, row[4] + 1)
            values = {
                "tenant": job.tenant,
                "job": job.id,
                "fence": row[3],
                "new_owner": owner,
                "new_epoch": job.epoch,
                "new_until": _lease_end(now),
                "new_attempts": job.attempts,
            }
            return job if connection.run(_TAKE, values) else None

    def renew(self, job: Job, *, now: datetime) -> bool:
        """Hold `job` for another lease; False when another worker took it."""
        with self._database.write() as connection:
            return connection.run(_RENEW, {**_fence(job), "new_until": _lease_end(now)}) == 1

    def finish(self, job: Job, *, now: datetime, error: str | None = None) -> None:
        """Record that `job` is done; with `error` it is tried again, MAX_ATTEMPTS times in all."""
        again = error is not None and not job.last_attempt
        values = {
            "new_status": "queued" if again else ("failed" if error else "done"),
            "new_error": error,
            "moment": rfc3339(now),
        }
        with self._database.write() as connection:
            connection.run(_FINISH, {**_fence(job), **values})


def _fence(job: Job) -> dict[str, str | int]:
    return {"tenant": job.tenant, "job": job.id, "fence": job.epoch}


def _lease_end(now: datetime) -> str:
    return rfc3339(now + timedelta(seconds=LEASE_SECONDS))
