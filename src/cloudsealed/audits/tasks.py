"""Background work of audits: the job that does some shards of one, and the look-out for audits that
nobody works at."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cloudsealed.audits.model import AuditNotFoundError
from cloudsealed.audits.shard_store import JOB, Shards
from cloudsealed.audits.steps.run import Runner
from cloudsealed.jobs import Job, enqueue
from cloudsealed.jobs.store import queued
from cloudsealed.kit.clock import Clock
from cloudsealed.storage.database import Database


class RunAudit:
    """The handler of jobs of the kind `audit`: does one lease's shards, and ends.

    Whoever ends shards queues jobs for those that wait, so that audits take turns between shards.
    """

    def __init__(self, *, runner: Runner, owner: str) -> None:
        self._runner = runner
        self._owner = owner

    def __call__(self, job: Job) -> None:
        """Do shards of the job's audit, if any are left to do."""
        with suppress(AuditNotFoundError):
            self._runner.help(
                tenant=job.tenant,
                ident=job.subject,
                owner=_owner(self._owner, job),
                report=_Watched(job).report,
                sign=job.progressed,
            )
        gc.collect()  # the SDK's sessions are cycles: a quarter of all memory before Python looks

    def give_up(self, job: Job, reason: Mapping[str, str]) -> None:
        """End the job's audit `failed`, unless other workers bring it to its end."""
        owner = _owner(self._owner, job)
        self._runner.give_up(tenant=job.tenant, ident=job.subject, owner=owner, reason=reason)


class _Watched:
    """Tells a job of its audit's progress: another phase, or one of its counts went up."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._last: tuple[str, dict[str, Any]] | None = None

    def report(self, phase: str, counts: Mapping[str, Any]) -> None:
        if (now := (phase, dict(counts))) != self._last:
            self._last = now
            self._job.progressed()


def _owner(worker: str, job: Job) -> str:
    return f"{worker}:{job.id}:{job.epoch}"


def adopt_abandoned(database: Database, clock: Clock) -> int:
    """Queue a job for every audit with shards that nobody does or is to do; return how many."""
    adopted = 0
    for tenant, ident in Shards(database, clock).abandoned():
        with database.write() as connection:
            if not queued(connection, tenant=tenant, subject=ident):
                enqueue(connection, tenant=tenant, kind=JOB, subject=ident)
                adopted += 1
    return adopted
