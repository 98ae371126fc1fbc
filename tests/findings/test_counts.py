"""Counts of findings are exact after any writes, and say how far they counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.findings.crowd import at_once

from cloudsealed.findings import count_store as counts
from cloudsealed.findings import store as rows
from cloudsealed.findings.model import Finding, Triage
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.store import FindingStore
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.service import PolicyService
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.migrate import alembic_config, engine_for, migrate
from cloudsealed.storage.schema import finding_counts, tenants
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import add_findings, make_finding
from cloudsealed.vocabulary import Dimension, FindingStatus, Severity, TriageState

AT = "2026-01-02T00:00:00.000Z"
VALUES = {
    "severity": st.sampled_from(Severity),
    "status": st.sampled_from(FindingStatus),
    "dimension": st.sampled_from([Dimension.COST, Dimension.SECURITY]),
    "connection_id": st.sampled_from(["con_a", "con_b"]),
    "triage": st.sampled_from([None, TriageState.ACKNOWLEDGED]).map(
        lambda state: state and Triage(state, None, None, None, AT, "usr_a")
    ),
}
WRITES = st.lists(
    st.tuples(
        st.sampled_from(["open", "change", "triage", "remove"]),
        st.integers(0, 30),
        st.fixed_dictionaries(VALUES),
    ),
    min_size=1,
    max_size=25,
)


@pytest.fixture
def findings(database: Database) -> FindingService:
    policies = PolicyService(database=database, clock=utc_now)
    return FindingService(database=database, policies=policies, clock=utc_now)


def write(
    database: Database,
    findings: FindingService,
    tenant: str,
    known: list[Finding],
    what: str,
    index: int,
    values: dict[str, Any],
) -> None:
    """Do one of the writes that audits, people and removed connections do."""
    if what == "open" or not known:
        new = [make_finding(**values) for _ in range(index % 3 + 1)]
        add_findings(database, tenant, *new)
        known += new
    elif what == "change":
        some = known[index % len(known) :][:5]
        with turn(database, tenant=tenant) as connection:
            prints = [finding.fingerprint for finding in some]
            present = rows.load(connection, tenant=tenant, fingerprints=prints).values()
            changed = [(old, replace(old, **values)) for old in present]
            rows.update(connection, tenant=tenant, changed=changed)
    elif what == "triage":
        ident = known[index % len(known)].id
        FindingStore(database).replace(
            tenant=tenant, ident=ident, change=lambda f: replace(f, triage=values["triage"])
        )
    else:
        findings.remove_connection(tenant=tenant, connection_id=values["connection_id"])


@settings(max_examples=25)
@given(writes=WRITES)
def test_after_any_writes_the_counts_are_those_of_a_recount(
    database: Database, findings: FindingService, writes: list[tuple[str, int, dict[str, Any]]]
) -> None:
    tenant, known = new_id("ten"), list[Finding]()
    for what, index, values in writes:
        write(database, findings, tenant, known, what, index, values)
        with turn(database, tenant=tenant) as connection:
            assert counts.wrong(connection, tenant=tenant) == 0
            assert not connection.all(select(finding_counts).where(finding_counts.c.count < 1))


def test_writers_at_once_lose_no_count(database: Database) -> None:
    tenant = new_id("ten")
    with database.write() as connection:
        row = {"tenant_id": tenant, "name": tenant, "created_at": AT}
        connection.run(tenants.insert(), row)
    made = [make_finding(account=f"{number % 2}" * 12) for number in range(40)]
    add_findings(database, tenant, *made)

    def flip(number: int) -> None:
        for finding in made[number::4]:
            for severity in (Severity.LOW, Severity.CRITICAL):
                with turn(database, tenant=tenant) as connection:
                    changed = [replace(finding, severity=severity)]
                    rows.overwrite(connection, tenant=tenant, changed=changed)

    at_once(4, flip)
    with turn(database, tenant=tenant) as connection:
        assert counts.wrong(connection, tenant=tenant) == 0
    total, complete = FindingStore(database).count(
        tenant=tenant, filters={"severity": ("critical",)}, columns=("severity",)
    )
    assert (total[0][-1], complete) == (40, True)


def test_wrong_counts_are_seen_and_a_recount_mends_them(database: Database) -> None:
    tenant = new_id("ten")
    add_findings(database, tenant, make_finding(), make_finding(severity=Severity.LOW))
    with turn(database, tenant=tenant) as connection:
        connection.run(finding_counts.update().values(count=7))
        assert counts.wrong(connection, tenant=tenant) == 2
        counts.recount(connection, tenant=tenant)
        assert counts.wrong(connection, tenant=tenant) == 0


def test_a_database_from_before_the_counts_gets_them(
    storage_settings: Settings, database: Database
) -> None:
    add_findings(database, "ten_a", make_finding(), make_finding(severity=Severity.LOW))
    engine = engine_for(storage_settings)
    command.downgrade(alembic_config(engine), "0001")
    engine.dispose()
    migrate(storage_settings)
    with turn(database, tenant="ten_a") as connection:
        assert counts.wrong(connection, tenant="ten_a") == 0
        assert connection.first(select(func.sum(finding_counts.c.count))) == (2,)


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 3),
        ({"status": ("resolved",)}, 1),
        ({"severity": ("low",)}, 2),
        ({"severity": ("low", "high"), "account": ("1" * 12,)}, 1),
        ({"region": ("nowhere",)}, 0),
        ({"resource": ("res_mine",)}, 1),
        ({"name": ("ORDERS",)}, 3),
        ({"name": ("orders",), "region": ("nowhere",)}, 0),
        ({"resource_type": ("aws.s3.bucket",)}, 0),
        ({"service": ("sqs",), "severity_not": ("low",)}, 1),
    ],
)
def test_a_summary_counts_what_the_filters_select(
    database: Database, findings: FindingService, filters: dict[str, Any], total: int
) -> None:
    base = make_finding()
    add_findings(
        database,
        "ten_a",
        make_finding(severity=Severity.LOW),
        make_finding(severity=Severity.LOW, resource=replace(base.resource, id="res_mine")),
        make_finding(account="1" * 12),
        make_finding(status=FindingStatus.RESOLVED),
    )
    summary = findings.summary(tenant="ten_a", group_by=("severity",), filters=filters)
    assert (summary["total"], summary["complete"]) == (total, True)


def test_a_summary_that_stops_at_the_bound_says_so(
    database: Database, findings: FindingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudsealed.storage.keyset.SCAN_ROWS", 3)
    add_findings(database, "ten_a", *(make_finding() for _ in range(5)))
    summary = findings.summary(tenant="ten_a", group_by=("severity",), filters={"name": ("or",)})
    assert (summary["total"], summary["complete"]) == (3, False)


@pytest.mark.parametrize(
    "filters",
    [
        {"region": ("nowhere",)},
        {"resource_type": ("aws.s3.bucket",)},
        {"service": ("s3",)},
        {"framework": ("cis-aws-5.0",)},
        {"control": ("5.3",)},
        {"tag": ("env=prod",)},
        {"tag_key": ("env",)},
        {"tag_value": ("prod",)},
        {"severity": ("low",), "account": ("9" * 12,)},
        {"status": ("open",), "dimension": ("cost",)},
    ],
)
def test_an_equality_filter_that_matches_nothing_ends_on_the_first_page(
    database: Database,
    findings: FindingService,
    monkeypatch: pytest.MonkeyPatch,
    filters: dict[str, Any],
) -> None:
    monkeypatch.setattr("cloudsealed.storage.keyset.SCAN_ROWS", 2)
    add_findings(database, "ten_a", *(make_finding() for _ in range(5)))
    page = findings.list(tenant="ten_a", filters=filters)
    assert (page.items, page.next) == ([], None)
