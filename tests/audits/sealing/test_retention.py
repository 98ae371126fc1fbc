"""Evidence ends after its time: what newer audits use stays, and so do seals and figures."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.audits.model import public
from cloudsealed.audits.records.blocks import FAILED, OBSERVATIONS, SEEN, Spool, put
from cloudsealed.audits.sealing.retention import expire_evidence, forget_evidence
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.storage.schema import audit_blocks, audit_shards, audits, calls, objects, seal_rows
from cloudsealed.vocabulary import AuditKind, AuditStatus


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        row = connection.first(select(func.count()).select_from(table))
    assert row is not None
    return int(row[0])


def ended(audit: Pass) -> Pass:
    audit.take().set(status=AuditStatus.COMPLETED, finished_at=rfc3339(audit.clock()))
    return audit


def judged(begin: Any, cloud: Cloud, policy: Any, **changes: Any) -> Pass:
    audit: Pass = begin(policy_set=(policy.as_dict(),), **changes)
    if audit.audit.kind is AuditKind.LIVE:
        audit.collect(cloud)
    audit.judge(policy)
    return ended(audit)


@pytest.fixture
def expire(database: Database, clock: Clock) -> Any:
    def expired(days: int = 400) -> int:
        found = expire_evidence(database, clock, tenant=TENANT, days=days)
        forget_evidence(database, clock, tenant=TENANT, days=days)
        return found

    return expired


def test_evidence_of_an_old_audit_goes_and_its_figures_stay(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, database: Database, expire: Any
) -> None:
    cloud.queues = {"a": {"A": "1"}, "b": {"A": "2"}}
    old = judged(begin, cloud, check("resource.Attributes.A == '1'"))
    stored = count(database, objects)
    clock.move(days=399)
    assert expire() == 0
    assert count(database, objects) == stored
    clock.move(days=40)
    assert expire() == 1
    assert expire() == 0
    assert count(database, calls) == count(database, objects) == 0
    audit = old.store.get(tenant=TENANT, ident=old.id)
    assert orjson.loads(public(audit))["evidence"] == "expired"
    [block] = old.blocks.all(OBSERVATIONS)
    assert block.header["counts"]["fail"] == 1
    with pytest.raises(EvidenceExpiredError, match=old.id):
        audit.require_evidence()
    with pytest.raises(EvidenceExpiredError):
        list(old.blocks.lines(block))


def test_what_a_newer_audit_found_unchanged_stays(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, expire: Any
) -> None:
    cloud.queues = {"a": {"A": "1"}, "b": {"A": "2"}}
    policy = check("resource.Attributes.A == '1'")
    judged(begin, cloud, policy)
    clock.move(days=300)
    cloud.queues["b"]["A"] = "3"
    newer = judged(begin, cloud, policy)
    clock.move(days=140)
    assert expire() == 1
    [block] = newer.blocks.all(OBSERVATIONS)
    lines = list(newer.blocks.lines(block))
    kept = [newer.snapshots.at(line["snapshot"]) for line in lines]
    assert [each and each["document"]["Attributes"] for each in kept] == [{"A": "1"}, {"A": "3"}]
    assert len(list(newer.ledger.entries())) == len(cloud.asked) / 2


def test_the_evidence_of_a_reanalysis_ends_with_that_of_its_source(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, expire: Any
) -> None:
    cloud.queues = {"a": {"A": "1"}}
    policy = check("resource.Attributes.A == '1'")
    source = judged(begin, cloud, policy)
    clock.move(days=440)
    again = begin(
        policy_set=(policy.as_dict(),),
        kind=AuditKind.REANALYSIS,
        source_id=source.id,
        status=AuditStatus.EVALUATING,
    )
    assert expire() == 0
    again.judge(policy)
    ended(again)
    assert expire() == 2
    for audit in (source, again):
        assert audit.store.get(tenant=TENANT, ident=audit.id).expired_at is not None


EVIDENCE = (calls, seal_rows, audit_shards, objects)


def rows_left(database: Database) -> dict[str, int]:
    return {table.name: count(database, table) for table in EVIDENCE}


def grown(database: Database, audit: Pass) -> Pass:
    """Give an audit a tree, as its seal does."""
    scope = {"tenant_id": TENANT, "audit_id": audit.id, "level": 0}
    with database.write() as connection:
        rows = [{**scope, "number": number, "hashes": b""} for number in range(3)]
        connection.many(seal_rows.insert(), rows)
    return audit


def forgotten(database: Database, audit: Pass) -> bool:
    with database.read() as connection:
        row = connection.first(select(audits.c.forgotten_at).where(audits.c.id == audit.id))
    return row is not None and row[0] is not None


@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_evidence_goes_in_as_many_rounds_as_it_takes_and_nobody_meets_half_of_it(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, database: Database, most: int
) -> None:
    cloud.queues = {"a": {"A": "1"}, "b": {"A": "2"}}
    policy = check("resource.Attributes.A == '1'")
    old = grown(database, judged(begin, cloud, policy))
    clock.move(days=300)
    before = rows_left(database)
    cloud.queues["b"]["A"] = "3"
    newer = grown(database, judged(begin, cloud, policy))
    kept = [*newer.ledger.entries()]
    clock.move(days=140)
    assert expire_evidence(database, clock, tenant=TENANT, days=400) == 1
    all_of_it = rows_left(database)
    rounds = []
    while not rounds or rounds[-1] == most:
        with pytest.raises(EvidenceExpiredError):
            old.store.get(tenant=TENANT, ident=old.id).require_evidence()
        of_old = [*old.ledger.entries()]
        assert forgotten(database, old) is False or not of_old
        rounds.append(forget_evidence(database, clock, tenant=TENANT, days=400, most=most))
    assert forgotten(database, old)
    assert not forgotten(database, newer)
    assert [*old.ledger.entries()] == []
    assert [*newer.ledger.entries()] == kept
    assert sum(rounds) == sum(all_of_it.values()) - sum(rows_left(database).values())
    assert rows_left(database)["calls"] == all_of_it["calls"] - before["calls"]
    assert rows_left(database)["seal_rows"] == all_of_it["seal_rows"] - before["seal_rows"]


def test_what_a_failed_audit_left_to_do_goes_with_its_evidence(
    begin: Any, cloud: Cloud, clock: Clock, database: Database, expire: Any
) -> None:
    audit = begin()
    audit.collect(cloud)
    where: dict[str, Any] = {"key": "", "account": "", "region": "", "header": {}}
    with database.write() as connection:
        for kind in (SEEN, FAILED, OBSERVATIONS):
            lines = Spool.of(TENANT, "2026-01", [{}])
            put(connection, tenant=TENANT, audit_id=audit.id, kind=kind, lines=lines, **where)
    audit.take().set(status=AuditStatus.FAILED, finished_at=rfc3339(clock()))
    clock.move(days=440)
    assert expire() == 1
    assert count(database, audit_shards) == 0
    with database.read() as connection:
        assert connection.all(select(audit_blocks.c.kind)) == [(OBSERVATIONS,)]


def test_an_audit_that_its_tenant_deletes_meanwhile_is_forgotten_too(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, database: Database, expire: Any
) -> None:
    cloud.queues = {"a": {"A": "1"}}
    old = judged(begin, cloud, check("true"))
    clock.move(days=440)
    expire_evidence(database, clock, tenant=TENANT, days=400)
    assert forget_evidence(database, clock, tenant=TENANT, days=400, most=1) == 1
    old.store.delete(tenant=TENANT, ident=old.id)
    assert expire() == 0
    assert rows_left(database) == dict.fromkeys(rows_left(database), 0)
