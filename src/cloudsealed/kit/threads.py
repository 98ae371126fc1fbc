"""Threads for what waits, and who may have them: nobody more than their share, nobody for ever.

Of a crew's threads one token has at most half, its tenant and all reads and all writes at most
three quarters each: whatever somebody's requests wait for, others have threads, and writes that
hang keep no read waiting. Who has their share stands in line without a thread, as long as the line
moves. When a crew is taken by who hangs, what is read within a moment goes past it (`look`). The
threads end with the process, also those that wait for what never comes.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple, ParamSpec, TypeVar

from cloudsealed.kit.errors import CloudSealedError

P = ParamSpec("P")
T = TypeVar("T")

READS, WRITES = "reads", "writes"
"""The kinds of work that share a crew."""

_SHARE, _TOKENS_SHARE = 0.75, 0.5  # of a tenant or a kind of work, and of a token
_RETRY_SECONDS = 1
_LOOK_SECONDS = 0.25  # that each read has of what goes past a crew
_STILL_SECONDS, _STILL = 0.5, 10  # between two counts, and how many say that a line does not move


class CrowdedError(CloudSealedError):
    """As many requests are at work as may be, in all or of this caller; `Retry-After` says when to
    ask again."""

    code = "service_unavailable"
    status = 503


class OverdueError(Exception):
    """What was done under a deadline takes longer: do it again without one."""


class Holder(NamedTuple):
    """Who asks: a tenant and a token of it, or twice what stands for both; for what kind of
    work."""

    tenant: str
    token: str
    kind: str = ""

    @property
    def shares(self) -> Iterator[_Share]:
        """What a place of theirs is a part of."""
        yield ()
        yield (self.tenant,)
        yield (self.tenant, self.token)
        if self.kind:
            yield ("", self.kind)


_Share = tuple[str, ...]


class Crew:
    """At most `most` threads at work. For who finds none, at most `line` of a tenant wait, for
    `patience` seconds. It belongs to one event loop at a time."""

    def __init__(self, name: str, most: int, *, line: int = 0, patience: float = 0) -> None:
        self._name = name
        self._most = most
        self._line, self._patience = line, patience
        self._at_work: Counter[_Share] = Counter()
        self._still: dict[_Share, int] = {}  # counts since one of a share that is taken ended
        self._is_counting = False
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
        """Say whether somebody's work would begin at once."""
        return not any(map(self._is_full, holder.shares))

    def has_hope(self, holder: Holder) -> bool:
        """Say whether somebody has room, or waits for their own work alone, and that ends."""
        others = ((), ("", holder.kind))
        return not (any(map(self._is_full, others)) or self._stands_still(holder))

    def _is_full(self, share: _Share) -> bool:
        return self._at_work[share] >= self._most_of(share)

    def _most_of(self, share: _Share) -> int:
        if not share:
            return self._most
        is_tokens = len(share) == 2 and share[0] != ""
        return math.ceil(self._most * (_TOKENS_SHARE if is_tokens else _SHARE))

    def _take(self, holder: Holder, number: int) -> None:
        for share in holder.shares:
            self._at_work[share] += number
            if not self._at_work[share]:
                del self._at_work[share]

    async def _turn(self, holder: Holder) -> None:
        if self._in_line[holder.tenant] >= self._line or self._stands_still(holder):
            raise crowded()
        self._count_on()
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
        for share in holder.shares:
            self._still.pop(share, None)
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

    def _stands_still(self, holder: Holder) -> bool:
        return any(self._still.get(share, 0) >= _STILL for share in holder.shares)

    def _count_on(self) -> None:
        if not self._is_counting:
            self._is_counting = True
            asyncio.get_running_loop().call_later(_STILL_SECONDS, self._count)

    def _count(self) -> None:
        """Refuse who waits for what stands still. It is told by counts and not by a clock: a
        machine that stood still itself counts once."""
        self._is_counting = False
        self._still = {
            share: self._still.get(share, 0) + 1 for share in self._at_work if self._is_full(share)
        }
        for holder, turns in self._waiting.items():
            if self._stands_still(holder):
                for turn in turns:
                    if not turn.done():
                        turn.set_exception(crowded())
        if self._still or self._waiting:
            self._count_on()

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


class Crews(NamedTuple):
    """Who works for requests: at all that takes its time, and at what takes a moment."""

    requests: Crew
    looks: Crew


_PLACE: ContextVar[tuple[Crews, Holder]] = ContextVar("place")


def belong(crews: Crews, holder: Holder) -> None:
    """Have what this request does in threads done by these, as somebody's share of them."""
    _PLACE.set((crews, holder))


async def run_in_threadpool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work`, which writes nothing, does in a thread; raises CrowdedError."""
    return await _run(READS, partial(work, *args, **kwargs))


async def write_in_threadpool(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work`, which may write, does in a thread; raises CrowdedError."""
    return await _run(WRITES, partial(work, *args, **kwargs))


async def look(work: Callable[[float | None], T]) -> T:
    """Return what `work` reads in a thread, which takes the seconds that each read has, None for
    any; past who waits for others' work if a moment is enough. Raises CrowdedError."""
    crews, holder = _PLACE.get()
    if not crews.requests.has_hope(holder._replace(kind=READS)):
        with suppress(OverdueError):
            return await crews.looks.run(holder, partial(work, _LOOK_SECONDS))
    return await _run(READS, partial(work, None))


async def _run(kind: str, work: Callable[[], T]) -> T:
    crews, holder = _PLACE.get()
    return await crews.requests.run(holder._replace(kind=kind), work)
