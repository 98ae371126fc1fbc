"""Background work of audits: the job that runs one, and the look-out for abandoned ones."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from cloudsealed.audits.model import AuditNotFoundError
from cloudsealed.audits.service import JOB
from cloudsealed.audits.steps.run import Runner
from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import Job, enqueue
from cloudsealed.jobs.store import has_open_job
from cloudsealed.kit.clock import Clock
from cloudsealed.kit.logs import say
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import AuditStatus

log = logging.getLogger(__name__)

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
        began = time.monotonic()
        say(log, "audit started")
        while self._goes_on(status := self._status(job), began):
            ran = self._runner.run(
                tenant=job.tenant,
                ident=job.subject,
                owner=_owner(self._owner, job),
                report=_Watched(job).report,
            )
            if not ran:
                job.progressed()  # another worker's audit gets on, or its lease runs out
                self._pause.wait(_HELD_SECONDS)
        gc.collect()  # the SDK's sessions are cycles: a quarter of all memory before Python looks
        say(log, "audit ended", outcome=status or "deleted", seconds=_since(began))

    def give_up(self, job: Job, reason: Mapping[str, str]) -> None:
        """End the job's audit `failed`, unless another worker brings it to its end."""
        began = time.monotonic()
        while self._goes_on(self._status(job), began):
            owner = _owner(self._owner, job)
            if not self._runner.give_up(
                tenant=job.tenant, ident=job.subject, owner=owner, reason=reason
            ):
                self._pause.wait(_HELD_SECONDS)

    def _goes_on(self, status: AuditStatus | None, began: float) -> bool:
        waits = time.monotonic() - began < _LONGEST_WAIT
        return status is not None and not status.is_final and waits

    def _status(self, job: Job) -> AuditStatus | None:
        try:
            return self._store.shown(tenant=job.tenant, ident=job.subject).status
        except AuditNotFoundError:
            return None


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


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def adopt_abandoned(database: Database, clock: Clock) -> int:
    """Queue every audit whose worker died without leaving a job; return how many."""
    adopted = 0
    for tenant, ident in AuditStore(database, clock).abandoned():
        with database.write() as connection:
            if not has_open_job(connection, tenant=tenant, subject=ident):
                enqueue(connection, tenant=tenant, kind=JOB, subject=ident)
                adopted += 1
    return adopted
