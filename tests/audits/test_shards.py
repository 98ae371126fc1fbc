"""An audit's shards are given out, ended and followed each exactly once, whoever asks at once."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audits.world import TENANT, Clock, Pass
from tests.waiting import SECONDS

from cloudsealed.audits.model import LeaseLostError
from cloudsealed.audits.shard_store import LEASE_SECONDS, MOST_TAKES, Lease, Shard, Shards, Step
from cloudsealed.kit.clock import utc_now
from cloudsealed.storage.lease_clock import lease_clock
from cloudsealed.storage.schema import audit_shards as rows
from cloudsealed.vocabulary import AuditStatus

ACCOUNTS = [f"{number:012d}" for number in range(1, 4)]


def planned(audit: Pass, *shards: Shard) -> None:
    lease = audit.take("plan")
    with lease.closing() as connection:
        audit.shards.add(connection, tenant=TENANT, ident=audit.id, new=shards)


def places(number: int, account: str = ACCOUNTS[0]) -> list[Shard]:
    return [Shard(Step.COLLECT, account, f"r{index:03d}") for index in range(number)]


def take(audit: Pass, owner: str, *, shared: bool = True) -> Lease | None:
    return audit.shards.take(tenant=TENANT, ident=audit.id, owner=owner, shared=shared)


def taken(audit: Pass, owner: str, *, shared: bool = True) -> Lease:
    lease = take(audit, owner, shared=shared)
    assert lease is not None
    return lease


def left(audit: Pass) -> list[tuple[str, str, str]]:
    with audit.database.read() as connection:
        found = connection.all(rows.select().with_only_columns(*rows.primary_key.columns))
    return sorted(row[2:] for row in found if row[1] == audit.id)


def test_each_worker_takes_half_of_the_places_that_wait(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(18))
    leases = [take(audit, f"w{number}") for number in range(6)]
    assert [len(each.parts) if each else 0 for each in leases] == [9, 5, 2, 1, 1, 0]
    parts = [part for each in leases if each for part in each.parts]
    assert sorted(parts) == sorted(places(18)), "each is given to one"


def test_no_worker_takes_more_than_sixteen_places_or_one_account(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(90), *(Shard(Step.JUDGE, account) for account in ACCOUNTS))
    assert [taken(audit, f"w{n}").doing for n in range(4)] == [Step.JUDGE] * 3 + [Step.COLLECT]
    assert len(taken(audit, "w4").parts) == 16


def test_who_works_alone_takes_all(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(40))
    assert len(taken(audit, "cli", shared=False).parts) == 40
    assert take(audit, "another", shared=False) is None


def test_a_shard_whose_worker_died_is_taken_alone_and_given_up_in_the_end(
    begin: Any, clock: Clock
) -> None:
    audit = begin()
    planned(audit, *places(4))
    assert len(taken(audit, "dies").parts) == 2
    for takes in range(2, MOST_TAKES + 1):
        clock.move(seconds=LEASE_SECONDS + 1)
        lease = taken(audit, f"dies {takes}")
        assert (lease.parts, lease.takes) == (tuple(places(1)), takes)
        assert lease.is_last_take is (takes == MOST_TAKES)
    assert taken(audit, "another").parts == (places(2)[1],), "which died once, with the other"


def test_what_is_given_back_was_not_taken(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(1))
    for _ in range(2 * MOST_TAKES):
        lease = taken(audit, "interrupted")
        assert lease.takes == 1
        lease.anew().free()


def test_nothing_is_written_by_who_lost_a_shard_and_others_go_on(begin: Any, clock: Clock) -> None:
    audit = begin()
    planned(audit, *places(2))
    lost, lives = taken(audit, "lost"), taken(audit, "lives")
    clock.move(seconds=LEASE_SECONDS - 1)
    lives.renew()
    clock.move(seconds=2)
    found = taken(audit, "finds")
    assert found.parts == lost.parts
    with pytest.raises(LeaseLostError), lost.write():
        pass
    for lease in (lives, found):
        with lease.closing():
            pass
    assert left(audit) == []


def test_progress_is_that_of_all_and_what_is_done_again_counts_once(
    begin: Any, clock: Clock
) -> None:
    audit = begin()
    planned(audit, *places(2))
    dies, lives = taken(audit, "dies"), taken(audit, "lives")
    dies.count({"tasks_done": 3, "calls": 30})
    shown = lives.count({"tasks_done": 4, "calls": 40})
    assert (shown["tasks_done"], shown["calls"]) == (7, 70)
    clock.move(seconds=LEASE_SECONDS + 1)
    again = taken(audit, "again")
    assert again.parts == dies.parts
    shown = again.count({"tasks_done": 3})
    assert (shown["tasks_done"], shown["calls"]) == (7, 70), "its calls are in the ledger"


def test_a_worker_whose_clock_runs_ahead_takes_nothing_that_others_hold(begin: Any) -> None:
    audit = begin()
    if audit.database.name == "sqlite":
        pytest.skip("those who share a file share a clock")
    holder, thief = (
        Shards(audit.database, lease_clock(audit.database, clock))
        for clock in (utc_now, lambda: utc_now() + timedelta(hours=1))
    )
    lease = holder.take(tenant=TENANT, ident=audit.id, owner="holder")
    assert lease is not None
    assert thief.take(tenant=TENANT, ident=audit.id, owner="thief") is None
    assert thief.abandoned() == []
    lease.renew()


@pytest.mark.parametrize("ends", ["cancel", "fail"])
def test_an_audit_that_ended_takes_its_shards_from_everybody(begin: Any, ends: str) -> None:
    audit = begin()
    planned(audit, *places(3))
    one, two = taken(audit, "one"), taken(audit, "two")
    if ends == "cancel":
        assert audit.shards.cancel(tenant=TENANT, ident=audit.id)
        assert left(audit) == []
    else:
        with one.alone() as connection:
            one.set_in(connection, status=AuditStatus.FAILED)
            audit.shards.stop(connection, tenant=TENANT, ident=audit.id)
    for lease in (one, two):
        with pytest.raises(LeaseLostError), lease.write():
            pass
    assert take(audit, "late") is None
    assert audit.shards.abandoned() == []


def test_a_failed_audit_goes_on_with_what_is_left_of_it(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(3))
    one = taken(audit, "one")
    with one.closing():
        pass
    two = taken(audit, "two")
    with two.alone() as connection:
        two.set_in(connection, status=AuditStatus.FAILED)
        audit.shards.stop(connection, tenant=TENANT, ident=audit.id)
    with audit.database.write() as connection:
        assert audit.shards.reopen(connection, tenant=TENANT, ident=audit.id)
    assert taken(audit, "next", shared=False).parts == (places(3)[2],)


def test_who_lets_a_failed_audit_go_on_speaks_of_no_death(begin: Any) -> None:
    audit = begin()
    planned(audit, *places(2))
    for _ in range(2 * MOST_TAKES):
        lease = taken(audit, "fails")
        assert (len(lease.parts), lease.takes) == (1, 1)
        with lease.alone() as connection:
            lease.set_in(connection, status=AuditStatus.FAILED)
            audit.shards.stop(connection, tenant=TENANT, ident=audit.id)
        with audit.database.write() as connection:
            assert audit.shards.reopen(connection, tenant=TENANT, ident=audit.id)


def test_what_the_command_line_left_is_looked_for_by_nobody(begin: Any, clock: Clock) -> None:
    audit = begin()
    planned(audit, *places(3))
    taken(audit, "cli")
    audit.shards.give_back(tenant=TENANT, ident=audit.id, owner="cli", queue=False)
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.abandoned() == []
    assert len(taken(audit, "cli again", shared=False).parts) == 3


def test_shards_of_a_worker_that_died_are_looked_for_though_their_job_is_lost(
    begin: Any, clock: Clock
) -> None:
    audit = begin()
    planned(audit, *places(4))
    for owner in ("dies", "dies too"):
        taken(audit, owner)
    clock.move(seconds=LEASE_SECONDS + 1)
    assert len(taken(audit, "lives").parts) == 1
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.abandoned() == [(TENANT, audit.id)]


def test_who_wants_an_audit_for_itself_gets_none_that_others_work_at(
    begin: Any, clock: Clock
) -> None:
    audit = begin()
    planned(audit, *places(4))
    taken(audit, "works")
    named = {"tenant": TENANT, "ident": audit.id}
    assert audit.shards.take(**named, owner="ends it", only=True) is None
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.take(**named, owner="ends it", only=True) is not None


def test_shards_that_wait_for_as_long_as_a_lease_are_looked_for(begin: Any, clock: Clock) -> None:
    audit = begin()
    planned(audit, *places(2))
    assert audit.shards.abandoned() == []
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.abandoned() == [(TENANT, audit.id)]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(counts=st.lists(st.integers(1, 4), min_size=1, max_size=3), stagger=st.randoms())
def test_of_all_that_end_an_account_at_once_one_is_the_last(
    begin: Any, counts: list[int], stagger: Any
) -> None:
    """Closers in threads, of one or of several accounts: each account is judged exactly once."""
    audit = begin()
    accounts = ACCOUNTS[: len(counts)]
    shards = [p for a, number in zip(accounts, counts, strict=True) for p in places(number, a)]
    planned(audit, *shards)
    leases: list[Lease] = []
    while lease := take(audit, f"w{len(leases)}"):
        leases.append(lease)
    stagger.shuffle(leases)
    gate, judged, lock = threading.Barrier(len(leases)), Counter[str](), threading.Lock()

    def close(lease: Lease) -> None:
        named = {"tenant": TENANT, "ident": audit.id}
        gate.wait(SECONDS)
        with lease.closing() as connection:
            for account in dict.fromkeys(part.account for part in lease.parts):
                if not audit.shards.is_left(
                    connection, **named, step=Step.COLLECT, account=account
                ):
                    with lock:
                        judged[account] += 1

    threads = [threading.Thread(target=close, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert judged == Counter(accounts)
    assert left(audit) == []
