"""The embedded worker: claims jobs of each kind and runs their handlers, a thread a slot.

It renews each job's lease while its handler runs. It refuses to know what a job does.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping

from cloudsealed.jobs.store import RENEW_SECONDS, Job, JobStore
from cloudsealed.kit.clock import Clock, utc_now
from cloudsealed.storage.database import Database, ServiceUnavailableError

Handler = Callable[[Job], None]
log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.25


def worker_name() -> str:
    """Return this process's name as the owner of leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Worker:
    """Runs jobs until it is stopped: `slots` says how many of each kind at once."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[str, Handler],
        *,
        slots: Mapping[str, int],
        clock: Clock = utc_now,
    ) -> None:
        self._store = JobStore(database)
        self._handlers = handlers
        self._clock = clock
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(kind,), name=f"{kind}-{slot}", daemon=True)
            for kind in handlers
            for slot in range(slots[kind])
        ]

    def start(self) -> None:
        """Start every slot's thread."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Ask every slot to end after its present job, and wait up to `timeout` seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout)

    def wait(self) -> None:
        """Block until `stop` is called."""
        self._stopping.wait()

    def run_once(self, kind: str) -> bool:
        """Run one job of `kind` in this thread; False when there is none."""
        job = self._store.claim(kind=kind, owner=worker_name(), now=self._clock())
        if job is None:
            return False
        done = threading.Event()
        renewing = threading.Thread(target=self._renew, args=(job, done), daemon=True)
        renewing.start()
        try:
            self._handlers[kind](job)
        except Exception as error:
            log.exception("job %s (%s) failed", job.id, kind)
            self._store.finish(job, now=self._clock(), error=f"{type(error).__name__}: {error}")
        else:
            self._store.finish(job, now=self._clock())
        finally:
            done.set()
            renewing.join()
        return True

    def _run(self, kind: str) -> None:
        while not self._stopping.is_set():
            try:
                worked = self.run_once(kind)
            except ServiceUnavailableError as error:
                log.warning("worker: %s", error)
                worked = False
            if not worked:
                self._stopping.wait(_IDLE_SECONDS)

    def _renew(self, job: Job, done: threading.Event) -> None:
        while not done.wait(RENEW_SECONDS):
            if not self._store.renew(job, now=self._clock()):
                log.warning("job %s was taken over by another worker", job.id)
                return
