"""A worker's process: its jobs, its housekeeping, and the pulse by which others see it alive.

It says when it cannot go on; it refuses to end itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cloudsealed.jobs.pulse_store import BEAT_SECONDS, PulseStore
from cloudsealed.jobs.worker import Worker, worker_name
from cloudsealed.kit.clock import Clock
from cloudsealed.kit.counts import COUNTS
from cloudsealed.kit.loop import Loop
from cloudsealed.storage.database import Database, ServiceUnavailableError

_LOOK_SECONDS = 2.0
_STOP_SECONDS = 2.0
_LEAVE_SECONDS = 5.0


class WorkerProcess:
    """Runs a worker and what is `kept` beside it: name → (step, seconds between two).

    A step that takes longer than `patience` seconds is taken for hung. `pool` says how its
    connections to the database stand, by state. `unfit` is asked now and then, and says why this
    program cannot work with the database as it is now; None while it can.
    """

    def __init__(
        self,
        worker: Worker,
        pulses: PulseStore,
        *,
        clock: Clock,
        patience: float,
        kept: Mapping[str, tuple[Callable[[], object], float]],
        pool: Callable[[], Mapping[str, int]] = dict,
        unfit: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._worker = worker
        self._pulses = pulses
        self._clock = clock
        self._patience = patience
        self._pool = pool
        self._unfit = unfit
        self._fault: str | None = None
        self._name = worker_name()
        self._started_at = clock()
        self._loops = [
            Loop("pulse", self._beat, every=BEAT_SECONDS),
            Loop("fitness", self._look, every=_LOOK_SECONDS),
            *(Loop(name, step, every=every) for name, (step, every) in kept.items()),
        ]

    def start(self) -> None:
        """Start every part."""
        self._worker.start()
        for loop in self._loops:
            loop.start()

    def fault(self) -> str | None:
        """Return why this process cannot go on; None while it can."""
        for loop in self._loops:
            if not loop.is_alive:
                return f"the thread {loop.name} ended"
            if loop.busy_seconds > self._patience:
                return f"the thread {loop.name} has hung for {loop.busy_seconds:.0f} seconds"
        return self._fault or self._worker.fault()

    def end(self) -> None:
        """Give up what is at work, and say that this worker is gone; takes a few seconds."""
        for loop in self._loops:
            loop.stop()
        self._worker.stop(timeout=_STOP_SECONDS)
        leaving = threading.Thread(target=self._leave, daemon=True)
        leaving.start()
        leaving.join(_LEAVE_SECONDS)  # a database that hangs does not keep the process

    def _look(self) -> None:
        self._fault = self._unfit()

    def _leave(self) -> None:
        with suppress(Exception):
            self._worker.release()
            self._pulses.leave(self._name)

    def _beat(self) -> None:
        counted = COUNTS.take()
        try:
            self._pulses.beat(
                name=self._name,
                started_at=self._started_at,
                now=self._clock(),
                state=self._state(),
                counted=counted,
            )
        except BaseException:
            COUNTS.give_back(counted)
            raise

    def _state(self) -> dict[str, Any]:
        faults = {loop.name: loop.fault for loop in self._loops if loop.fault}
        return {
            "faults": faults | self._worker.faults(),
            "connections": dict(self._pool()),
            **process_figures(),
        }


def process_figures() -> dict[str, int]:
    """Return this process's open files, resident bytes and threads; empty where Linux is not."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return {
            "open_files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - only their number
            "resident_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
            "threads": threading.active_count(),
        }
    except OSError:
        return {}


def has_worker(database: Database, pid: int) -> bool:
    """Say whether a process of this host is a worker that is up; False without a database."""
    try:
        return any(pulse.name == worker_name(pid) for pulse in PulseStore(database).all())
    except ServiceUnavailableError:
        return False
