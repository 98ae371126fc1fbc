"""Findings counted by any facet, now and over audits."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from tests.waiting import SECONDS

from cloudsealed.findings import store as rows
from cloudsealed.findings.model import Finding, Triage
from cloudsealed.findings.service import FindingService
from cloudsealed.findings.summary import GROUPS
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.service import PolicyService
from cloudsealed.storage import keyset
from cloudsealed.storage.database import Database
from cloudsealed.storage.schema import audit_blocks
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import (
    add_findings,
    add_policies,
    add_resources,
    make_finding,
    make_policy,
    make_resource,
)
from cloudsealed.vocabulary import FindingStatus, Severity, TriageState

TENANT = "ten_a"
DAYS_AGO = rfc3339(utc_now() - timedelta(days=3))
DEAR = {"monthly_savings_cents": 1_000, "first_seen_at": DAYS_AGO}
CONTROLS = [
    {"framework": "a", "control": "1"},
    {"framework": "a", "control": "2"},
    {"framework": "b", "control": "1"},
]


@pytest.fixture
def estate(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Store findings of two policies, on a resource with an owner and one without."""
    monkeypatch.setattr(rows, "SCAN_SECONDS", SECONDS)
    monkeypatch.setattr(keyset, "SCAN_SECONDS", SECONDS)
    serving = make_policy(id="pol_serving", spec={"controls": CONTROLS})
    plain = make_policy(id="pol_plain")
    add_policies(database, TENANT, serving, plain)
    add_resources(
        database,
        TENANT,
        make_resource(id="res_1", tags={"Team": "b", "OWNER": "ann"}),
        make_resource(id="res_2"),
    )
    triage = Triage(TriageState.ACKNOWLEDGED, None, None, None, "2026-01-01", "usr_a")
    made = [
        make_finding(policy_id=serving.id, resource_id="res_1", triage=triage, **DEAR),
        make_finding(policy_id=serving.id, resource_id="res_2", severity=Severity.LOW),
        make_finding(policy_id=plain.id, resource_id="res_1", resource_type="aws.s3.bucket"),
        make_finding(policy_id=plain.id, resource_id="res_2", status=FindingStatus.SUPPRESSED),
    ]
    add_findings(database, TENANT, *made)
    return made


def service(database: Database, *audits: str) -> FindingService:
    policies = PolicyService(database=database, clock=utc_now)
    return FindingService(
        database=database,
        policies=policies,
        clock=utc_now,
        audits=lambda _tenant, _last: [(audit, "2026-01-01T00:00:00.000Z") for audit in audits],
    )


def counted(summary: dict[str, Any], *names: str) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for group in summary["groups"]:
        key = tuple(group[name] for name in names)
        found[key[0] if len(names) == 1 else key] += group["count"]
    assert len(found) == len(summary["groups"])
    return found


EXPECTED: dict[str, dict[str | None, int]] = {
    "dimension": {"security": 3},
    "severity": {"low": 1, "high": 2},
    "status": {"open": 3},
    "provider": {"aws": 3},
    "account": {"123456789012": 3},
    "region": {"eu-west-1": 3},
    "connection": {"con_a": 3},
    "resource_type": {"aws.sqs.queue": 2, "aws.s3.bucket": 1},
    "service": {"sqs": 2, "s3": 1},
    "policy": {"pol-serving": 2, "pol-plain": 1},
    "resource": {"res_1": 2, "res_2": 1},
    "framework": {"a": 2, "b": 2, None: 1},
    "control": {"1": 2, "2": 2, None: 1},
    "owner": {"ann": 2, None: 1},
    "triage": {"acknowledged": 1, None: 2},
    "age": {"1d_to_7d": 1, "over_90d": 2},
    "savings": {"10_to_100": 1, None: 2},
}


