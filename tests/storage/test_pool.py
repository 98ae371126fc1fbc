"""Of the connections of a process writes leave some to reads, and reads some to short ones."""

from __future__ import annotations

import threading
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, literal, select
from tests.waiting import SECONDS

from cloudsealed.storage.database import Database, ReadDeadlineError
from cloudsealed.storage.pool import NoneFreeError, Pool, Use


def pool_of(size: int) -> Pool[Any]:
    made = count()
    return Pool(lambda: [next(made)], lambda raw: None, size=size, usable=lambda raw: True)


def taken(pool: Pool[Any], use: Use) -> list[Any]:
    """Take as many as there are for a use."""
    found: list[Any] = []
    while True:
        try:
            found.append(pool.take(0, use))
        except NoneFreeError:
            return found


def test_whatever_writes_and_reads_wait_for_shorter_reads_have_connections() -> None:
    pool = pool_of(10)
    lent = [taken(pool, use) for use in (Use.WRITE, Use.READ, Use.LOOK)]
    assert [len(each) for each in lent] == [6, 2, 2]
    assert pool.in_use == 10


def test_who_comes_first_with_what_is_short_leaves_nothing_kept_for_it() -> None:
    pool = pool_of(10)
    lent = [taken(pool, use) for use in (Use.LOOK, Use.READ, Use.WRITE)]
    assert [len(each) for each in lent] == [10, 0, 0]


@pytest.mark.parametrize("use", Use)
def test_a_pool_of_one_is_enough_for_every_use(use: Use) -> None:
    assert len(taken(pool_of(1), use)) == 1


def test_who_waits_gets_what_is_given_back_for_whatever_it_was_taken() -> None:
    pool = pool_of(4)
    [first, *_] = taken(pool, Use.LOOK)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(pool.take(SECONDS, Use.LOOK)))
    waiting.start()
    pool.give_back(first)
    waiting.join(SECONDS)
    assert got == [first]


def test_a_connection_that_cannot_be_made_leaves_its_place_free() -> None:
    def fail() -> Any:
        raise OSError("no server")

    pool = Pool(fail, lambda raw: None, size=1, usable=lambda raw: True)
    for _ in range(3):
        with pytest.raises(OSError, match="no server"):
            pool.take(0, Use.WRITE)
    assert pool.in_use == 0


def test_reads_of_a_thread_in_a_hurry_have_its_deadline_and_later_ones_none(
    database: Database,
) -> None:
    numbers = select(literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < 100_000))
    long = select(func.count()).select_from(numbers)
    with database.hurried(0.001), pytest.raises(ReadDeadlineError), database.read() as connection:
        connection.first(long)
    with database.read() as connection:
        assert connection.first(long) == (100_000,)
