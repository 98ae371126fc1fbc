"""What an audit said of its findings stays what it said, whatever is decided later."""

from __future__ import annotations

from typing import Any

from tests.audits.world import TENANT, Clock, Cloud, Pass

from cloudsealed.findings.pin_store import Line
from cloudsealed.findings.store import FindingStore, pin_to_audit
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Severity

CRITICAL, HIGH, LOW = Severity.CRITICAL.rank, Severity.HIGH.rank, Severity.LOW.rank


def said(audit: Pass) -> dict[str, Line]:
    return {pin[0]: pin[1:] for pin in audit.pins}


def ran(audit: Pass, cloud: Cloud, *policies: Any) -> Pass:
    audit.collect(cloud)
    audit.judge(*policies)
    audit.apply()
    with audit.database.write() as connection:
        pin_to_audit(connection, tenant=TENANT, audit=audit.id, idents=audit.pins, month="2026-01")
    return audit


def test_an_audit_says_how_it_classified(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, classification: Any, database: Database
) -> None:
    cloud.queues["orders"] = {}
    rule = classification("c", set={"severity": "critical"})
    first = ran(begin(), cloud, check("true"), rule)
    clock.move(days=1)
    second = ran(begin(), cloud, check("true"))
    (ident,) = said(first)
    assert said(first)[ident] == (CRITICAL, HIGH, {"key": "c", "version": 1}, False, None)
    assert said(second)[ident] == (HIGH, HIGH, None, False, None)
    store = FindingStore(database)
    for audit, severity in ((first, "critical"), (second, "high")):
        filters = {"audit": (audit.id,), "severity": (severity,)}
        page = store.page(tenant=TENANT, filters=filters, sort="-id", after=None, limit=5)
        assert [row[0] for row in page.rows] == [ident]


def test_an_audit_says_what_it_suppressed_and_what_yields(
    begin: Any, cloud: Cloud, check: Any, classification: Any, present: Any
) -> None:
    cloud.queues["orders"] = {}
    general = check("true", key="general", severity="low")
    special = check("true", key="special", yields_to=["general"])
    audit = ran(begin(), cloud, special, general)
    asking = next(ident for ident, pin in said(audit).items() if pin[0] == LOW)
    assert sorted(said(audit).values(), key=str) == sorted(
        [(LOW, LOW, None, False, None), (HIGH, HIGH, None, True, asking)], key=str
    )
    hushed = ran(begin(), cloud, check("true"), classification("h", suppress=True))
    assert [pin[2:4] for pin in said(hushed).values()] == [({"key": "h", "version": 1}, True)]


def test_an_older_audit_that_ends_later_says_what_it_saw(
    begin: Any, cloud: Cloud, clock: Clock, check: Any, classification: Any
) -> None:
    cloud.queues["orders"] = {}
    older = begin()
    older.collect(cloud)
    clock.move(days=1)
    newer = ran(begin(), cloud, check("true"), classification("c", set={"severity": "low"}))
    older.judge(check("true"))
    older.apply()
    assert [pin[0] for pin in said(newer).values()] == [LOW]
    assert [pin[0] for pin in said(older).values()] == [HIGH]
