"""A circuit breaker: where nothing answers, the calls to come are asked once, briefly.

It counts calls that ended in silence in a row, for each service and region. After SILENT of them a
call there has one attempt of a few seconds; after FORSAKEN only one such call every PROBE_SECONDS
is made at all. Whatever answers, a refusal too, closes it. It refuses to make a call itself.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import Enum, auto

from cloudsealed.collectors.calling.pacing import Monotonic

SILENT, FORSAKEN = 3, 32
PROBE_SECONDS = 5.0

Where = tuple[str, str]
"""A service and a region."""


class Patience(Enum):
    """How a call may be asked."""

    WHOLE = auto()
    BRIEF = auto()
    NONE = auto()


@dataclass(slots=True)
class _Silence:
    calls: int = 0
    probed: float = 0.0


class Breaker:
    """The breaker of one account; safe for threads."""

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._silences: dict[Where, _Silence] = {}

    def patience(self, where: Where) -> Patience:
        """Return how the next call is asked."""
        with self._lock:
            silence = self._silences.get(where)
            if silence is None or silence.calls < SILENT:
                return Patience.WHOLE
            now = self._monotonic()
            if silence.calls >= FORSAKEN and now - silence.probed < PROBE_SECONDS:
                return Patience.NONE
            silence.probed = now
            return Patience.BRIEF

    def is_open(self, where: Where) -> bool:
        """Say whether calls there are asked briefly, or not at all."""
        with self._lock:
            return where in self._silences and self._silences[where].calls >= SILENT

    def silent(self, where: Where) -> None:
        """Take note of a call that nothing answered."""
        with self._lock:
            self._silences.setdefault(where, _Silence()).calls += 1

    def answered(self, where: Where) -> None:
        """Take note of a call that was answered, with whatever."""
        with self._lock:
            self._silences.pop(where, None)
