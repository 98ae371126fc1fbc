"""What was counted lately is shown again for as long as counting it again would cost too much."""

from __future__ import annotations

import asyncio

import pytest

from cloudsealed.console.counts import Counts
from cloudsealed.kit.errors import InvalidFieldError


class World:
    """A clock that moves when counting does, and what was counted so far."""

    def __init__(self, cost: float) -> None:
        self.now, self.cost, self.counted = 100.0, cost, 0

    async def count(self) -> int:
        self.counted += 1
        self.now += self.cost
        return self.counted


def test_what_took_long_is_shown_again_with_its_age_and_then_counted_anew() -> None:
    world = World(cost=1.0)

    async def story() -> list[tuple[int, float]]:
        counts, seen = Counts(lambda: world.now), []
        for later in (0.0, 10.0, 9.0, 5.0):
            world.now += later
            found = await counts.of(("t", "q"), world.count)
            assert found is not None
            seen.append((found.value, found.age))
        return seen

    assert asyncio.run(story()) == [(1, 0.0), (1, 10.0), (1, 19.0), (2, 0.0)]


def test_what_costs_nothing_is_never_old() -> None:
    world = World(cost=0.0)

    async def story() -> list[int]:
        counts, seen = Counts(lambda: world.now), []
        for _ in range(3):
            world.now += 0.001
            found = await counts.of("q", world.count)
            assert found is not None
            seen.append(found.value)
        return seen

    assert asyncio.run(story()) == [1, 2, 3]


def test_many_who_ask_at_once_are_answered_by_one_count_and_nobody_waits_for_long() -> None:
    world = World(cost=0.0)

    async def story() -> None:
        counts, gate = Counts(lambda: world.now), asyncio.Event()

        async def slow() -> int:
            await gate.wait()
            return await world.count()

        first = await asyncio.gather(*(counts.of("q", slow) for _ in range(20)))
        assert first == [None] * 20
        gate.set()
        found = await counts.of("q", slow)
        assert found is not None
        assert (found.value, world.counted) == (1, 1)

    asyncio.run(story())


def test_what_a_tenant_changed_is_counted_anew_for_it_alone() -> None:
    world = World(cost=1.0)

    async def story() -> list[int]:
        counts, seen = Counts(lambda: world.now), []
        await counts.of(("a", "q"), world.count)
        await counts.of(("b", "q"), world.count)
        counts.forget("a")
        for tenant in ("a", "b"):
            found = await counts.of((tenant, "q"), world.count)
            assert found is not None
            seen.append(found.value)
        return seen

    assert asyncio.run(story()) == [3, 2]


def test_a_refusal_is_told_and_not_kept() -> None:
    world = World(cost=1.0)

    async def refused() -> int:
        raise InvalidFieldError("severity", "no")

    async def story() -> int:
        counts = Counts(lambda: world.now)
        with pytest.raises(InvalidFieldError):
            await counts.of("q", refused)
        found = await counts.of("q", world.count)
        assert found is not None
        return found.value

    assert asyncio.run(story()) == 1
