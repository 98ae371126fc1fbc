"""Ids of requests: `req_` and a ULID, made several times cheaper than the id of an object.

The ULID's time holds to the millisecond. Of its 80 random bits 64 are random, as hexadecimal
digits, which are digits of its base 32 too; two requests of one millisecond are in no order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import getrandbits

from cloudsealed.kit.ids import ulid

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class RequestIds:
    """Makes the ids of one process. `clock` gives epoch nanoseconds."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._second = -1
        self._head = ""

    def new(self) -> str:
        """Return a new id."""
        now = self._clock() // 1_000_000
        if now >> 10 != self._second:  # the first 8 of the 10 digits of the time hold for 1,024 ms
            self._second = now >> 10
            self._head = f"req_{ulid(now)[:8]}"
        return f"{self._head}{_DIGITS[now >> 5 & 31]}{_DIGITS[now & 31]}{getrandbits(64):016X}"
