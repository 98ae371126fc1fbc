"""At most so many connections of a process, each lent to one block of a thread at a time.

Who opens a block within a block goes on with the connection that the thread has (`unit.InHand`): a
thread never waits for a second one, so that a pool of one is enough for any nesting. It refuses to
know what a connection is. SQLAlchemy's QueuePool costs thrice as much each time: 6.6 µs for 2.2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class NoneFreeError(Exception):
    """No connection became free in the time that there was."""


class Pool(Generic[T]):
    """Lends connections, the one that was given back last first; makes them when needed.

    `usable` looks at one that nobody uses, without asking its server; another replaces it if not.
    """

    def __init__(
        self,
        make: Callable[[], T],
        close: Callable[[T], object],
        *,
        size: int,
        usable: Callable[[T], bool],
    ) -> None:
        self.size = size
        self._make = make
        self._close = close
        self._usable = usable
        self._room = threading.Semaphore(size)
        self._free: list[T] = []
        self._lent: dict[int, int] = {}  # by id, how often the pool had been closed before
        self._closed = 0

    def take(self, seconds: float) -> T:
        """Return a connection to be given back; raises NoneFreeError after `seconds`."""
        if not self._room.acquire(timeout=max(seconds, 0)):
            raise NoneFreeError
        try:
            raw = self._kept() or self._make()
        except BaseException:
            self._room.release()
            raise
        self._lent[id(raw)] = self._closed
        return raw

    @property
    def in_use(self) -> int:
        """How many connections are lent now."""
        return len(self._lent)

    def _kept(self) -> T | None:
        while True:
            try:
                raw = self._free.pop()
            except IndexError:
                return None
            if self._usable(raw):
                return raw
            self._close(raw)

    def give_back(self, raw: T) -> None:
        """Take a connection back; it is closed if it is not usable, or the pool was closed."""
        try:
            if self._lent.pop(id(raw)) == self._closed and self._usable(raw):
                self._free.append(raw)
            else:
                self._close(raw)
        finally:
            self._room.release()

    def close(self) -> None:
        """Close what is free now, and what is lent when it comes back; the pool goes on."""
        self._closed += 1
        while self._free:
            self._close(self._free.pop())
