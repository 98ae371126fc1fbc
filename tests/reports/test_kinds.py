from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsealed.reports.kinds import build, compliance
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


def test_evidence_shows_every_control_with_its_findings_or_says_why_there_are_none(
    make_finding: Any, make_source: Any, make_framework: Any
) -> None:
    other = make_finding(4, controls=[{"framework": "pci-4", "control": "1.4"}])
    findings = [other, *(make_finding(n) for n in range(3))]
    document = document_of(compliance, make_source(findings, framework=make_framework()))
    controls = {control["id"]: control for control in document["controls"]}
    assert document["summary"] == {
        "passing": 1, "failing": 1, "unknown": 1, "manual": 1, "not_assessed": 1,
    }  # fmt: skip
    assert list(controls) == ["1.1", "1.4", "2.2", "4.16", "5.3"]
    assert len(controls["5.3"]["evidence"]) == 3
    assert controls["1.4"]["evidence"] == []
    assert "person has to attest" in controls["1.1"]["statement"]
    assert "says nothing" in controls["4.16"]["statement"]
    assert document["audit"]["verdict_digest"] == "5f" * 32
    assert document["seal"]["root"] == "a1" * 32


def test_evidence_without_a_framework_is_refused(make_source: Any) -> None:
    with pytest.raises(ValueError, match="needs a framework"):
        document_of(compliance, make_source())


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
