"""A lane of calls has one process at a time; nobody waits for ever, and nothing is kept so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.collectors.calling.places import TURN_SECONDS, Places

LANE = ("123456789012", "eu-west-1", "iam")


@dataclass
class Shared:
    """Names as several processes have them, which may die."""

    holders: dict[str, int] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)

    def of(self, process: int) -> Names:
        return Names(self, process)

    def kill(self, process: int) -> None:
        self.holders = {name: pid for name, pid in self.holders.items() if pid != process}


@dataclass
class Names:
    shared: Shared
    process: int

    def take(self, name: str) -> bool:
        return self.shared.holders.setdefault(name, self.process) == self.process

    def end(self, name: str) -> None:
        assert self.shared.holders.pop(name) == self.process

    def close(self) -> None:
        assert self.process not in self.shared.holders.values()
        self.shared.closed.add(self.process)


class WaitsError(Exception):
    """A call would have had to wait."""


class World:
    """Processes with one clock, whose keepers run when they are told to."""

    def __init__(self, processes: int, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.now = 100.0
        self.shared = Shared()
        self.places = [Places(self.shared.of(n), lambda: self.now) for n in range(processes)]

    def call(self, process: int, lane: tuple[str, ...] = LANE) -> None:
        """Make a call that takes no time; raises WaitsError."""
        with self.places[process].at(lane, waits):
            assert self.shared.holders["/".join(("calls", *lane))] == process

    def waits(self, process: int) -> bool:
        try:
            self.call(process)
        except WaitsError:
            return True
        return False

    def later(self, seconds: float) -> None:
        self.now += seconds
        for each in self.places:
            each.keep()


def waits(_seconds: float) -> None:
    raise WaitsError


@pytest.fixture(autouse=True)
def no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keepers keep when a test says so."""
    monkeypatch.setattr("cloudsealed.kit.loop.Loop.start", lambda _loop: None)


@pytest.fixture
def world() -> Iterator[World]:
    made = World(2)
    yield made
    made.later(60.0)
    made.later(60.0)
    assert made.shared.holders == {}, "nothing is kept for ever"


def test_a_process_that_is_alone_never_waits(world: World) -> None:
    for _ in range(50):
        assert not world.waits(0)
        world.later(TURN_SECONDS / 7)


def test_a_lane_passes_on_when_it_was_quiet_for_a_second(world: World) -> None:
    world.call(0)
    assert world.waits(1)
    world.later(0.9)
    assert world.waits(1)
    world.later(0.1)
    assert world.waits(1)  # it waited, so it has the lane and begins a second later
    world.later(1.0)
    assert not world.waits(1)
    assert world.waits(0)


def test_a_busy_lane_passes_on_after_a_turn_if_another_waits(world: World) -> None:
    began = world.now
    world.call(0)
    while world.waits(1):
        world.later(0.25)
        assert world.now < began + TURN_SECONDS + 5
        world.waits(0)
    assert world.now >= began + TURN_SECONDS
    while world.waits(0):
        world.later(0.25)
        assert world.now < began + 2 * (TURN_SECONDS + 5)
        world.waits(1)


def test_a_call_under_way_keeps_the_lane(world: World) -> None:
    with world.places[0].at(LANE, waits):
        world.later(5 * TURN_SECONDS)
        assert world.waits(1)
        world.later(5 * TURN_SECONDS)
        assert world.waits(1)
        with pytest.raises(WaitsError):  # its turn is over, so nothing more begins
            world.call(0)
    world.later(1.0)
    assert world.waits(1)
    world.later(1.0)
    assert not world.waits(1)


def test_a_process_that_dies_lets_go_and_who_waited_begins_a_second_later(world: World) -> None:
    world.call(0)
    assert world.waits(1)
    world.shared.kill(0)
    world.places[0] = Places(world.shared.of(0), lambda: world.now)
    assert world.waits(1)
    world.now += 0.9
    assert world.waits(1)
    world.now += 0.1
    assert not world.waits(1)


def test_lanes_do_not_wait_for_each_other(world: World) -> None:
    world.call(0)
    world.call(1, ("123456789012", "eu-west-1", "s3"))
    world.call(1, ("123456789012", "us-east-1", "iam"))


def test_who_no_longer_wants_a_lane_leaves_the_line(world: World) -> None:
    world.call(0)
    assert world.waits(1)
    for _ in range(4 * 30):
        world.later(0.25)
        assert not world.waits(0)


def test_a_quiet_process_keeps_no_connection(world: World) -> None:
    world.call(0)
    world.later(1.0)
    assert world.shared.closed == {0}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("call"), st.integers(0, 2)),
            st.tuples(st.just("begin"), st.integers(0, 2)),
            st.tuples(st.just("end"), st.integers(0, 2)),
            st.tuples(st.just("kill"), st.integers(0, 2)),
            st.tuples(st.just("later"), st.integers(1, 60)),
        ),
        max_size=60,
    )
)
@settings(max_examples=200)
def test_calls_of_two_processes_are_never_within_a_second(steps: list[tuple[str, int]]) -> None:
    world = World(3)
    under_way = [ExitStack() for _ in range(3)]
    running = [0, 0, 0]
    ended: list[tuple[int, float]] = []
    for step, number in steps:
        if step == "later":
            world.later(number / 4)
        elif step == "kill":
            world.shared.kill(number)
            world.places[number] = Places(world.shared.of(number), lambda: world.now)
            in_line = [pid for name, pid in world.shared.holders.items() if name[:4] == "line"]
            if in_line:
                assert all(world.waits(pid) for pid in in_line)  # as it does all the time
                ended += [(number, world.now)] * running[number]
            else:
                world.now += 1.0  # so long it takes at least to start
            under_way[number].pop_all()
            running[number] = 0
        elif step == "end":
            under_way[number].close()
            ended += [(number, world.now)] * running[number]
            running[number] = 0
        else:
            stack = ExitStack() if step == "call" else under_way[number]
            try:
                stack.enter_context(world.places[number].at(LANE, waits))
            except WaitsError:
                continue
            others = [other for other in range(3) if other != number]
            assert not any(running[other] for other in others)
            assert all(who == number or world.now - when >= 1.0 for who, when in ended)
            if step == "call":
                stack.close()
                ended.append((number, world.now))
            else:
                running[number] += 1
