"""Evidence ends after its time: what newer audits use stays, and so do seals and figures."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.audits.model import public
from cloudsealed.audits.records.blocks import OBSERVATIONS
from cloudsealed.audits.sealing.retention import expire_evidence
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.storage.schema import calls, objects
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
    return lambda days=400: expire_evidence(database, clock, tenant=TENANT, days=days)


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
