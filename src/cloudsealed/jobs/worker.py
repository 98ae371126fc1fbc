"""The embedded worker: claims jobs of each kind and runs their handlers, a thread a slot.

It renews a job's lease only while its handler's thread lives and the job gets on. A thread cannot
be ended from outside, so a job that hangs is a `fault` of the worker: whoever runs it ends the
process, and the next one takes up the other jobs. It refuses to know what a job does.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from cloudsealed.jobs.store import MAX_ATTEMPTS, RENEW_SECONDS, Job, JobStore
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.kit.counts import COUNTS
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import about, say
from cloudsealed.kit.loop import Loop
from cloudsealed.kit.traces import Facts, Kind, span
from cloudsealed.storage.database import Database, ServiceUnavailableError

Handler = Callable[[Job], None]
Ending = Callable[[Job, Mapping[str, str]], None]
"""Ends what a job was about, that is not tried again, with the reason: a `code` and a `message`."""

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 900.0
_IDLE_SECONDS = 0.25
_BROKEN = ("failed", "retried")
_DIED = f"The worker ended {MAX_ATTEMPTS} times while this ran, so it is not tried again"
_FAILED = f"It failed {MAX_ATTEMPTS} times; the server's log says why"


def worker_name(pid: int | None = None) -> str:
    """Return the name of a process of this host as the owner of leases."""
    return f"{socket.gethostname()}:{pid or os.getpid()}"


@dataclass(slots=True)
class _Held:
    """A job at work. `began` and `progressed` are of a monotonic clock, in seconds."""

    job: Job
    thread: threading.Thread
    began: float
    progressed: float

    def sign(self) -> None:
        self.progressed = time.monotonic()

    def fault(self, patience: float, longest: float) -> str | None:
        now = time.monotonic()
        if not self.thread.is_alive():
            return "its thread ended"
        if now - self.progressed > patience:
            return f"it made no progress for {now - self.progressed:.0f} seconds"
        if now - self.began > longest:
            return f"it took longer than {longest:.0f} seconds"
        return None


class Worker:
    """Runs jobs until it is stopped: `slots` says how many of each kind at once.

    `endings` end the work of jobs that are given up, `leaving` gives back what else is at work when
    the process ends. A job may be without progress for `patience` seconds, and may take the
    `longest` of its kind.
    """

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        slots: Mapping[str, int],
        endings: Mapping[str, Ending] | None = None,
        patience: float = PATIENCE_SECONDS,
        longest: Mapping[str, float] | None = None,
        leaving: Callable[[], None] = lambda: None,
        clock: Clock = utc_now,
    ) -> None:
        self._store = JobStore(database)
        self._handlers = handlers
        self._endings = endings or {}
        self._patience = patience
        self._longest = longest or {}
        self._leaving = leaving
        self._clock = clock
        self._stopping = threading.Event()
        self._held: dict[str, _Held] = {}
        self._served: dict[str, int] = {}
        self._retrying = threading.Lock()
        self._loops = [
            Loop(
                f"{kind}-{slot}",
                partial(self.run_once, kind),
                every=_IDLE_SECONDS,
                stopping=self._stopping,
            )
            for kind in handlers
            for slot in range(slots[kind])
        ]

    def start(self) -> None:
        """Start every slot's thread."""
        for loop in self._loops:
            loop.start()

    def stop(self, timeout: float = 10) -> None:
        """Ask every slot to end after its present job, and wait up to `timeout` seconds in all."""
        self._stopping.set()
        ends = time.monotonic() + timeout
        for loop in self._loops:
            loop.join(max(0.0, ends - time.monotonic()))

    def fault(self) -> str | None:
        """Return why this worker cannot go on; None while it can."""
        for loop in self._loops:
            if not loop.is_alive and not self._stopping.is_set():
                return f"the thread {loop.name} ended"
        hung = self._hung()
        return f"job {hung[0].job.id} ({hung[0].job.kind}): {hung[1]}" if hung else None

    def faults(self) -> dict[str, str]:
        """Return what the slots met in their last round, by name."""
        return {loop.name: loop.fault for loop in self._loops if loop.fault}

    def release(self) -> None:
        """Give up what is at work, for the next worker to take up at once: the process ends.

        A job that hung is told so, and is tried once more.
        """
        hung = self._hung()
        with suppress(Exception):  # what is not given back ends by itself
            self._leaving()
        for held in list(self._held.values()):
            with suppress(Exception):  # without the database, its lease runs out
                if hung is not None and held is hung[0]:
                    self._store.strike(held.job, now=self._clock(), error=hung[1])
                else:
                    self._store.release(held.job)

    def run_once(self, kind: str) -> bool:
        """Run one job of `kind` in this thread; False when there is none.

        Of the jobs that were tried before, one runs at a time: if it is the one that ends its
        worker, it takes none with it that has to be told from it.
        """
        alone = self._retrying.acquire(blocking=False)
        try:
            job = self._store.claim(
                kind=kind,
                owner=worker_name(),
                now=self._clock(),
                served=self._served,
                retried=alone,
            )
            if alone and (job is None or job.attempts == 1):
                self._retrying.release()
                alone = False
            if job is None:
                return False
            self._served[job.tenant] = max(self._served.values(), default=0) + 1
            with about(tenant=job.tenant, job=job.id, subject=job.subject):
                self._work(job)
        finally:
            if alone:
                self._retrying.release()
        return True

    def _work(self, job: Job) -> None:
        began = time.monotonic()
        held = _Held(job, threading.current_thread(), began, began)
        self._held[job.id] = held
        lease = Loop("lease", lambda: self._renew(held, lease), every=RENEW_SECONDS)
        lease.start()
        facts: Facts = {"kind": job.kind, "attempt": job.attempts}
        try:
            with span(job.kind, Kind.CONSUMER, facts, work=job.id) as traced:
                outcome = self._outcome(replace(job, progressed=held.sign))
                traced.tell({"outcome": outcome})
                if outcome in _BROKEN:
                    traced.fail(outcome)
        finally:
            lease.stop()
            self._held.pop(job.id)
        seconds = round(time.monotonic() - began, 3)
        COUNTS.add("jobs_ended", kind=job.kind, outcome=outcome)
        say(log, f"{job.kind} job ended", outcome=outcome, seconds=seconds, attempt=job.attempts)

    def _outcome(self, job: Job) -> str:
        """Run the handler, write what became of the job, and return that."""
        if job.is_spent:
            self._give_up(job, {"code": CloudSealedError.code, "message": _DIED}, _DIED)
            return "failed"
        try:
            self._handlers[job.kind](job)
        except ServiceUnavailableError as error:
            log.warning("%s job waits: %s", job.kind, error.message)
            self._store.postpone(job, now=self._clock(), error=error.message)
            return "postponed"
        except Exception as error:
            log.exception("%s job failed", job.kind)
            reason = f"{type(error).__name__}: {error}"
            if job.last_attempt:
                self._give_up(job, CloudSealedError.reason(error, _FAILED), reason)
                return "failed"
            self._store.try_again(job, now=self._clock(), error=reason)
            return "retried"
        self._store.end(job, now=self._clock())
        return "done"

    def _give_up(self, job: Job, why: Mapping[str, str], error: str) -> None:
        """End a job for good, and what it is about, with `why` for its owner."""
        if ending := self._endings.get(job.kind):
            ending(job, why)
        self._store.end(job, now=self._clock(), error=error)

    def _hung(self) -> tuple[_Held, str] | None:
        for held in list(self._held.values()):
            longest = self._longest.get(held.job.kind, float("inf"))
            if fault := held.fault(self._patience, longest):
                return held, fault
        return None

    def _renew(self, held: _Held, lease: Loop) -> None:
        longest = self._longest.get(held.job.kind, float("inf"))
        if held.fault(self._patience, longest):
            lease.stop()
        elif not self._store.renew(held.job, now=self._clock()):
            log.warning("job %s was taken over by another worker", held.job.id)
            lease.stop()
