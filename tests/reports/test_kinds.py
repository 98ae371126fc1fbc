from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.reports.kinds import build
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
        make_finding(
            3,
            policy="aws-ebs-unused",
            dimension="cost",
            severity="low",
            monthly_savings=_priced("32.85"),
        ),
        make_finding(
            4,
            policy="aws-ebs-unused",
            dimension="cost",
            severity="low",
            monthly_savings=_priced("0.15"),
        ),
        make_finding(5, policy="aws-ebs-unused", dimension="cost", severity="low"),
        make_finding(6, status="suppressed"),
        make_finding(7, status="resolved"),
    ]


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


@settings(max_examples=25)
@given(data=st.data())
def test_the_order_in_which_findings_arrive_changes_nothing(
    data: st.DataObject, make_finding: Any, make_source: Any, make_framework: Any
) -> None:
    findings = [
        make_finding(
            n,
            policy=f"policy-{n % 3}",
            severity=("low", "critical", "high")[n % 2],
            monthly_savings=_priced(f"{n % 4}.10"),
        )
        for n in range(70)
    ]
    shuffled = data.draw(st.permutations(findings))
    for kind in ReportKind:
        request = ReportRequest(kind, "aud_1")
        built = [
            orjson.dumps(build(request, make_source(items, framework=make_framework())).document)
            for items in (findings, shuffled)
        ]
        assert built[0] == built[1]
