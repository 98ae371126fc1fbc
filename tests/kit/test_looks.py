"""Who asks for what is looked at waits for no look that hangs, and is not told what is too old."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from tests.waiting import SECONDS, until

from cloudsealed.kit.looks import Looks, TooOldError


class Seen:
    """A thing whose looks hang while it is held; each look sees the next number."""

    def __init__(self) -> None:
        self.number = 0
        self.hanging = 0
        self.now = 0.0
        self.free = threading.Event()
        self.free.set()

    def look(self) -> int:
        self.hanging += 1
        assert self.free.wait(SECONDS)
        self.hanging -= 1
        self.number += 1
        return self.number


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def looks(seen: Seen) -> Looks[int]:
    return Looks(seen.look, kept=1, oldest=10, patience=0.01, ticks=lambda: seen.now)


@pytest.fixture(params=["seen", "wait"])
def ask(request: pytest.FixtureRequest, looks: Looks[int]) -> Callable[[], int]:
    """Asks on an event loop, and in a thread."""
    if request.param == "seen":
        return lambda: asyncio.run(looks.seen())
    return looks.wait


def test_what_was_seen_is_good_for_a_while_and_then_looked_at_anew(
    seen: Seen, ask: Callable[[], int]
) -> None:
    assert [ask(), ask()] == [1, 1]
    seen.now = 1.5
    until(lambda: ask() == 2, "it is looked at anew")


def test_while_a_look_hangs_the_last_is_told_until_it_is_too_old(
    seen: Seen, ask: Callable[[], int]
) -> None:
    assert ask() == 1
    seen.free.clear()
    seen.now = 9
    assert [ask() for _ in range(5)] == [1] * 5
    assert seen.hanging == 1, "one look at a time"
    seen.now = 11
    with pytest.raises(TooOldError):
        ask()
    seen.free.set()
    until(lambda: not seen.hanging, "the look ends")
    until(lambda: ask() == 3, "the next one sees it")


def test_a_look_that_fails_leaves_what_was_seen(seen: Seen) -> None:
    def look() -> int:
        if seen.number:
            raise ValueError
        return seen.look()

    looks = Looks(look, kept=1, oldest=10, ticks=lambda: seen.now)
    assert looks.wait() == 1
    seen.now = 5
    assert looks.wait() == 1
    seen.now = 20
    with pytest.raises(TooOldError):
        looks.wait()


def test_many_who_ask_at_once_share_one_look(seen: Seen, looks: Looks[int]) -> None:
    async def ask() -> list[int]:
        seen.free.clear()
        asked = [asyncio.create_task(looks.seen()) for _ in range(50)]
        while not seen.hanging:
            await asyncio.sleep(0)
        seen.free.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(ask()) == [1] * 50
