"""What was counted lately, so that counting takes at most a share of the time.

Counting costs what there is to count: what took long is shown again for a while, with its age, and
a page does not wait long for what nobody has counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_MOST_KEPT = 500
_SHARE = 0.05  # of the time that counting one thing may take
_PATIENCE = 0.25  # seconds that a page waits for counts
_SECONDS = 60  # after which counts are not shown any more


@dataclass(frozen=True, slots=True)
class Counted(Generic[T]):
    """What was counted, and how long ago, in seconds."""

    value: T
    age: float


@dataclass(slots=True)
class _Kept:
    task: asyncio.Future[Any]
    began: float
    took: float | None = None


class Counts:
    """What was counted lately, by who may see it and what was asked; belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    async def of(self, key: Hashable, count: Callable[[], Awaitable[T]]) -> Counted[T] | None:
        """Return what `count` returns, or returned a moment ago; None when it takes longer than a
        page waits. Raises what `count` raises. A key of a tenant's begins with its id."""
        now = self._clock()
        kept = self._kept.get(key)
        if kept is None or self._is_old(kept, now):
            kept = self._begun(key, count, now)
        self._kept.move_to_end(key)
        await asyncio.wait([kept.task], timeout=_PATIENCE)
        if not kept.task.done():
            return None
        age = self._clock() - kept.began - (kept.took or 0)
        return Counted(kept.task.result(), max(age, 0.0))

    def forget(self, tenant: str) -> None:
        """Count anew what a tenant's people ask next: one of them has just changed something."""
        for key in [key for key in self._kept if isinstance(key, tuple) and key[0] == tenant]:
            del self._kept[key]

    def _is_old(self, kept: _Kept, now: float) -> bool:
        if kept.took is None:  # it is being counted
            return False
        if kept.task.cancelled() or kept.task.exception() is not None:
            return True
        return now - kept.began > min(kept.took * (1 + 1 / _SHARE), _SECONDS)

    def _begun(self, key: Hashable, count: Callable[[], Awaitable[Any]], now: float) -> _Kept:
        kept = _Kept(asyncio.ensure_future(count()), now)
        kept.task.add_done_callback(lambda _task: self._ended(kept))
        self._kept[key] = kept
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return kept

    def _ended(self, kept: _Kept) -> None:
        kept.took = self._clock() - kept.began
        if not kept.task.cancelled():
            kept.task.exception()  # who waits for it is told; nobody else has to be
