"""The pacer that keeps under the declared ceilings of calls per second.

A pace is halved when a provider asks to slow down and recovers slowly, up to the ceiling. Pacing
happens in one process, over all of its audits; by `places` one process at a time calls where a
ceiling is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

DEFAULT_CEILING = 20.0
"""Calls a second of a service for which a provider declares none."""

RECOVERY = 0.05
"""How much of its ceiling a pace wins back in each second without a throttled call."""

LEAST_SHARE = 1 / 32
"""The share of its ceiling that a pace keeps however often it is asked to slow down."""

_SECOND = 1.0
_LATE = 30.0
_IDLE_SECONDS, _LANES = 60.0, 4096

Sleep = Callable[[float], None]
Monotonic = Callable[[], float]
Key = tuple[str, ...]


@dataclass(slots=True)
class _Lane:
    """The pace of one key. Times are those of the pacer's clock, paces are calls a second.

    `taken` has the start of each call that counts, and when it no longer does. It counts for a
    second from when its answer came, for only then has it surely arrived.
    """

    ceiling: float
    pace: float
    changed: float
    next: float
    halved: float = float("-inf")
    taken: dict[float, float] = field(default_factory=dict)

    def turn(self, now: float, late: float) -> float:
        """Return when to ask again for a turn; when that is now, the call has it."""
        self._recover(now)
        self.taken = {started: free for started, free in self.taken.items() if free > now}
        turn = max(now, self.next)
        if len(self.taken) >= max(1, int(self.ceiling)):
            turn = max(turn, min(now + _SECOND, *self.taken.values()))
        if turn <= now:
            self.taken[now] = now + late + _SECOND
            self.next = now + 1 / self.pace
        return turn

    def answered(self, now: float, started: float) -> None:
        """Note that the call which started at `started` has ended."""
        if started in self.taken:
            self.taken[started] = min(self.taken[started], now + _SECOND)

    def _recover(self, now: float) -> None:
        won = RECOVERY * self.ceiling * max(now - self.changed, 0.0)
        self.pace, self.changed = min(self.ceiling, self.pace + won), now

    def slow_down(self, now: float, started: float) -> None:
        """Halve the pace, once for all the calls that started before it was last halved."""
        if started <= self.halved:
            return
        self._recover(now)
        self.pace = max(self.pace / 2, self.ceiling * LEAST_SHARE)
        self.halved = now
        self.next = max(self.next, now + 1 / self.pace)


class Pacer:
    """Says when a call may start, evenly spaced for each key; safe for threads.

    In no second do more calls of a key start, or arrive at the provider, than its ceiling. A call
    that does not end is taken to have arrived after `late` seconds.
    """

    def __init__(
        self, monotonic: Monotonic = time.monotonic, sleep: Sleep = time.sleep, late: float = 0.0
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._late = late
        self._lock = threading.Lock()
        self._lanes: dict[Key, _Lane] = {}

    def wait(self, key: Key, per_second: float, sleep: Sleep | None = None) -> float:
        """Return when the caller may start its call: that moment. What `sleep` raises ends it."""
        while True:
            with self._lock:
                now = self._monotonic()
                turn = self._lane(key, per_second, now).turn(now, self._late)
            if turn <= now:
                return now
            (sleep or self._sleep)(turn - now)

    def ended(self, key: Key, started: float) -> None:
        """Note that a call which started at `started` has been answered or given up."""
        with self._lock:
            if key in self._lanes:
                self._lanes[key].answered(self._monotonic(), started)

    def throttled(self, key: Key, started: float) -> None:
        """Slow down after a call that started at `started` was throttled."""
        with self._lock:
            if key in self._lanes:
                self._lanes[key].slow_down(self._monotonic(), started)

    def pace(self, key: Key) -> float | None:
        """Return the present pace of a key in calls a second; None when it has not called."""
        with self._lock:
            return self._lanes[key].pace if key in self._lanes else None

    def _lane(self, key: Key, ceiling: float, now: float) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None or lane.ceiling != ceiling:
            self._forget(now)
            lane = self._lanes[key] = _Lane(ceiling, pace=ceiling, changed=now, next=now)
        return lane

    def _forget(self, now: float) -> None:
        if len(self._lanes) >= _LANES:
            self._lanes = {
                key: lane for key, lane in self._lanes.items() if now - lane.next < _IDLE_SECONDS
            }


PACER = Pacer(late=_LATE)
"""The pacer of this process's audits."""
