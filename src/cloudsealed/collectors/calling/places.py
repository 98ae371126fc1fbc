"""Which process calls where: one at a time, so that a ceiling of calls has one owner.

A lane is a service in a region of an account, as the ceilings are. The processes of an installation
(workers, and the command that audits beside them) take it by turns: with the first call that one of
them has to make, until none has been under way for a second, or until its turn is over and another
process waits. What counts against a ceiling is over by then: the next one begins from nothing. A
process that dies lets its lanes go at once; whoever waited begins a second later, and whoever comes
then has needed longer to start.

It refuses to count calls: that is the pacer's, in the process that has the lane.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cloudsealed.collectors.calling.pacing import Key, Monotonic
from cloudsealed.kit.loop import Loop
from cloudsealed.storage.flights import Flights

TURN_SECONDS = 10.0
"""How long a process keeps a lane that another waits for."""

_QUIET_SECONDS = 1.0  # for so long calls count against a ceiling
_LOOK_SECONDS = 0.25
_FORGOTTEN_SECONDS = 5.0


@dataclass(slots=True)
class _Lane:
    """What this process knows of a lane; times are of a monotonic clock, in seconds.

    Who wants a lane stands in line for it: whoever has it sees by the line that somebody waits.
    `asking` is one thread for all; `asked` is when one of them last wanted it, `last` when a call
    ended. Nothing begins before `ready`, nor while it `passes`.
    """

    asking: bool = False
    in_line: bool = False
    waited: bool = False
    owned: bool = False
    passes: bool = False
    calls: int = 0
    began: float = 0.0
    ready: float = 0.0
    asked: float = 0.0
    last: float = 0.0

    def begin(self, now: float) -> None:
        """Have it from now on: at once, or when what whoever had it did no longer counts."""
        self.owned, self.began = True, now
        self.ready = self.last = now + _QUIET_SECONDS if self.waited else now

    def admits(self, now: float) -> bool:
        """Say whether a call may begin."""
        return self.owned and not self.passes and now >= self.ready

    def is_over(self, now: float) -> bool:
        """Say whether nobody here needs it any more, or may have it now."""
        if self.asking or self.calls:
            return False
        since, patience = (
            (self.last, _QUIET_SECONDS) if self.owned else (self.asked, _FORGOTTEN_SECONDS)
        )
        return now - since >= patience


class Places:
    """The lanes of this process; safe for threads."""

    def __init__(
        self, names: Flights, monotonic: Monotonic = time.monotonic, *, turn: float = TURN_SECONDS
    ) -> None:
        self._names = names
        self._monotonic = monotonic
        self._turn = turn
        self._lock = threading.Lock()
        self._lanes: dict[Key, _Lane] = {}
        self._keeper: Loop | None = None

    @contextmanager
    def at(self, key: Key, pause: Callable[[float], None]) -> Iterator[None]:
        """Make a call in a lane once this process has it; what `pause` raises ends the wait."""
        while not self._enter(key):
            pause(_LOOK_SECONDS)
        try:
            yield
        finally:
            with self._lock:
                lane = self._lanes[key]
                lane.calls, lane.last = lane.calls - 1, self._monotonic()

    def keep(self) -> None:
        """Hand on what is quiet, and what others wait for; leave the line where nobody waits."""
        with self._lock:
            lanes = [*self._lanes.items()]
        for key, lane in lanes:
            self._hand_on(key, lane)
        with self._lock:
            if not self._lanes and self._keeper is not None:
                self._keeper.stop()
                self._keeper = None
                self._names.close()

    def _enter(self, key: Key) -> bool:
        """Begin a call; False while another process has the lane."""
        with self._lock:
            lane = self._lanes.setdefault(key, _Lane())
            lane.asked = self._monotonic()
            if lane.admits(lane.asked):
                lane.calls += 1
                return True
            if lane.owned or lane.asking:
                return False
            lane.asking = True
            if self._keeper is None:
                self._keeper = Loop("places", self.keep, every=_LOOK_SECONDS)
                self._keeper.start()
        has = False
        try:
            has = self._take(key, lane)
        finally:
            with self._lock:
                lane.asking = False
                if has:
                    now = self._monotonic()
                    lane.begin(now)
                    lane.calls += lane.admits(now)
        return has and not lane.waited

    def _take(self, key: Key, lane: _Lane) -> bool:
        """Stand in line for a lane, and take it when it is free."""
        lane.in_line = lane.in_line or self._names.take(_line(key))
        if not lane.in_line or not self._names.take(_name(key)):
            lane.waited = True
            return False
        self._leave_line(key, lane)
        return True

    def _leave_line(self, key: Key, lane: _Lane) -> None:
        self._names.end(_line(key))
        lane.in_line = False

    def _hand_on(self, key: Key, lane: _Lane) -> None:
        with self._lock:
            now = self._monotonic()
            is_over = lane.is_over(now)
            if is_over:
                del self._lanes[key]
            turn_is_over = lane.admits(now) and now - lane.began >= self._turn
        if is_over:
            with suppress(Exception):  # a database that is away has let go of it
                if lane.in_line:
                    self._leave_line(key, lane)
                if lane.owned:
                    self._names.end(_name(key))
        elif turn_is_over:
            lane.passes = not self._names.take(_line(key))
            if not lane.passes:
                self._names.end(_line(key))
                lane.began = now


def _name(key: Key) -> str:
    return "/".join(("calls", *key))


def _line(key: Key) -> str:
    return "/".join(("line", *key))
