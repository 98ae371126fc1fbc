"""How far the provider's clock is from ours, heard from the `Date` of every response.

RFC 9110 wants `Date` from every origin server, and a refused call carries it too: a clock that is
wrong by minutes is refused by its signature. It refuses to correct a clock.
"""

from __future__ import annotations

import statistics
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from cloudsealed.kit.clock import Clock

_KEPT = 101


class HeardClock:
    """Remembers what the last responses said of the time; safe for threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offsets: deque[float] = deque(maxlen=_KEPT)

    def hear(self, response_dict: Mapping[str, Any], **_: Any) -> None:
        """Take note of a response, as botocore's `before-parse` hands it over."""
        said = _date_of(response_dict["headers"])
        if said is not None:
            with self._lock:
                self._offsets.append((said - self._clock()).total_seconds())

    def skew(self) -> timedelta | None:
        """Return the median of provider's time minus ours in whole seconds; None until an answer.

        A `Date` has no fractions and is as old as its response took: within a second it is none.
        """
        with self._lock:
            if not self._offsets:
                return None
            seconds = statistics.median(self._offsets)
        return timedelta(seconds=0 if -1 <= seconds <= 0 else round(seconds))


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return when a response was made; None for one without a date, or out of a cache."""
    if "age" in headers:
        return None
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)
