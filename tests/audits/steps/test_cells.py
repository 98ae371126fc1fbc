"""Findings follow their cell: what is known already is not written, whoever else is at the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.audits.steps.test_order_of_finishing import (
    NAMES,
    PASSES,
    TENANT,
    Pass,
    audit_id,
    finish,
    present,
    told_in,
    world,
    write,
)

from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Shards
from cloudsealed.audits.steps import cells
from cloudsealed.audits.steps.apply import Applier
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.database import Connection, SqliteDatabase
from cloudsealed.storage.schema import episodes, findings
from cloudsealed.vocabulary import Outcome

FAILS = {"one": Outcome.FAIL, "two": Outcome.FAIL, "three": Outcome.UNKNOWN}
AGAIN = [Pass(at, FAILS, complete=True, version=1) for at in range(4)]


def rows(database: SqliteDatabase) -> list[Any]:
    with database.read() as connection:
        kept = connection.all(select(findings).order_by(findings.c.id))
        return [*kept, *connection.all(select(episodes).order_by(episodes.c.finding_id))]


def test_a_finding_of_which_an_audit_says_what_is_known_is_not_written() -> None:
    with world() as database:
        for number, spoken in enumerate(AGAIN):
            write(database, number, spoken)
        finish(database, 0, AGAIN[0])
        before = rows(database)
        for number in (1, 3, 2):
            finish(database, number, AGAIN[number])
        assert rows(database) == before
        found = present(database)["one"]
        assert found[8:11] == (AGAIN[3].moment(), audit_id(3), found[10])
        assert found[10].audit_id == audit_id(3)


@pytest.mark.parametrize("outcome", [Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.UNKNOWN, None])
def test_nor_is_one_that_is_over_or_not_read_or_whose_resource_is_gone(
    outcome: Outcome | None,
) -> None:
    there = {} if outcome is None else dict.fromkeys(NAMES, outcome)
    passes = [
        Pass(0, dict.fromkeys(NAMES, Outcome.FAIL), complete=True, version=1),
        *(Pass(at, there, complete=True, version=1) for at in (1, 2, 3)),
    ]
    with world() as database:
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        for number in (0, 1):
            finish(database, number, passes[number])
        before = rows(database)
        for number in (2, 3):
            finish(database, number, passes[number])
        assert rows(database) == before


def test_one_that_an_audit_did_not_see_stays_as_it_was_last_seen() -> None:
    passes = [*AGAIN[:2], Pass(2, {"one": Outcome.FAIL}, complete=False, version=1)]
    told = told_in((0, 1, 2), passes)
    assert told["one"][8:10] == (passes[2].moment(), audit_id(2))
    assert told["two"][8:10] == (passes[1].moment(), audit_id(1))


class Stepping(Applier):
    """An applier that takes each of its turns when it is told to."""

    def __init__(self, wait: Callable[[], None], **named: Any) -> None:
        super().__init__(**named)
        self.wait = wait

    @contextmanager
    def _lane(self, account: str) -> Iterator[Connection]:
        self.wait()
        with super()._lane(account) as connection:
            yield connection


def stepped(database: SqliteDatabase, passes: Sequence[Pass], turns: Iterator[int]) -> None:
    """Reconcile the findings of all passes but the first at once; `turns` says whose is next."""
    halted: SimpleQueue[tuple[int, bool]] = SimpleQueue()
    go = [Semaphore(0) for _ in passes]
    numbers = range(1, len(passes))

    def runs(number: int) -> None:
        def wait() -> None:
            halted.put((number, False))
            go[number].acquire()

        try:
            wait()
            lease = Shards(database, utc_now).take(
                tenant=TENANT, ident=audit_id(number), owner=f"again-{number}"
            )
            assert lease is not None
            snapshots = Snapshots(database, tenant=TENANT, audit_id=audit_id(number))
            applier = Stepping(wait, database=database, lease=lease, snapshots=snapshots)
            applier.findings()
            if passes[number].withdraws:
                place = ("123456789012", "eu-west-1")
                applier.withdraw(["pol_a"], [place], passes[number].moment())
        finally:
            halted.put((number, True))

    threads = [Thread(target=runs, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    waiting = {halted.get(timeout=60)[0] for _ in numbers}
    while waiting:
        number = sorted(waiting)[next(turns) % len(waiting)]
        waiting.remove(number)
        go[number].release()
        halts, ended = halted.get(timeout=60)
        waiting |= set() if ended else {halts}
    for thread in threads:
        thread.join(timeout=60)


SAYS = st.builds(
    Pass,
    at=st.integers(1, 4),
    outcomes=st.fixed_dictionaries(
        dict.fromkeys(NAMES[:2], st.sampled_from((Outcome.FAIL, Outcome.FAIL, Outcome.PASS)))
    )
    | PASSES.map(lambda drawn: drawn.outcomes),
    complete=st.booleans(),
    version=st.just(1),
    withdraws=st.sampled_from((False, False, False, False, True)),
)


@settings(max_examples=60)
@example(  # the older one begins, and writes when the newer one has left all as it was
    passes=[
        Pass(1, dict.fromkeys(NAMES, Outcome.PASS), complete=True, version=1),
        Pass(2, dict.fromkeys(NAMES, Outcome.FAIL), complete=True, version=1),
    ],
    turns=[0] * 3 + [1] * 6 + [0] * 3 + [1] + [0] * 17,
)
@given(
    passes=st.lists(SAYS, min_size=2, max_size=3),
    turns=st.lists(st.integers(0, 2), min_size=30, max_size=30),
)
def test_audits_that_reconcile_a_cell_at_once_leave_what_they_leave_one_after_another(
    passes: list[Pass], turns: list[int]
) -> None:
    passes = [Pass(0, dict.fromkeys(NAMES, Outcome.FAIL), complete=True, version=1), *passes]
    in_time = sorted(range(len(passes)), key=lambda n: (passes[n].at, n))
    with pytest.MonkeyPatch.context() as patched, world() as database:
        patched.setattr(cells, "BATCH", 1)
        for number, spoken in enumerate(passes):
            write(database, number, spoken)
        finish(database, 0, passes[0])
        for number in in_time[1:]:
            resources_of(database, number)
        stepped(database, passes, cycle(turns))
        assert present(database) == told_in(tuple(in_time), passes)


def resources_of(database: SqliteDatabase, number: int) -> None:
    lease = Shards(database, utc_now).take(
        tenant=TENANT, ident=audit_id(number), owner=f"again-{number}"
    )
    assert lease is not None
    snapshots = Snapshots(database, tenant=TENANT, audit_id=audit_id(number))
    Applier(database=database, lease=lease, snapshots=snapshots).resources()
