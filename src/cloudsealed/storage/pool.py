"""At most so many connections of a process, each lent to one block of a thread at a time.

A quarter of them is kept for reads that end in a moment, and another from writes: whatever writes
wait for, reads have connections, and whatever reads wait for, short ones have.

Who opens a block within a block goes on with the connection that the thread has (`unit.InHand`): a
thread never waits for a second one, so that a pool of one is enough for any nesting. It refuses to
know what a connection is. SQLAlchemy's QueuePool costs twice as much each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import IntEnum
from operator import lt
from typing import Generic, TypeVar

T = TypeVar("T")

_QUARTERS = 4


class Use(IntEnum):
    """What a connection is wanted for, by how many quarters of them it leaves to others."""

    LOOK = 0
    READ = 1
    WRITE = 2


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
        # Of each use and those after it: how many there are, and how many there may be.
        self._lent_to = [0] * len(Use)
        self._most = [size - use * (size // _QUARTERS) for use in Use]
        self._returned = threading.Condition()
        self._free: list[T] = []
        self._lent: dict[int, tuple[int, Use]] = {}  # by id; how often it had been closed before
        self._closed = 0

    def take(self, seconds: float, use: Use) -> T:
        """Return a connection to be given back; raises NoneFreeError after `seconds`."""
        with self._returned:
            if not self._returned.wait_for(lambda: self._has_room(use), max(seconds, 0)):
                raise NoneFreeError
            self._count(use, 1)
        try:
            raw = self._kept() or self._make()
        except BaseException:
            self._end(use)
            raise
        self._lent[id(raw)] = self._closed, use
        return raw

    def _has_room(self, use: Use) -> bool:
        return all(map(lt, self._lent_to[: use + 1], self._most))

    def _count(self, use: Use, number: int) -> None:
        for place in range(use + 1):
            self._lent_to[place] += number

    def _end(self, use: Use) -> None:
        with self._returned:
            self._count(use, -1)
            self._returned.notify_all()

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
        closed, use = self._lent.pop(id(raw))
        try:
            if closed == self._closed and self._usable(raw):
                self._free.append(raw)
            else:
                self._close(raw)
        finally:
            self._end(use)

    def close(self) -> None:
        """Close what is free now, and what is lent when it comes back; the pool goes on."""
        self._closed += 1
        while self._free:
            self._close(self._free.pop())
