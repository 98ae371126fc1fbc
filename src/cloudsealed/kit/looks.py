"""What is looked at in the background, so that nobody who asks waits for a look that hangs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_FIRST_SECONDS = 30.0


class TooOldError(Exception):
    """Nothing was seen for too long."""


class Looks(Generic[T]):
    """Looks by `look`, in a thread of its own and one at a time.

    What was seen is good for `kept` seconds. After these who asks waits `patience` seconds for the
    next look, a little longer for the first of all, and then gets what was seen last if that is not
    older than `oldest` seconds. `ticks` is a monotonic clock.
    """

    def __init__(
        self,
        look: Callable[[], T],
        *,
        kept: float,
        oldest: float,
        patience: float = 2.0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._kept, self._oldest, self._patience = kept, oldest, patience
        self._ticks = ticks
        self._lock = threading.Lock()  # of the fields; nobody looks at anything under it
        self._seen: tuple[T, float] | None = None
        self._running: Future[None] | None = None

    async def seen(self) -> T:
        """Return what was seen; raises TooOldError. It holds no thread."""
        running = self._next()
        if running is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(running), self._patience_now())
        return self._last()

    def wait(self) -> T:
        """Do what `seen` does, in a thread of the caller's."""
        running = self._next()
        if running is not None:
            with suppress(TimeoutError):
                running.result(self._patience_now())
        return self._last()

    def _next(self) -> Future[None] | None:
        """Return the look that runs, beginning one; None when what was seen is good."""
        with self._lock:
            if self._running is None and self._age() > self._kept:
                self._running = Future()
                self._running.set_running_or_notify_cancel()  # who waits no longer ends no look
                threading.Thread(target=self._run, args=(self._running,), daemon=True).start()
            return self._running if self._age() > self._kept else None

    def _run(self, running: Future[None]) -> None:
        began = self._ticks()
        try:
            seen = self._look(), began
        except Exception:
            seen = None
        with self._lock:
            self._seen, self._running = seen or self._seen, None
        running.set_result(None)

    def _last(self) -> T:
        with self._lock:
            if self._seen is None or self._age() > self._oldest:
                raise TooOldError
            return self._seen[0]

    def _age(self) -> float:
        return self._ticks() - self._seen[1] if self._seen is not None else float("inf")

    def _patience_now(self) -> float:
        return self._patience if self._seen is not None else max(_FIRST_SECONDS, self._patience)
