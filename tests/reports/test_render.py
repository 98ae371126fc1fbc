from __future__ import annotations

import io
import re
from typing import Any

import pypdf
import pytest

from cloudsealed.reports.kinds import build, remediation
from cloudsealed.reports.model import Document, ReportRequest
from cloudsealed.reports.render import RenderError, render_pdf
from cloudsealed.vocabulary import ReportKind


def _text(pdf: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    return "\n".join(page.extract_text() for page in reader.pages)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.fixture
def documents(
    make_finding: Any, make_source: Any, make_framework: Any, make_gap: Any
) -> dict[str, Document]:
    findings = [
        make_finding(1),
        make_finding(
            2,
            severity="low",
            dimension="cost",
            policy="aws-ebs-unused",
            monthly_savings={"amount": "32.85", "currency": "USD"},
        ),
        make_finding(3, status="suppressed"),
    ]
    return {
        kind: build(
            ReportRequest(kind, "aud_1"),
            make_source(findings, framework=make_framework(), gaps=[make_gap()]),
        ).document
        for kind in ReportKind
    }


_FACTS = {
    ReportKind.EXECUTIVE_SUMMARY: (
        "Executive summary",
        "61 of 100",
        "not scored",
        "2 open findings",
        "1 suppressed finding left out",
        "32.85 USD a month",
        "s3:GetBucketPolicy is denied",
        "97.4 %",
        "Security group web-1 lets the internet",
        "5f" * 32,
        "a1" * 32,
        "d2" * 32,
        "cloudsealed verify --key keys.json bundle.zip",
    ),
    ReportKind.REMEDIATION_PLAN: (
        "Remediation plan",
        "aws-ec2-sg-ssh-open",
        "aws-ebs-unused",
        "Saves a month",
        "32.85 USD",
        "Allow SSH only from the networks that need it.",
        "--group-id web-1",
        'resource "aws_vpc_security_group_ingress_rule" "ssh"',
        "Removes of the risk",
        "arn:aws:ec2:eu-west-1:123456789012:security-group/web-1",
    ),
    ReportKind.COMPLIANCE_EVIDENCE: (
        "Compliance evidence",
        "CIS AWS Foundations",
        "The root user has no access key",
        "No program can judge this control",
        "says nothing about it",
        "Not assessed",
        "fnd_00000000000000000000000001",
        "Seal number",
        "0a1b2c3d" * 8,
    ),
}


@pytest.mark.parametrize("kind", list(ReportKind))
def test_a_pdf_holds_the_facts_of_its_document(
    kind: ReportKind, documents: dict[str, Document]
) -> None:
    text = _squeezed(_text(render_pdf(documents[kind])))
    assert [fact for fact in _FACTS[kind] if _squeezed(fact) not in text] == []
    assert "AcmeIndustries" in text


@pytest.mark.parametrize("kind", list(ReportKind))
def test_a_pdf_is_tagged_titled_dated_by_the_audit_and_says_its_standards(
    kind: ReportKind, documents: dict[str, Document]
) -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(documents[kind])))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "en"
    assert reader.metadata is not None
    assert reader.metadata.title == f"{documents[kind]['title']} – Acme Industries"
    assert str(reader.metadata["/CreationDate"]).startswith("D:20261120")
    declared = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in declared
    assert "<pdfaid:part>2</pdfaid:part>" in declared
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in declared


