"""The line of those whose password is to be hashed: fair, short, and no thread waits in it.

Whoever asks for the first time comes before an address that stands in line already; so who sends
many waits behind who sends one. A full line turns away its last. Whom an account knows has a line
of their own, which no number of strangers makes longer.
"""

from __future__ import annotations

import asyncio
import itertools
from bisect import insort
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cloudsealed.auth.passwords import crowded

AT_ONCE = 2  # one is hashed, another reads or writes
LONGEST_LINE = 48
LONGEST_WAIT = 15.0  # seconds
_Place = tuple[tuple[int, int], asyncio.Future[None]]


class Line:
    """Lets `AT_ONCE` in at a time; belongs to one event loop."""

    def __init__(self) -> None:
        self._inside = 0
        self._waiting: list[_Place] = []
        self._here: Counter[str] = Counter()
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as the block lasts.

        Raises TooManyLoginAttemptsError for who would wait too long.
        """
        rank = (self._here[who], next(self._numbers))
        self._here[who] += 1
        try:
            await self._wait(rank)
            try:
                yield
            finally:
                self._next()
        finally:
            self._here[who] -= 1
            if not self._here[who]:
                del self._here[who]

    async def _wait(self, rank: tuple[int, int]) -> None:
        if self._inside < AT_ONCE:
            self._inside += 1
            return
        place = (rank, asyncio.get_running_loop().create_future())
        self._stand(place)
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await place[1]
        except BaseException as error:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place[1].done() and not place[1].cancelled() and not place[1].exception():
                self._next()  # its turn had come, and nobody takes it
            if isinstance(error, TimeoutError):
                raise crowded() from None
            raise

    def _stand(self, place: _Place) -> None:
        if len(self._waiting) >= LONGEST_LINE:
            last = self._waiting[-1]
            if place[0] > last[0]:
                raise crowded()
            self._waiting.pop()
            last[1].set_exception(crowded())
        insort(self._waiting, place, key=lambda each: each[0])

    def _next(self) -> None:
        if self._waiting:
            self._waiting.pop(0)[1].set_result(None)
        else:
            self._inside -= 1