def test_any_facet_is_counted_and_its_values_are_those_of_the_filter(
    database: Database, estate: list[Finding]
) -> None:
    assert set(EXPECTED) == set(GROUPS)
    for name, expected in EXPECTED.items():
        summary = service(database).summary(tenant=TENANT, group_by=(name,))
        assert (summary["total"], summary["complete"]) == (3, True), name
        assert counted(summary, name) == expected
        for value in filter(None, expected):
            filters = {name: (value,), "status": ("open",)}
            one = service(database).summary(tenant=TENANT, group_by=(name,), filters=filters)
            assert one["total"] == expected[value]


def test_the_worst_resources_are_told_first_and_how_many_there_are(
    database: Database, estate: list[Finding]
) -> None:
    def told(top: int | None, *names: str) -> tuple[list[str], int, int]:
        summary = service(database).summary(tenant=TENANT, group_by=names, top=top)
        found = [group["resource"] for group in summary["groups"]]
        return list(dict.fromkeys(found)), summary["values"], summary["total"]

    many = [make_finding(resource_id="res_3", severity=Severity.INFO) for _ in range(4)]
    add_findings(database, TENANT, *many)
    assert told(2, "resource", "severity") == (["res_1", "res_2"], 3, 7)
    assert told(2, "resource") == (["res_3", "res_1"], 3, 7)
    assert told(None, "resource", "severity") == (["res_1", "res_2", "res_3"], 3, 7)


def test_facets_combine_and_a_control_stays_with_its_framework(
    database: Database, estate: list[Finding]
) -> None:
    summary = service(database).summary(tenant=TENANT, group_by=("framework", "control", "owner"))
    assert counted(summary, "framework", "control", "owner") == {
        ("a", "1", "ann"): 1,
        ("a", "2", "ann"): 1,
        ("b", "1", "ann"): 1,
        ("a", "1", None): 1,
        ("a", "2", None): 1,
        ("b", "1", None): 1,
        (None, None, "ann"): 1,
    }
    assert summary["total"] == 3


def test_the_trend_counts_what_failed_in_each_audit_as_it_was_then(
    database: Database, estate: list[Finding]
) -> None:
    first, second = new_id("aud"), new_id("aud")
    pinned = {first: estate[:1], second: estate}
    for audit, failed in pinned.items():
        with turn(database, tenant=TENANT) as connection:
            rows.pin_to_audit(
                connection,
                tenant=TENANT,
                audit=audit,
                idents=[f.id for f in failed],
                month="2026-01",
            )
    service(database).remove_connection(tenant=TENANT, connection_id="con_a")
    trend = service(database, first, second).trend(tenant=TENANT, group_by=("severity",))
    assert [row["audit_id"] for row in trend["audits"]] == [first, second]
    assert [(row["total"], row["complete"]) for row in trend["audits"]] == [(1, True), (4, True)]
    assert counted(trend, "severity") == {"low": 1, "high": 3}
    for filters, totals in (
        ({"status": ("open",)}, [1, 3]),
        ({"service": ("s3",)}, [0, 1]),
        ({"severity_not": ("low",)}, [1, 3]),
        ({"triage_not": ("acknowledged",)}, [0, 3]),
        ({"framework": ("a",)}, [1, 2]),
        ({"owner": ("ann",)}, [1, 2]),
        ({"name": ("x",)}, [0, 0]),
    ):
        trend = service(database, first, second).trend(
            tenant=TENANT, group_by=("policy",), filters=filters
        )
        assert [row["total"] for row in trend["audits"]] == totals, filters


def test_an_audit_that_kept_no_counts_is_counted_from_its_findings(
    database: Database, estate: list[Finding]
) -> None:
    audit = new_id("aud")
    with turn(database, tenant=TENANT) as connection:
        rows.pin_to_audit(
            connection, tenant=TENANT, audit=audit, idents=[f.id for f in estate], month="2026-01"
        )
        connection.run(audit_blocks.delete().where(audit_blocks.c.kind == "finding_counts"))
    trend = service(database, audit).trend(tenant=TENANT, group_by=("severity", "triage"))
    assert counted(trend, "severity", "triage") == {
        ("low", None): 1,
        ("high", None): 2,
        ("high", "acknowledged"): 1,
    }
    assert service(database).trend(tenant=TENANT, group_by=("severity",))["audits"] == []
