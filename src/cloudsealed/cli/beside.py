"""The worker beside `serve`: a child process that is started again when it dies."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

_COMMAND = (sys.executable, "-m", "cloudsealed.cli.main", "worker", "--until-stdin-closes")
_STOP_SECONDS = 15
_ASKED_TO_STOP = (0, -signal.SIGTERM, -signal.SIGINT)
_PAUSES = (0.5, 1, 2, 5, 10, 30)
"""Seconds before the next start: the more deaths, the longer, and for ever the last."""


class WorkerBeside:
    """Keeps one worker running. It ends when its standard input closes, so with this process."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # nothing starts once stopping has begun
        self.child = self._start()
        self._watcher = threading.Thread(target=self._watch, name="worker beside", daemon=True)
        self._watcher.start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(_COMMAND, stdin=subprocess.PIPE)  # noqa: S603 - our own program

    def _watch(self) -> None:
        deaths = 0
        while (code := self.child.wait()) not in _ASKED_TO_STOP:
            pause = _PAUSES[min(deaths, len(_PAUSES) - 1)]
            log.error("the worker ended with %d; the next one starts in %g s", code, pause)
            deaths += 1
            self._stopping.wait(pause)
            with self._lock:
                if self._stopping.is_set():
                    return
                self.child = self._start()

    def stop(self) -> None:
        """Let the worker end, and wait until it has."""
        with self._lock:
            self._stopping.set()
        assert self.child.stdin is not None
        self.child.stdin.close()
        try:
            self.child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
        self._watcher.join(_STOP_SECONDS)


@contextmanager
def worker_beside() -> Iterator[WorkerBeside]:
    """Run a worker until the block ends."""
    worker = WorkerBeside()
    try:
        yield worker
    finally:
        worker.stop()
