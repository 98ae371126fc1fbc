"""Background work of audits: the job that runs one, and the look-out for abandoned ones."""

from __future__ import annotations

import threading
from time import monotonic

from cloudsealed.audits.model import AuditNotFoundError
from cloudsealed.audits.runner import Runner
from cloudsealed.audits.service import JOB
from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import Job, enqueue
from cloudsealed.jobs.store import has_open_job
from cloudsealed.kit.clock import Clock
from cloudsealed.storage.database import Database

_HELD_SECONDS = 1.0
_LONGEST_WAIT = 60.0
"""Seconds; who waits for another's audit takes a slot that other tenants need."""


class RunAudit:
    """The handler of jobs of the kind `audit`: waits a while when another worker holds the audit.

    Whoever holds it brings it to its end; if it dies, the look-out queues the audit again.
    """

    def __init__(self, *, runner: Runner, store: AuditStore, owner: str) -> None:
        self._runner = runner
        self._store = store
        self._owner = owner
        self._pause = threading.Event()

    def __call__(self, job: Job) -> None:
        """Run the job's audit to its end, or leave it to the worker that holds it."""
        waited = monotonic()
        while not self._is_over(job) and monotonic() - waited < _LONGEST_WAIT:
            owner = f"{self._owner}:{job.id}:{job.epoch}"
            if not self._runner.run(tenant=job.tenant, ident=job.subject, owner=owner):
                self._pause.wait(_HELD_SECONDS)

    def _is_over(self, job: Job) -> bool:
        try:
            return self._store.get(tenant=job.tenant, ident=job.subject).status.is_final
        except AuditNotFoundError:
            return True


def adopt_abandoned(database: Database, clock: Clock) -> int:
    """Queue every audit whose worker died without leaving a job; return how many."""
    adopted = 0
    for tenant, ident in AuditStore(database, clock).abandoned():
        with database.write() as connection:
            if not has_open_job(connection, tenant=tenant, subject=ident):
                enqueue(connection, tenant=tenant, kind=JOB, subject=ident)
                adopted += 1
    return adopted
