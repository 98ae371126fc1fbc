"""Threads for what waits, and who may have them: nobody more than their share, nobody for ever.

Of a crew's threads one token has at most half and its tenant at most three quarters, so whatever
somebody's requests wait for, others have threads. Who has their share stands in line without one.
The threads end with the process, also those that wait for what never comes.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

from cloudsealed.kit.errors import CloudSealedError

P = ParamSpec("P")
T = TypeVar("T")

_TENANTS_SHARE, _TOKENS_SHARE = 0.75, 0.5
_RETRY_SECONDS = 1


class CrowdedError(CloudSealedError):
    """As many requests are at work as may be, in all or of this caller; `Retry-After` says when to
    ask again."""

    code = "service_unavailable"
    status = 503


class Holder(NamedTuple):
    """Who asks: a tenant and a token of it, or twice what stands for both."""

    tenant: str
    token: str


class Crew:
    """At most `most` threads at work. For who finds none, at most `line` of a tenant wait, for
    `patience` seconds. It belongs to one event loop at a time."""

    def __init__(self, name: str, most: int, *, line: int = 0, patience: float = 0) -> None:
        self._name = name
        self._most = most
        self._line, self._patience = line, patience
        self._tenants_most = math.ceil(most * _TENANTS_SHARE)
        self._tokens_most = math.ceil(most * _TOKENS_SHARE)
        self._at_work: Counter[tuple[str, ...]] = Counter()
        self._in_line: Counter[str] = Counter()
        self._waiting: dict[Holder, deque[asyncio.Future[None]]] = {}
        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._threads = 0

    @property
    def at_work(self) -> int:
        """How many are at work."""
        return self._at_work[()]

    async def run(self, holder: Holder, work: Callable[[], T]) -> T:
        """Return what `work` does in a thread; raises CrowdedError, and what `work` raises.

        Whoever stops waiting for it leaves it at work, and its thread taken, until it ends.
        """
        if self._has_room(holder):
            self._take(holder, 1)
        else:
            await self._turn(holder)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        order = partial(contextvars.copy_context().run, work)
        self._orders.put(partial(self._do, order, loop, holder, done))
        if self._threads < self.at_work:
            self._threads += 1
            name = f"{self._name} {self._threads}"
            threading.Thread(target=self._serve, name=name, daemon=True).start()
        return await done

    def _has_room(self, holder: Holder) -> bool:
        count = self._at_work
        return (
            count[()] < self._most
            and count[holder[:1]] < self._tenants_most
            and count[holder] < self._tokens_most
        )

    def _take(self, holder: Holder, number: int) -> None:
        for who in ((), holder[:1], holder):
            self._at_work[who] += number
            if not self._at_work[who]:
                del self._at_work[who]

    async def _turn(self, holder: Holder) -> None:
        if self._in_line[holder.tenant] >= self._line:
            raise crowded()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(turn)
        self._in_line[holder.tenant] += 1
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            if turn in self._waiting.get(holder, ()):
                self._leave(holder, turn)
            else:  # its turn had come, and nobody takes it
                self._give_back(holder)
            if isinstance(error, TimeoutError):
                raise crowded() from None
            raise
        finally:
            self._in_line[holder.tenant] -= 1
            if not self._in_line[holder.tenant]:
                del self._in_line[holder.tenant]

    def _give_back(self, holder: Holder) -> None:
        self._take(holder, -1)
        for next_one in list(self._waiting):
            if self._has_room(next_one):
                self._let_in(next_one)

    def _let_in(self, holder: Holder) -> None:
        """Give a turn to the first of a holder's who waits, and the next one to another holder."""
        turn = next((each for each in self._waiting[holder] if not each.done()), None)
        if turn is None:  # who gave up leaves by themselves
            return
        self._leave(holder, turn)
        if holder in self._waiting:
            self._waiting[holder] = self._waiting.pop(holder)
        self._take(holder, 1)
        turn.set_result(None)

    def _leave(self, holder: Holder, turn: asyncio.Future[None]) -> None:
        self._waiting[holder].remove(turn)
        if not self._waiting[holder]:
            del self._waiting[holder]

    def _do(
        self,
        order: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        holder: Holder,
        done: asyncio.Future[T],
    ) -> None:
        made: T | None = None
        failed: BaseException | None = None
        try:
            made = order()
        except BaseException as error:
            failed = error
        try:
            loop.call_soon_threadsafe(self._ended, holder, done, made, failed)
        except RuntimeError:  # the loop has ended, and whoever waits in it
            self._take(holder, -1)

    def _ended(
        self, holder: Holder, done: asyncio.Future[Any], made: Any, error: BaseException | None
    ) -> None:
        self._give_back(holder)
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(made)

    def _serve(self) -> None:
        while True:
            self._orders.get()()


def crowded() -> CrowdedError:
    """Return the error of who finds no place."""
    return CrowdedError(
        "As many requests of this kind are at work as may be: try again in a moment",
        headers={"Retry-After": str(_RETRY_SECONDS)},
    )


_PLACE: ContextVar[tuple[Crew, Holder]] = ContextVar("place")


def belong(crew: Crew, holder: Holder) -> None:
    """Have what this request does in threads done by a crew, as somebody's share of it."""
    _PLACE.set((crew, holder))


async def run_in_threadpool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` does in a thread of the crew that this request belongs to; raises
    CrowdedError."""
    crew, holder = _PLACE.get()
    return await crew.run(holder, partial(work, *args, **kwargs))
