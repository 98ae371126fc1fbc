"""Ids of requests: `req_` and a ULID, made several times cheaper than the id of an object.

The ULID's time holds to about a second: the first 8 digits of 10 stand still for 1,024 ms. The 18
others are 72 random bits as hexadecimal digits, which are digits of its base 32 too, so that two
requests of one second are in no order. Randomness is drawn for many at once: between two requests
the processor forgets how.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from cloudsealed.kit.ids import ulid

_BYTES, _AT_ONCE = 9, 256


class RequestIds:
    """Makes the ids of one process, in one thread. `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._head = ""
        self._tails = _tails()

    def new(self) -> str:
        """Return a new id."""
        second = int(self._clock() * 1000) >> 10
        if second != self._second:
            self._second = second
            self._head = f"req_{ulid(second << 10)[:8]}"
        return self._head + next(self._tails)


def _tails() -> Iterator[str]:
    while True:
        digits = os.urandom(_BYTES * _AT_ONCE).hex().upper()
        for start in range(0, len(digits), 2 * _BYTES):
            yield digits[start : start + 2 * _BYTES]
