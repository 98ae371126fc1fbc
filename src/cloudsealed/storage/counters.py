"""Counters of fixed windows: in this process's memory, or in a Valkey that processes share.

A window opens with its key's first addition and ends by itself. Without the Valkey, counting goes
on in memory: a limit that holds a process is better than no answer. Nothing else is stored here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from cloudsealed.settings import Settings
from cloudsealed.storage.extra import need


class Count(NamedTuple):
    """A key's count in its window, and when that ends, in epoch seconds; both 0 without one."""

    used: int
    reset: float


_NONE = Count(0, 0.0)
_SWEEP_EVERY = 10_000  # keys


class Counters(Protocol):
    """What limits count with; safe for threads."""

    def add(self, key: str, amount: int, seconds: int) -> Count:
        """Add to a key's window, which opens for `seconds` if there is none."""

    def read(self, key: str) -> Count:
        """Return how a key stands."""

    @property
    def is_shared(self) -> bool:
        """Whether other processes count with these, so that a call may wait for a network."""

    def fault(self) -> str | None:
        """Return what keeps processes from sharing their counts, None if nothing does."""


class MemoryCounters:
    """Counters of this process alone. `clock` gives epoch seconds."""

    is_shared = False

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._windows: dict[str, Count] = {}
        self._clock = clock
        self._lock = threading.Lock()
        self._sweep_at = _SWEEP_EVERY

    def add(self, key: str, amount: int, seconds: int) -> Count:
        """Add to a key's window."""
        with self._lock:
            now = self._clock()
            used, reset = self._windows.get(key, _NONE)
            if reset <= now:
                used, reset = 0, now + seconds
                if len(self._windows) >= self._sweep_at:
                    self._sweep(now)
            count = Count(used + amount, reset) if used + amount > 0 else _NONE
            self._windows[key] = count
            return count

    def read(self, key: str) -> Count:
        """Return how a key stands."""
        count = self._windows.get(key, _NONE)
        return count if count.reset > self._clock() else _NONE

    def fault(self) -> str | None:
        """Return None: there is nothing to share."""
        return None

    def _sweep(self, now: float) -> None:
        """Forget the windows that are over; the next time when there are twice as many."""
        self._windows = {key: count for key, count in self._windows.items() if count.reset > now}
        self._sweep_at = max(_SWEEP_EVERY, 2 * len(self._windows))


def open_counters(settings: Settings) -> Counters:
    """Return the counters that the settings name; raises MissingExtraError."""
    if not settings.valkey_url:
        return MemoryCounters()
    need("valkey", "CLOUDSEALED_VALKEY_URL")
    from cloudsealed.storage.valkey_counters import ValkeyCounters

    return ValkeyCounters(settings.valkey_url)
