"""Whoever runs an audit holds its lease, and a stale holder can write nothing."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.audits.world import TENANT, Clock
from tests.waiting import SECONDS

from cloudsealed.audits.model import CanceledError, LeaseLostError
from cloudsealed.audits.shard_store import LEASE_SECONDS
from cloudsealed.storage.tenancy import take_lane, take_turn
from cloudsealed.vocabulary import AuditStatus


def test_a_lease_that_runs_is_not_given_to_another(begin: Any, clock: Clock) -> None:
    audit = begin()
    audit.take("first")
    clock.move(seconds=LEASE_SECONDS - 1)
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="second") is None


def test_every_write_keeps_the_lease_for_another_while(begin: Any, clock: Clock) -> None:
    audit = begin()
    lease = audit.take("first")
    for _ in range(3):
        clock.move(seconds=LEASE_SECONDS - 1)
        lease.set(progress={"calls": 1})
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="second") is None


def test_a_lease_that_ran_out_is_taken_over_and_counted(begin: Any, clock: Clock) -> None:
    audit = begin()
    first = audit.take("first")
    clock.move(seconds=LEASE_SECONDS + 1)
    assert (first.takes, audit.take("second").takes) == (1, 2)


def test_a_stale_holder_s_write_is_refused_and_rolled_back(begin: Any, clock: Clock) -> None:
    audit = begin()
    first = audit.take("first")
    clock.move(seconds=LEASE_SECONDS + 1)
    second = audit.take("second")
    with pytest.raises(LeaseLostError):
        first.set(status=AuditStatus.FAILED)
    with pytest.raises(LeaseLostError):
        first.renew()
    second.set(status=AuditStatus.EVALUATING)
    found = audit.store.get(tenant=TENANT, ident=audit.id)
    assert found.status is AuditStatus.EVALUATING


def test_a_late_holder_that_nobody_replaced_may_go_on(begin: Any, clock: Clock) -> None:
    audit = begin()
    lease = audit.take("first")
    clock.move(seconds=10 * LEASE_SECONDS)
    lease.set(status=AuditStatus.EVALUATING)
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="second") is None


def test_of_many_that_want_a_free_lease_one_gets_it(begin: Any) -> None:
    audit = begin()
    gate, got = threading.Barrier(6), []

    def want(number: int) -> None:
        gate.wait(SECONDS)
        got.append(audit.shards.take(tenant=TENANT, ident=audit.id, owner=f"worker-{number}"))

    threads = [threading.Thread(target=want, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert len([lease for lease in got if lease is not None]) == 1
    assert len(got) == len(threads)


@pytest.mark.parametrize("status", [s for s in AuditStatus if s.is_final])
def test_an_audit_that_has_ended_is_given_to_nobody(begin: Any, status: AuditStatus) -> None:
    audit = begin(status=status)
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="worker") is None


def test_whoever_renews_hears_that_the_audit_is_canceled(begin: Any) -> None:
    audit = begin()
    lease = audit.take()
    lease.renew()
    assert audit.shards.cancel(tenant=TENANT, ident=audit.id)
    with pytest.raises(CanceledError):
        lease.look()
    with pytest.raises(LeaseLostError):
        lease.renew()


def test_an_audit_that_nobody_runs_is_canceled_at_once_and_once(begin: Any) -> None:
    audit = begin(status=AuditStatus.QUEUED)
    assert audit.shards.cancel(tenant=TENANT, ident=audit.id)
    assert audit.store.get(tenant=TENANT, ident=audit.id).status is AuditStatus.CANCELED
    assert not audit.shards.cancel(tenant=TENANT, ident=audit.id)
    assert audit.shards.take(tenant=TENANT, ident=audit.id, owner="late") is None
    assert audit.shards.abandoned() == []


def test_a_tenant_cannot_cancel_another_s_audit(begin: Any) -> None:
    audit = begin()
    assert not audit.shards.cancel(tenant="ten_b", ident=audit.id)
    audit.take().renew()


def test_an_audit_without_a_living_worker_is_found(begin: Any, clock: Clock) -> None:
    audit = begin()
    audit.take()
    assert audit.shards.abandoned() == []
    clock.move(seconds=LEASE_SECONDS + 1)
    assert audit.shards.abandoned() == [(TENANT, audit.id)]


def test_writers_under_one_lease_write_side_by_side_and_none_after_it_passed_on(
    begin: Any, clock: Clock
) -> None:
    """On PostgreSQL; on SQLite one transaction writes at a time, so there the second waits."""
    audit = begin()
    lease = audit.take("first")
    inside, go_on, told = threading.Barrier(2), threading.Event(), []

    def writes() -> None:
        with lease.write():
            inside.wait(SECONDS)
            go_on.wait(SECONDS)
            told.append("written")

    writer = threading.Thread(target=writes)
    writer.start()
    inside.wait(SECONDS)
    if audit.database.name == "postgresql":
        with lease.write():
            assert told == [], "the other is still at work"
    clock.move(seconds=LEASE_SECONDS + 1)
    taker = threading.Thread(target=lambda: told.append(audit.take("second").takes))
    taker.start()
    go_on.set()
    writer.join(SECONDS)
    taker.join(SECONDS)
    assert told == ["written", lease.takes + 1], "who takes it waits for those at work"
    with pytest.raises(LeaseLostError), lease.write():
        pass


def test_accounts_reconcile_side_by_side_and_nobody_in_a_tenants_turn(database: Any) -> None:
    if database.name != "postgresql":
        pytest.skip("write transactions of SQLite take turns")
    done: list[str] = []

    def goes(take: Any, name: str) -> threading.Thread:
        def runs() -> None:
            with database.write() as connection:
                take(connection)
                done.append(name)

        thread = threading.Thread(target=runs)
        thread.start()
        return thread

    def lane(account: str) -> Any:
        return lambda connection: take_lane(connection, tenant=TENANT, account=account)

    with database.write() as connection:
        take_lane(connection, tenant=TENANT, account="1")
        goes(lane("2"), "another account").join(SECONDS)
        waiting = goes(lambda c: take_turn(c, tenant=TENANT), "the tenant"), goes(lane("1"), "same")
        goes(lambda c: take_turn(c, tenant="ten_b"), "another tenant").join(SECONDS)
        assert done == ["another account", "another tenant"]
    for thread in waiting:
        thread.join(SECONDS)
    assert sorted(done[2:]) == ["same", "the tenant"]
