"""The workers beside this process: children that are started again when they die."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cloudsealed.kit.loop import Backoff, Loop

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "cloudsealed.cli.main", "worker", "--until-stdin-closes")
MOST_PROCESSES = 64
_STOP_SECONDS = 15
_ASKED_TO_STOP = (0, -signal.SIGTERM, -signal.SIGINT)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0  # seconds between two starts
LIVED_WELL_SECONDS = 60.0
"""A worker that lived so long is no sequel of those that died before it."""
_LOOK_SECONDS = 0.05
UP_SECONDS = 60.0


class WorkerBeside:
    """Keeps one worker running. It ends when its standard input closes, so with this process."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        self._command = command
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # nothing starts once stopping has begun
        self._pauses = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        self._began = time.monotonic()
        self.child = self._start()
        self._watcher = Loop("worker beside", self._watch, every=0, stopping=self._stopping)
        self._watcher.start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._began = time.monotonic()
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603 - our own program

    def _watch(self) -> None:
        """Wait until the worker ends, and start the next one."""
        code = self.child.wait()
        if code in _ASKED_TO_STOP:
            self._stopping.set()
            log.warning("the worker ended, as it was asked to: it is not started again")
            return
        if time.monotonic() - self._began >= LIVED_WELL_SECONDS:
            self._pauses.worked()
        pause = self._pauses.failed()
        log.error("the worker ended with %d; the next one starts in %g s", code, pause)
        self._stopping.wait(pause)
        with self._lock:
            if not self._stopping.is_set():
                self.child = self._start()

    def wait_until_up(self, is_up: Callable[[int], bool], seconds: float = UP_SECONDS) -> bool:
        """Wait until `is_up` says of the worker's process id that it works; say so, or that not."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if is_up(self.child.pid):
                log.info("the worker is up: process %d", self.child.pid)
                return True
            if self._stopping.wait(_LOOK_SECONDS):
                break
        log.error("no worker came up in %g s; /readyz says what becomes of it", seconds)
        return False

    @property
    def is_watched(self) -> bool:
        """Whether a worker that ends is started again."""
        return not self._stopping.is_set()

    def ask_to_end(self) -> None:
        """Let the worker end."""
        with self._lock:
            self._stopping.set()
        assert self.child.stdin is not None
        self.child.stdin.close()

    def stop(self) -> None:
        """Let the worker end, and wait until it has."""
        self.ask_to_end()
        try:
            self.child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self._watcher.join(_STOP_SECONDS)


@contextmanager
def workers_beside(
    number: int = 1, command: Sequence[str] = _COMMAND
) -> Iterator[Sequence[WorkerBeside]]:
    """Run so many workers until the block ends; then all end at once."""
    workers: list[WorkerBeside] = []
    try:
        workers.extend(WorkerBeside(command) for _ in range(number))
        yield workers
    finally:
        for worker in workers:
            worker.ask_to_end()
        for worker in workers:
            worker.stop()
