"""Who waits holds a thread of their share, and who finds none waits without one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.kit import threads
from cloudsealed.kit.threads import (
    Crew,
    Crews,
    CrowdedError,
    Holder,
    OverdueError,
    belong,
    look,
    run_in_threadpool,
    write_in_threadpool,
)

ANN, ANNS_OTHER, BEN = Holder("a", "1"), Holder("a", "2"), Holder("b", "1")


class Held:
    """Work that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._let_go = threading.Event()

    def of(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            assert self._let_go.wait(SECONDS)
            return name

        return work

    def let_go(self) -> None:
        self._let_go.set()


async def settled() -> None:
    """Let everything come as far as it comes without a thread."""
    for _ in range(20):
        await asyncio.sleep(0)


def started(crew: Crew, held: Held, *holders: Holder) -> list[asyncio.Task[str]]:
    return [asyncio.create_task(crew.run(holder, held.of("".join(holder)))) for holder in holders]


def test_a_token_has_half_and_its_tenant_three_quarters_so_others_are_answered() -> None:
    async def ask() -> None:
        crew, held = Crew("c", 8, line=100, patience=SECONDS), Held()
        waiting = started(crew, held, *[ANN] * 10)
        await settled()
        assert crew.at_work == 4
        waiting += started(crew, held, *[ANNS_OTHER] * 10)
        await settled()
        assert crew.at_work == 6
        assert [await crew.run(BEN, lambda: "at once") for _ in range(10)] == ["at once"] * 10
        assert not any(task.done() for task in waiting)
        held.let_go()
        assert [await task for task in waiting] == ["a1"] * 10 + ["a2"] * 10
        assert crew.at_work == 0

    asyncio.run(ask())


def test_without_a_line_who_finds_no_thread_is_refused_at_once() -> None:
    async def ask() -> None:
        crew, held = Crew("c", 4), Held()
        working = started(crew, held, ANN, ANN)
        await settled()
        for _ in range(3):
            with pytest.raises(CrowdedError) as refused:
                await crew.run(ANN, held.of("too many"))
        assert refused.value.headers["Retry-After"] == "1"
        assert await crew.run(BEN, lambda: "ben") == "ben"
        held.let_go()
        assert await asyncio.gather(*working) == ["a1", "a1"]
        assert await crew.run(ANN, lambda: "again") == "again"
        assert "too many" not in held.begun

    asyncio.run(ask())


def test_a_line_has_an_end_and_who_waits_too_long_leaves_it() -> None:
    async def ask() -> None:
        crew, held = Crew("c", 2, line=1, patience=0.01), Held()
        [working] = started(crew, held, ANN)
        await settled()
        [in_line] = started(crew, held, ANN)
        await settled()
        with pytest.raises(CrowdedError):
            await crew.run(ANN, held.of("too many"))
        with pytest.raises(CrowdedError):
            await in_line
        held.let_go()
        assert await working == "a1"
        assert held.begun == ["a1"]

    asyncio.run(ask())


def test_who_has_few_in_line_does_not_wait_for_all_of_who_has_many() -> None:
    async def ask() -> None:
        crew, order = Crew("c", 2, line=100, patience=SECONDS), []
        held = Held()
        working = started(crew, held, ANN, Holder("c", "1"))
        await settled()
        tasks = [
            asyncio.create_task(crew.run(who, lambda who=who: order.append(who)))  # type: ignore[misc]
            for who in (*[ANN] * 9, BEN)
        ]
        await settled()
        held.let_go()
        await asyncio.gather(*working, *tasks)
        assert order.index(BEN) < 3

    asyncio.run(ask())


def test_who_is_no_longer_waited_for_keeps_the_thread_until_it_ends() -> None:
    async def ask() -> None:
        crew, held = Crew("c", 2), Held()
        [task] = started(crew, held, ANN)
        await settled()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert crew.at_work == 1
        held.let_go()
        while crew.at_work:
            await asyncio.sleep(0)
        assert await crew.run(ANN, lambda: "free") == "free"

    asyncio.run(ask())


def test_who_gives_up_in_line_takes_no_turn() -> None:
    async def ask() -> None:
        crew, held = Crew("c", 2, line=5, patience=SECONDS), Held()
        first, second, third = started(crew, held, ANN, ANN, ANN)
        await settled()
        second.cancel()
        await settled()
        held.let_go()
        assert [await first, await third] == ["a1", "a1"]
        assert crew.at_work == 0

    asyncio.run(ask())


def test_what_a_thread_raises_reaches_who_asked_and_the_thread_goes_on() -> None:
    def fail() -> Any:
        raise ValueError("so")

    async def ask() -> None:
        belong(Crews(Crew("c", 1), Crew("looks", 1)), ANN)
        for _ in range(3):
            with pytest.raises(ValueError, match="so"):
                await run_in_threadpool(fail)
        assert await run_in_threadpool(int, "7", base=8) == 7
        names = {await run_in_threadpool(lambda: threading.current_thread().name) for _ in "abc"}
        assert names == {"c 1"}

    asyncio.run(ask())


def test_writes_that_hang_of_however_many_leave_threads_to_reads() -> None:
    async def ask() -> None:
        crews, held = Crews(Crew("c", 4, line=9, patience=SECONDS), Crew("looks", 1)), Held()
        writes = []
        for name in "abcdef":
            belong(crews, Holder(name, "1"))
            writes.append(asyncio.create_task(write_in_threadpool(held.of(name))))
        await settled()
        belong(crews, BEN)
        assert [await run_in_threadpool(lambda: "read") for _ in range(9)] == ["read"] * 9
        assert crews.requests.at_work == 3
        held.let_go()
        assert await asyncio.gather(*writes) == [*"abcdef"]

    asyncio.run(ask())


def test_what_is_read_within_a_moment_goes_past_all_that_hang_and_else_stands_in_line() -> None:
    def read(deadline: float | None) -> str:
        return "any time" if deadline is None else f"within {deadline}"

    def read_long(deadline: float | None) -> str:
        if deadline is not None:
            raise OverdueError
        return "long"

    async def ask() -> None:
        crews, held = Crews(Crew("c", 2, line=9, patience=SECONDS), Crew("looks", 1)), Held()
        belong(crews, BEN)
        assert await look(read) == "any time"
        hanging = started(crews.requests, held, Holder("a", "1"), Holder("c", "1"))
        await settled()
        assert {await look(read) for _ in range(9)} == {"within 0.25"}
        long = asyncio.create_task(look(read_long))
        while crews.looks.at_work or not crews.requests._waiting:
            await asyncio.sleep(0)
        assert not long.done()
        held.let_go()
        assert await long == "long"
        assert await asyncio.gather(*hanging) == ["a1", "c1"]

    asyncio.run(ask())


def test_who_waits_for_their_own_work_alone_goes_past_nobody() -> None:
    async def ask() -> None:
        crews, held = Crews(Crew("c", 8, line=9, patience=SECONDS), Crew("looks", 1)), Held()
        belong(crews, ANN)
        hanging = started(crews.requests, held, *[ANN] * 4)
        await settled()
        mine = asyncio.create_task(look(str))
        await settled()
        assert not mine.done()
        held.let_go()
        assert await mine == "None"
        await asyncio.gather(*hanging)

    asyncio.run(ask())


def test_a_line_that_does_not_move_is_given_up_and_nobody_joins_it_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "_STILL_SECONDS", 0)

    async def ask() -> None:
        crew, held = Crew("c", 2, line=9, patience=SECONDS), Held()
        hanging = started(crew, held, ANN, Holder("c", "1"))
        await settled()
        for task in started(crew, held, BEN, BEN, ANN):
            with pytest.raises(CrowdedError):
                await task
        with pytest.raises(CrowdedError) as refused:
            await crew.run(BEN, lambda: "too many")
        assert refused.value.headers["Retry-After"] == "1"
        held.let_go()
        await asyncio.gather(*hanging)
        assert await crew.run(BEN, lambda: "again") == "again"
        assert not crew._waiting

    asyncio.run(ask())


def test_a_line_that_moves_slowly_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_STILL_SECONDS", SECONDS)  # it is counted by hand

    async def ask() -> None:
        crew, held = Crew("c", 2, line=9, patience=SECONDS), [Held() for _ in range(5)]
        tasks = [asyncio.create_task(crew.run(BEN, each.of("ben"))) for each in held]
        await settled()
        for task, each in zip(tasks, held, strict=True):
            for _ in range(threads._STILL - 1):
                crew._count()
            each.let_go()
            assert await task == "ben"

    asyncio.run(ask())