def test_a_pdf_embeds_only_fonts_that_the_product_brings(documents: dict[str, Document]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(render_pdf(documents[ReportKind.REMEDIATION_PLAN])))
    fonts = {
        str(font.get_object()["/BaseFont"]).partition("+")[2]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert {name.partition("-Identity")[0] for name in fonts} == {"Inter-Regular", "DejaVuSansMono"}


@pytest.mark.parametrize("kind", list(ReportKind))
def test_the_same_document_gives_the_same_bytes(
    kind: ReportKind, documents: dict[str, Document]
) -> None:
    assert render_pdf(documents[kind]) == render_pdf(documents[kind])


@pytest.mark.parametrize("kind", list(ReportKind))
def test_hostile_names_are_shown_as_they_are_and_never_evaluated(
    kind: ReportKind, hostile_names: Any, make_finding: Any, make_source: Any, make_framework: Any
) -> None:
    hostile = list(hostile_names)
    own = kind is ReportKind.EXECUTIVE_SUMMARY  # it shows a policy once
    policies = [f"policy-{n:02d}" if own else "aws-ec2-sg-ssh-open" for n in range(len(hostile))]
    findings = [
        make_finding(
            n, name=name, title=name, policy=policies[n], severity="critical" if n < 10 else "low"
        )
        for n, name in enumerate(hostile)
    ]
    for n, name in enumerate(hostile):
        findings[n]["remediation"] = {
            "summary": name,
            "cli": name,
            "terraform": name,
            "effort": None,
        }
    framework = make_framework()
    for control, name in zip(framework["controls"], hostile, strict=False):
        control["title"] = name
    source = make_source(
        findings,
        framework=framework,
        tenant=hostile[0],
        policy_titles={"aws-ec2-sg-ssh-open": hostile[1]},
    )
    text = _squeezed(_text(render_pdf(build(ReportRequest(kind, "aud_1"), source).document)))
    assert "root:x:0" not in text
    shown = {name: _shown(name) for name in hostile[:10]}
    assert [name for name, fact in shown.items() if fact not in text] == []


def _shown(name: str) -> str:
    escaped = re.sub("[\u202e\x00\x07]", lambda m: f"[U+{ord(m[0]):04X}]", name)
    return _squeezed(escaped)


def test_a_name_of_the_greatest_length_stays_in_its_column_and_can_be_copied_whole(
    make_finding: Any, make_source: Any
) -> None:
    name = "x" * 900
    source = make_source([make_finding(1, name=name)])
    pdf = render_pdf(remediation.build(source).document)
    assert name in _squeezed(_text(pdf))
    width = 595.28  # points of A4
    edges: list[float] = []
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        page.extract_text(
            visitor_text=lambda text, cm, tm, font, size: edges.append(
                float(tm[4]) + 0.55 * float(tm[0] or 1) * float(size) * text.count("x")
            )
        )
    assert edges
    assert max(edges) < width


def test_a_large_plan_has_many_numbered_pages(make_finding: Any, make_source: Any) -> None:
    findings = (make_finding(n, policy=f"policy-{n % 300}") for n in range(4_000))
    text = _text(render_pdf(remediation.build(make_source(findings)).document))
    pages = re.findall(r"Page (\d+) of (\d+)", text)
    assert len(pages) == int(pages[0][1]) > 20


def test_a_render_that_takes_too_long_is_ended(documents: dict[str, Document]) -> None:
    with pytest.raises(RenderError, match=r"within 0\.001 seconds"):
        render_pdf(documents[ReportKind.REMEDIATION_PLAN], seconds=0.001)


def test_a_render_that_takes_too_much_memory_is_ended(make_finding: Any, make_source: Any) -> None:
    findings = (make_finding(n, policy=f"policy-{n % 300}") for n in range(4_000))
    document = remediation.build(make_source(findings)).document
    document["lines"] *= 100
    with pytest.raises(RenderError, match="could not be made"):
        render_pdf(document, memory=300 << 20)


def test_a_document_that_the_template_cannot_show_is_an_error_without_its_content(
    documents: dict[str, Document],
) -> None:
    broken = {**documents[ReportKind.EXECUTIVE_SUMMARY], "dimensions": "a secret"}
    with pytest.raises(RenderError) as caught:
        render_pdf(broken)
    assert str(caught.value) == "The PDF could not be made in its process"


def test_the_renderer_is_given_no_variable_of_our_environment(
    documents: dict[str, Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nonexistent")  # a Python that sees it cannot start
    assert render_pdf(documents[ReportKind.EXECUTIVE_SUMMARY]).startswith(b"%PDF-")
