"""A loop goes on whatever its step raises, ever more slowly, and at once again when it works."""

from __future__ import annotations

import logging
import threading

import pytest
from tests.waiting import SECONDS

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.loop import Backoff, Loop


def test_pauses_double_up_to_the_longest_and_are_forgotten() -> None:
    backoff = Backoff(first=0.5, most=30)
    assert [backoff.failed() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    backoff.worked()
    assert backoff.failed() == 0.5


@pytest.mark.parametrize("error", [RuntimeError("x"), MemoryError(), CloudSealedError("full")])
def test_a_loop_outlives_what_its_step_raises(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    done = threading.Event()
    rounds = []

    def step() -> None:
        rounds.append(loop.fault)
        if len(rounds) < 4:
            raise error
        if len(rounds) > 4:
            done.set()

    loop = Loop("part", step, every=0, backoff=Backoff(0.001, 0.004))
    with caplog.at_level(logging.WARNING):
        loop.start()
        assert done.wait(SECONDS)
    assert loop.is_alive
    assert rounds[:5] == [None, *[rounds[1]] * 3, None]
    assert rounds[1]
    loop.stop()
    assert loop.join(SECONDS)


def test_a_loop_says_how_long_its_step_has_taken() -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def step() -> None:
        at_work.set()
        go_on.wait(SECONDS)

    loop = Loop("part", step, every=30)
    assert loop.busy_seconds == 0
    loop.start()
    assert at_work.wait(SECONDS)
    assert loop.busy_seconds > 0
    go_on.set()
    while loop.busy_seconds:
        assert loop.is_alive
    loop.stop()
    assert loop.join(SECONDS)


def test_what_is_no_exception_ends_a_loop_and_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _args: None)

    def step() -> None:
        raise SystemExit

    loop = Loop("part", step, every=0)
    loop.start()
    assert loop.join(SECONDS)
    assert not loop.is_alive
