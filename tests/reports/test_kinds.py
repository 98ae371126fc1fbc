from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsealed.reports.kinds import build, executive, remediation
from cloudsealed.reports.kinds.parts import LISTED_IN_ALL
from cloudsealed.reports.model import Document, ReportRequest, ReportSource
from cloudsealed.vocabulary import ReportKind

USD = "USD"


def _priced(amount: str, currency: str = USD) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def document_of(kind: Any, source: ReportSource) -> Document:
    document: Document = kind.build(source).document
    return document


@pytest.fixture
def several(make_finding: Any) -> list[dict[str, Any]]:
    return [
        make_finding(1),
        make_finding(2, severity="high"),
        make_finding(3, policy="aws-ebs-unused", dimension="cost", severity="low",
                     monthly_savings=_priced("32.85")),
        make_finding(4, policy="aws-ebs-unused", dimension="cost", severity="low",
                     monthly_savings=_priced("0.15")),
        make_finding(5, policy="aws-ebs-unused", dimension="cost", severity="low"),
        make_finding(6, status="suppressed"),
        make_finding(7, status="resolved"),
    ]  # fmt: skip


def test_a_summary_counts_open_findings_by_dimension_and_severity(
    several: Any, make_source: Any
) -> None:
    document = document_of(executive, make_source(several))
    security, cost = document["dimensions"][:2]
    assert document["findings"] == {"open": 5, "resolved": 1, "suppressed": 1}
    assert document["severities"] == {"critical": 1, "high": 1, "medium": 0, "low": 3, "info": 0}
    assert (security["dimension"], security["score"], security["findings"]) == ("security", 61, 2)
    assert (cost["severities"]["low"], cost["unknown"]) == (3, 7)
    assert document["dimensions"][2]["score"] is None


def test_waste_is_summed_a_currency_and_says_how_many_findings_have_a_price(
    several: Any, make_finding: Any, make_source: Any
) -> None:
    euros = make_finding(8, monthly_savings=_priced("1.00", "EUR"))
    document = document_of(executive, make_source([*several, euros]))
    assert document["waste"] == {
        "monthly": [_priced("1.00", "EUR"), _priced("33.00")],
        "priced_findings": 3,
        "cost_findings": 3,
    }


def test_a_summary_shows_the_ten_worst_of_many_the_dearest_first(
    make_finding: Any, make_source: Any
) -> None:
    many = [make_finding(n, severity="medium") for n in range(200)]
    many[150] |= {"monthly_savings": _priced("9.00")}
    many[170] |= {"severity": "critical"}
    worst = document_of(executive, make_source(iter(many)))["worst"]
    assert [item["finding_id"] for item in worst[:3]] == [many[n]["id"] for n in (170, 150, 0)]
    assert len(worst) == 10


def test_what_could_not_be_read_is_grouped_by_call_the_most_frequent_first(
    make_source: Any,
) -> None:
    denied = {"service": "s3", "operation": "GetBucketPolicy", "outcome": "denied",
              "permission": "s3:GetBucketPolicy", "region": "eu-west-1"}  # fmt: skip
    slow = {"service": "rds", "operation": "DescribeDBInstances", "outcome": "throttled"}
    unread = document_of(executive, make_source(unread=[slow, denied, denied]))["unread"]
    assert unread["total"] == 3
    assert [(kind["operation"], kind["calls"]) for kind in unread["kinds"]] == [
        ("GetBucketPolicy", 2),
        ("DescribeDBInstances", 1),
    ]
    assert unread["kinds"][1]["permission"] is None


def test_a_plan_is_ordered_by_severity_then_number(make_finding: Any, make_source: Any) -> None:
    findings = [
        *(make_finding(n, policy="few-high", severity="high") for n in range(2)),
        *(make_finding(n + 10, policy="many-high", severity="high") for n in range(3)),
        *(make_finding(n + 20, policy="many-low", severity="low") for n in range(9)),
        make_finding(30, policy="one-critical", name="root"),
    ]
    titles = {"many-high": "Volumes are encrypted"}
    groups = document_of(remediation, make_source(findings, policy_titles=titles))["groups"]
    assert [(g["policy"]["key"], g["findings"]) for g in groups] == [
        ("one-critical", 1), ("many-high", 3), ("few-high", 2), ("many-low", 9),
    ]  # fmt: skip
    assert [g["title"] for g in groups[:3]] == [
        "Security group root lets the internet reach SSH",
        "Volumes are encrypted",
        "few-high",
    ]
    assert groups[0]["cli"].startswith("aws ec2")


def test_a_plan_lists_fifty_resources_of_a_policy_and_counts_the_others(
    make_finding: Any, make_source: Any
) -> None:
    findings = (make_finding(n, severity="critical" if n == 700 else "low") for n in range(730))
    (group,) = document_of(remediation, make_source(findings))["groups"]
    assert (len(group["resources"]), group["more"], group["findings"]) == (50, 680, 730)
    assert group["resources"][0]["severity"] == group["severity"] == "critical"
    assert group["severities"]["low"] == 729


def test_many_policies_share_the_rows_of_a_plan(make_finding: Any, make_source: Any) -> None:
    findings = (make_finding(n, policy=f"policy-{n % 500}") for n in range(10_000))
    groups = document_of(remediation, make_source(findings))["groups"]
    assert sum(len(group["resources"]) for group in groups) == LISTED_IN_ALL
    assert all(len(group["resources"]) + group["more"] == 20 for group in groups)


def test_a_policy_without_remediation_has_a_plan_that_says_nothing_of_it(
    make_finding: Any, make_source: Any
) -> None:
    (group,) = document_of(remediation, make_source([make_finding(remediation=None)]))["groups"]
    assert [group[name] for name in ("effort", "summary", "cli", "terraform")] == [None] * 4


@pytest.mark.parametrize("kind", list(ReportKind))
def test_filters_narrow_the_findings_and_are_named(
    kind: ReportKind, several: Any, make_source: Any, make_framework: Any
) -> None:
    request = ReportRequest(kind, "aud_1", filters={"severity": ("high", "critical")})
    document = build(request, make_source(several, framework=make_framework())).document
    assert document["findings"] == {"open": 2, "resolved": 1, "suppressed": 1}
    assert document["filters"] == {"severity": ["high", "critical"]}
    assert document["kind"] == kind


@pytest.mark.parametrize("kind", list(ReportKind))
def test_an_empty_audit_gives_a_whole_document(
    kind: ReportKind, make_source: Any, make_framework: Any
) -> None:
    audit = {"dimensions": {}, "accounts": [], "coverage": None, "verdict_digest": None}
    source = make_source(audit=audit, seal=None, framework={**make_framework(), "controls": []})
    document = build(ReportRequest(kind, "aud_1"), source).document
    assert document["object"] == "report_document"
    assert document["findings"]["open"] == 0
    assert document["seal"] is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_in_which_findings_arrive_changes_nothing(
    data: st.DataObject, make_finding: Any, make_source: Any, make_framework: Any
) -> None:
    findings = [
        make_finding(n, policy=f"policy-{n % 3}", severity=("low", "critical", "high")[n % 2],
                     monthly_savings=_priced(f"{n % 4}.10"))
        for n in range(70)
    ]  # fmt: skip
    shuffled = data.draw(st.permutations(findings))
    for kind in ReportKind:
        request = ReportRequest(kind, "aud_1")
        built = [
            orjson.dumps(build(request, make_source(items, framework=make_framework())).document)
            for items in (findings, shuffled)
        ]
        assert built[0] == built[1]
