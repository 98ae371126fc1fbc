"""Work that is done again and again in a thread of its own, whatever it raises.

It refuses to end by an exception: the next round comes after a pause that grows with the failures
in a row. Only `stop` ends it, and what is no `Exception`: whoever started it looks at `is_alive`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import carried

log = logging.getLogger(__name__)


class Backoff:
    """Pauses between failures in a row, in seconds: `first`, doubled each time, up to `most`."""

    def __init__(self, first: float = 0.25, most: float = 30.0) -> None:
        self._first, self._most = first, most
        self._next = first

    def failed(self) -> float:
        """Return how long to wait now."""
        pause, self._next = self._next, min(self._most, self._next * 2)
        return pause

    def worked(self) -> None:
        """Forget the failures."""
        self._next = self._first


class Loop:
    """Calls `step` until it is stopped: again at once when it returned True, else after `every`
    seconds. `fault` is what the last step raised, for people; None when it worked."""

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        *,
        every: float,
        stopping: threading.Event | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.fault: str | None = None
        self._step = step
        self._every = every
        self._backoff = backoff or Backoff()
        self._stopping = stopping or threading.Event()
        self._began: float | None = None
        self._thread = threading.Thread(target=carried(self._run), name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end after its present step; also a step may."""
        self._stopping.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it has ended; False when it has not after `seconds`."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def busy_seconds(self) -> float:
        """How long its present step has taken; 0 between two steps."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._stopping.wait(self._round())

    def _round(self) -> float:
        """Do one step; return how long to wait for the next."""
        self._began = time.monotonic()
        try:
            again = self._step()
        except Exception as error:
            self.fault = CloudSealedError.reason(error, type(error).__name__)["message"]
            if isinstance(error, CloudSealedError):
                log.warning("%s: %s", self.name, error.message)
            else:
                log.exception("%s failed", self.name)
            return self._backoff.failed()
        finally:
            self._began = None
        self.fault = None
        self._backoff.worked()
        return 0.0 if again else self._every
