"""What became of findings in an audit, against the one before it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.findings import delta_store
from cloudsealed.findings import store as rows
from cloudsealed.findings.delta_store import Compared
from cloudsealed.findings.model import Finding, Moment
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Database
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import DeltaKind, FindingStatus, Outcome, Severity

TENANT, OLD, BEFORE, THIS = "ten_a", "aud_0", "aud_1", "aud_2"
AT = {audit: f"2026-01-0{day}T00:00:00.000Z" for day, audit in enumerate((OLD, BEFORE, THIS), 1)}
COMPARED = Compared(THIS, BEFORE, AT[THIS])
BECAME = (*DeltaKind, "stayed", "unread", "elsewhere")


def looked(finding: Finding, audit: str, **changes: Any) -> Finding:
    return replace(finding, looked=Moment(AT[audit], audit), **changes)


def seen(became: str, severity: Severity) -> Finding:
    """Return a finding as it was when it was first seen."""
    first = THIS if became == DeltaKind.NEW else OLD
    moment = Moment(AT[first], first)
    return make_finding(
        severity=severity, first_seen_at=moment.at, audit_id=first, looked=moment, decided=moment
    )


def lived(connection: Any, became: str, finding: Finding) -> None:
    """Write the episodes, and the end, that a finding comes to."""

    def begin(finding: Finding) -> None:
        rows.record_episodes(connection, tenant=TENANT, told=[(finding, True)])

    if became == DeltaKind.REOPENED:
        passed = looked(finding, BEFORE, last_observation=Outcome.PASS)
        begin(passed)
        begin(looked(finding, THIS))
    elif became == DeltaKind.CHANGED:
        begin(looked(finding, THIS))
    elif became == DeltaKind.FIXED:
        resolved = replace(finding, status=FindingStatus.RESOLVED, resolved=Moment(AT[THIS], THIS))
        rows.overwrite(connection, tenant=TENANT, changed=[resolved])
    elif became == "unread":
        unread = looked(finding, THIS, last_observation=Outcome.UNKNOWN)
        begin(unread)


@pytest.fixture
def lives(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Finding]]:
    """Store 90 findings, some of each fate."""
    monkeypatch.setattr(rows, "BLOCK_LINES", 7)
    monkeypatch.setattr(delta_store, "SCAN_SECONDS", SECONDS)
    chosen, found = random.Random(3), {became: list[Finding]() for became in BECAME}
    for _ in range(90):
        became = chosen.choice(BECAME)
        finding = seen(became, chosen.choice(list(Severity)))
        add_findings(database, TENANT, finding)
        found[became].append(finding)
        with database.write() as connection:
            lived(connection, became, finding)
    failed = {
        BEFORE: ("changed", "fixed", "stayed", "unread"),
        THIS: ("new", "reopened", "changed", "stayed"),
    }
    for audit, fates in failed.items():
        idents = [finding.id for fate in fates for finding in found[fate]]
        with database.write() as connection:
            rows.pin_to_audit(
                connection, tenant=TENANT, audit=audit, idents=idents, month="2026-01"
            )
    return found


def walk(
    database: Database, filters: dict[str, tuple[str, ...]], seed: int, compared: Compared
) -> list[str]:
    chosen, store, after = random.Random(seed), FindingStore(database), None
    found: list[str] = []
    while True:
        page = store.page(
            tenant=TENANT,
            filters=filters,
            sort="-id",
            after=after,
            limit=chosen.randint(1, 9),
            compared=compared,
        )
        found += [row[0] for row in page.rows]
        assert page.next is None or page.next.value == compared.audit
        after = page.next
        if after is None:
            return found


def ids(findings: list[Finding], *severities: Severity) -> list[str]:
    return sorted(
        (f.id for f in findings if not severities or f.severity in severities), reverse=True
    )


KINDS = [(kind,) for kind in DeltaKind] + [tuple(DeltaKind), ("new", "fixed"), ("new", "reopened")]


@pytest.mark.parametrize("most", [20_000, 5])
def test_each_kind_is_what_became_so_whatever_the_page_sizes(
    database: Database, lives: dict[str, list[Finding]], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta_store, "SCAN_ROWS", most)
    for kinds in KINDS:
        wanted = [finding for kind in kinds for finding in lives[kind]]
        assert walk(database, {"delta": kinds}, 1, COMPARED) == ids(wanted)
        severe = {"delta": kinds, "severity": ("high", "low")}
        assert walk(database, severe, 2, COMPARED) == ids(wanted, Severity.HIGH, Severity.LOW)


def test_the_first_audit_has_only_new_ones_and_no_audit_has_none(
    database: Database, lives: dict[str, list[Finding]]
) -> None:
    first = Compared(THIS, "", AT[OLD])
    failed = [*lives["new"], *lives["reopened"], *lives["changed"], *lives["stayed"]]
    assert walk(database, {"delta": ("new",)}, 1, first) == ids(failed)
    assert walk(database, {"delta": ("changed", "fixed", "reopened")}, 1, first) == []
    assert walk(database, {"delta": tuple(DeltaKind)}, 1, Compared()) == []


def test_what_an_audit_of_something_else_saw_is_neither_new_nor_reopened_in_a_first_audit(
    database: Database, lives: dict[str, list[Finding]]
) -> None:
    first = Compared(THIS, "", AT[THIS])
    for kinds in KINDS:
        wanted = lives["new"] if "new" in kinds else []
        assert walk(database, {"delta": kinds}, 1, first) == ids(wanted)


def test_a_summary_counts_what_became_of_findings(
    database: Database, lives: dict[str, list[Finding]]
) -> None:
    service = FindingService(
        database=database,
        policies=PolicyService(database=database, clock=utc_now),
        clock=utc_now,
        compare=lambda _tenant, _audit, _against: COMPARED,
    )
    for kind in DeltaKind:
        summary = service.summary(tenant=TENANT, group_by=("severity",), filters={"delta": (kind,)})
        assert (summary["total"], summary["complete"]) == (len(lives[kind]), True)
