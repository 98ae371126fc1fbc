"""What became of findings between any two audits, whatever other audits said between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.findings import delta_store
from cloudsealed.findings import store as rows
from cloudsealed.findings.delta_store import Compared
from cloudsealed.findings.model import Finding, Moment
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.filters import FilterValueError
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import DeltaKind, FindingStatus, Outcome

TENANT = "ten_a"
OLD, THEN, BETWEEN, NEARLY, NOW, AFTER = (f"aud_{number}" for number in range(6))
AT = {f"aud_{number}": f"2026-01-0{number + 1}T00:00:00.000Z" for number in range(6)}
ENDED = "2026-01-05T00:30:00.000Z"  # NOW
COMPARED = Compared(NOW, THEN, AT[THEN], ENDED)
HIGH, LOW = 3, 1
Told = tuple[str, Outcome]
FATES: dict[str, tuple[str, int | None, int | None, tuple[Told, ...]]] = {
    # Seen first in, severity then and now, and what audits said afterwards.
    "new": (BETWEEN, None, HIGH, ()),
    "new at last": (NOW, None, HIGH, ()),
    "reopened": (OLD, None, HIGH, ((BETWEEN, Outcome.PASS), (NOW, Outcome.FAIL))),
    "changed": (OLD, HIGH, LOW, ()),
    "stayed": (OLD, HIGH, HIGH, ((BETWEEN, Outcome.PASS), (NEARLY, Outcome.FAIL))),
    "fixed": (OLD, HIGH, None, ((BETWEEN, Outcome.PASS),)),
    "fixed then": (OLD, HIGH, None, ((NEARLY, Outcome.PASS), (AFTER, Outcome.FAIL))),
    "fixed after": (OLD, HIGH, None, ((NOW, Outcome.UNKNOWN), (AFTER, Outcome.PASS))),
    "back, then dark": (OLD, HIGH, None, ((BETWEEN, Outcome.PASS), (NEARLY, Outcome.FAIL))),
    "dark": (OLD, HIGH, None, ((NOW, Outcome.UNKNOWN),)),
    "deleted": (OLD, HIGH, None, ()),
    "deleted after": (OLD, HIGH, None, ()),
}
GONE = {"deleted": BETWEEN, "deleted after": AFTER}
EXPECTED = {
    DeltaKind.NEW: {"new", "new at last"},
    DeltaKind.REOPENED: {"reopened"},
    DeltaKind.CHANGED: {"changed"},
    DeltaKind.FIXED: {"fixed", "fixed then", "deleted"},
}


def lived(connection: Connection, fate: str) -> Finding:
    first, _then, _now, told = FATES[fate]
    moment = Moment(AT[first], first)
    finding = make_finding(
        name=fate, first_seen_at=moment.at, audit_id=first, looked=moment, decided=moment
    )
    if (gone := GONE.get(fate)) is not None:
        over = {"status": FindingStatus.RESOLVED, "resolved": Moment(AT[gone], gone)}
        finding = replace(finding, **over)
    rows.insert(connection, tenant=TENANT, new=[finding])
    for audit, outcome in told:
        seen = replace(finding, looked=Moment(AT[audit], audit), last_observation=outcome)
        rows.record_episodes(connection, tenant=TENANT, told=[(seen, True)])
    return finding


@pytest.fixture
def lives(database: Database, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Store a finding of each fate; return their fates by id."""
    monkeypatch.setattr(delta_store, "SCAN_SECONDS", SECONDS)
    found: dict[str, Finding] = {}
    with turn(database, tenant=TENANT) as connection:
        for fate in FATES:
            found[fate] = lived(connection, fate)
        for audit, place in ((THEN, 1), (NOW, 2)):
            pins: list[Pin] = [
                (found[fate].id, said[place], HIGH, None, False, None)
                for fate, said in FATES.items()
                if said[place] is not None
            ]
            rows.pin_to_audit(connection, tenant=TENANT, audit=audit, idents=pins, month="2026-01")
    return {finding.id: fate for fate, finding in found.items()}


@pytest.mark.parametrize("kind", DeltaKind)
def test_each_kind_is_what_became_so_between_the_two(
    database: Database, lives: dict[str, str], kind: DeltaKind
) -> None:
    page = FindingStore(database).page(
        tenant=TENANT,
        filters={"delta": (kind,), "against": (THEN,), "audit": (NOW,)},
        sort="-id",
        after=None,
        limit=50,
        compared=COMPARED,
    )
    assert {lives[row[0]] for row in page.rows} == EXPECTED[kind]


def test_a_line_that_says_no_severity_is_not_told_as_changed(database: Database) -> None:
    finding = make_finding()
    add_findings(database, TENANT, finding)
    with turn(database, tenant=TENANT) as connection:
        for audit in (THEN, NOW):
            rows.pin_to_audit(
                connection, tenant=TENANT, audit=audit, idents=[finding.id], month="2026-01"
            )
    filters = {"delta": tuple(DeltaKind), "against": (THEN,)}
    page = FindingStore(database).page(
        tenant=TENANT, filters=filters, sort="-id", after=None, limit=9, compared=COMPARED
    )
    assert page.rows == []


@pytest.mark.parametrize("ask", ["list", "trend"])
def test_an_audit_to_compare_with_is_refused_where_nothing_is_compared(
    database: Database, ask: str
) -> None:
    policies = PolicyService(database=database, clock=utc_now)
    service = FindingService(database=database, policies=policies, clock=utc_now)
    given: dict[str, Any] = {"list": {}, "trend": {"group_by": ("severity",)}}[ask]
    filters = {"against": (THEN,), **({"delta": ("new",)} if ask == "trend" else {})}
    with pytest.raises(FilterValueError, match="against must be left out"):
        getattr(service, ask)(tenant=TENANT, filters=filters, **given)
