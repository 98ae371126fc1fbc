"""The shapes of reports as JSON files: what the PDF shows, and of lists all there is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.audits import OutcomeCounts, SeverityCounts
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    Digest,
    Few,
    FindingId,
    Json,
    Key,
    Many,
    Money,
    Percent,
    Shape,
    Share,
    Text,
    Time,
    Word,
)
from cloudsealed.api.v1.schemas.findings import ControlReference
from cloudsealed.packs.model import Effort
from cloudsealed.vocabulary import AuditKind, Dimension, Severity, TriageState

_RESOURCE = {
    "id": "res_01J8ZQ4X7M2N5P8R1T4V6W9YAC",
    "type": "aws.s3.bucket",
    "native_id": "arn:aws:s3:::invoices",
    "name": "invoices",
    "account": "123456789012",
    "region": "eu-west-1",
}


class ReportedAudit(Shape):
    """The audit that a report tells of."""

    id: AuditId = Field(description="The audit's id.")
    kind: AuditKind = Field(description="Where its ledger comes from.", examples=["live"])
    created_at: Time = Field(description="When it was asked for.")
    finished_at: Time = Field(description="When it ended.", examples=["2026-01-31T09:41:12.000Z"])
    coverage: Share | None = Field(description="Verdicts given / verdicts possible.")
    verdict_digest: Digest | None = Field(description="SHA-256 over its ordered verdicts.")
    accounts: Many[Word] = Field(description="Its accounts.", examples=[["123456789012"]])
    aliases: dict[str, Word] = Field(
        description="What the owners of an account call it, by its id, for those that say so.",
        examples=[{"123456789012": "acme-production"}],
    )


class ReportedSeal(Shape):
    """The seal of the audit, by which the report's evidence is checked."""

    root: Word = Field(
        description="The root of its Merkle tree.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    digest: Digest = Field(description="SHA-256 of its envelope.")
    sequence: Count = Field(description="Its place in the tenant's chain.", examples=[12])
    key_id: Word = Field(
        description="The key that signed it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )


class StatusCounts(Shape):
    """Findings by status."""

    open: Count = Field(description="Findings that are open.", examples=[42])
    resolved: Count = Field(description="Findings that are resolved.", examples=[17])
    suppressed: Count = Field(description="Findings that do not count.", examples=[6])


class ReportHeading(Shape):
    """What every report begins with."""

    object: Literal["report_document"] = Field(description="Always `report_document`.")
    title: Text = Field(description="The report's title.", examples=["Executive summary"])
    language: Word = Field(description="The language of the PDF.", examples=["en"])
    organisation: Word | None = Field(
        description="Whose report it is, as the settings say; null where they do not.",
        examples=["Acme Consulting"],
    )
    public_url: Word | None = Field(
        description="Where the installation is.", examples=["https://cloudsealed.example.com"]
    )
    tenant: Word = Field(description="The audited organisation.", examples=["Acme"])
    audit: ReportedAudit = Field(description="The audit that it tells of.")
    seal: ReportedSeal | None = Field(description="The audit's seal.")
    filters: dict[str, Few[Word]] = Field(
        description="What its findings are narrowed to.", examples=[{"severity": ["critical"]}]
    )
    findings: StatusCounts = Field(description="Its findings by status.")


class ReportedFinding(Shape):
    """A finding as a row."""

    finding_id: FindingId = Field(description="The finding's id.")
    severity: Severity = Field(description="How much it matters.", examples=["critical"])
    dimension: Dimension = Field(description="The way of looking.", examples=["security"])
    title: Text = Field(
        description="What is wrong.", examples=["Bucket invoices is readable by everyone"]
    )
    called: Text = Field(
        description="What the resource is called: its name, or the last of its id.",
        examples=["invoices"],
    )
    policy: Key = Field(description="The policy that it fails.")
    resource: Json = Field(description="The resource that fails.", examples=[_RESOURCE])
    monthly_savings: Money | None = Field(
        description="What a cure saves a month, if that is known."
    )
    triage: TriageState | None = Field(
        description="What people decided; null while nobody did.", examples=["in_progress"]
    )
    first_seen_at: Time = Field(description="When an audit first found it.")


class DimensionFigures(Shape):
    """How a dimension stands, and how that changed."""

    dimension: Dimension = Field(description="The dimension.", examples=["security"])
    score: Percent | None = Field(description="Its score; null where too little was judged.")
    change: int | None = Field(
        ge=-100,
        le=100,
        description="Against the audit before; null where there is none.",
        examples=[4],
    )
    fail: Count = Field(description="Observations that fail.", examples=[87])
    pass_: Count = Field(alias="pass", description="Observations that pass.", examples=[3902])
    unknown: Count = Field(description="Verdicts that are unknown.", examples=[105])
    suppressed: Count = Field(description="Failing ones that do not count.", examples=[6])
    findings: Count = Field(description="Open findings.", examples=[42])
    severities: SeverityCounts = Field(description="Open findings by severity.")


class Priority(Shape):
    """A cause that several findings share."""

    policy: Key = Field(description="The policy that they fail.")
    title: Text = Field(
        description="What is wrong.", examples=["S3 bucket is readable by everyone"]
    )
    dimension: Dimension = Field(description="The way of looking.", examples=["security"])
    severity: Severity = Field(description="The worst severity.", examples=["critical"])
    findings: Count = Field(description="How many findings there are.", examples=[3])
    reason: Text | None = Field(
        description="Why it matters.", examples=["Whoever knows its name can read it."]
    )
    why: Few[Json] = Field(
        description="More facts: sentences with what their names stand for.",
        examples=[[{"text": "Open for {n} days.", "values": {"n": 12}}]],
    )
    worst: Few[ReportedFinding] = Field(description="The worst of its findings.")
    more: Count = Field(description="How many more there are.", examples=[0])
    monthly_savings: Few[Money] = Field(description="What a cure saves, a currency each.")


class ExecutiveSummary(ReportHeading):
    """How an estate stands: scores, what changed, what matters first, waste, compliance, gaps."""

    kind: Literal["executive_summary"] = Field(description="Always `executive_summary`.")
    dimensions: Few[DimensionFigures] = Field(description="Each dimension.")
    severities: SeverityCounts = Field(description="Open findings by severity.")
    trend: Few[Json] = Field(
        description="The scores of this audit and those before it, oldest first.",
        examples=[
            [
                {
                    "audit_id": "aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC",
                    "finished_at": "2026-01-31T09:41:12.000Z",
                    "scores": {"security": 81, "cost": 90, "architecture": None, "compliance": 77},
                }
            ]
        ],
    )
    changes: Json | None = Field(
        description="What opened, came back and was resolved since the audit before, by severity;"
        " null where there is none.",
        examples=[
            {
                "audit_id": "aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC",
                "opened": {"critical": 1},
                "reopened": {"critical": 0},
                "resolved": {"critical": 2},
            }
        ],
    )
    priorities: Few[Priority] = Field(description="What to look at first.")
    waste: Json = Field(
        description="What can be saved a month, and by which policies most.",
        examples=[
            {
                "monthly": [{"amount": "312.40", "currency": "USD"}],
                "cost_findings": 9,
                "priced_findings": 9,
                "policies": [],
                "more": 0,
            }
        ],
    )
    compliance: Few[Json] = Field(
        description="Each framework with its controls by status.",
        examples=[
            [
                {
                    "key": "cis-aws-5.0",
                    "title": "CIS AWS Foundations",
                    "version": "5.0",
                    "controls": 62,
                    "counts": {"passing": 30, "failing": 12},
                }
            ]
        ],
    )
    coverage: Json = Field(
        description="What could not be read, in sentences, and the permissions that would cure it.",
        examples=[
            {
                "share": 0.98,
                "unknown": 105,
                "sentences": [],
                "more": 0,
                "permissions": ["s3:GetBucketPolicy"],
            }
        ],
    )


class PlanTotals(Shape):
    """What a plan comes to."""

    steps: Count = Field(description="How many steps there are.", examples=[14])
    policies: Count = Field(description="How many policies they are of.", examples=[11])
    owners: Count = Field(description="How many owners they have.", examples=[4])
    risk: Count = Field(description="The weight of all their findings.", examples=[312])
    efforts: dict[Effort, Count] = Field(
        description="Steps by effort.", examples=[{"low": 9, "medium": 4, "high": 1}]
    )
    monthly_savings: Few[Money] = Field(description="What all of it saves, a currency each.")


class PlannedFinding(ReportedFinding):
    """A finding of a step, with the commands for its resource."""

    first: Text | None = Field(
        description="Commands to run before; they take nothing away.",
        examples=["aws s3api get-bucket-policy-status --bucket acme-logs"],
    )
    cli: Text | None = Field(
        description="The commands; what only people know is a `<PLACEHOLDER>`.",
        examples=["aws s3api put-public-access-block --bucket acme-logs …"],
    )
    terraform: Text | None = Field(
        description="The same as HCL.", examples=['bucket = "acme-logs"']
    )


class PlanStep(Shape):
    """What one owner has to do about one policy's findings of one severity."""

    step: Count = Field(description="The step's number.", examples=[1])
    policy: Json = Field(
        description="The policy: id and key.",
        examples=[{"id": "pol_01J8ZQ4X7M2N5P8R1T4V6W9YAC", "key": "aws-s3-bucket-public-read"}],
    )
    title: Text = Field(
        description="What is wrong.", examples=["S3 bucket is readable by everyone"]
    )
    description: Text | None = Field(
        description="Why it matters.", examples=["Whoever knows its name can read it."]
    )
    owner: Word | None = Field(
        description="Who owns the resources, by their tags; null where none says.",
        examples=["data-platform"],
    )
    dimension: Dimension = Field(description="The way of looking.", examples=["security"])
    severity: Severity = Field(description="The severity of its findings.", examples=["critical"])
    findings: Count = Field(description="How many findings there are.", examples=[3])
    severities: SeverityCounts = Field(description="Its findings by severity: all of one.")
    effort: Effort = Field(description="How much work it is.", examples=["low"])
    monthly_savings: Few[Money] = Field(description="What it saves, a currency each.")
    controls: Few[ControlReference] = Field(description="The controls that it serves.")
    summary: Text | None = Field(description="What to do.", examples=["Block public access"])
    caution: Text | None = Field(
        description="What that deletes, cuts off or writes over; null where its policy is silent.",
        examples=["What is read without credentials, such as a website, is closed at once."],
    )
    takes_away: bool = Field(
        description="Whether it deletes, cuts off or writes over something, as its words say.",
        examples=[True],
    )
    first: Text | None = Field(
        description="Commands to run before, of its worst resources: they take nothing away.",
        examples=["aws s3api get-bucket-policy-status --bucket acme-logs"],
    )
    cli: Text | None = Field(
        description="The commands, of its worst resources; what only people know is a"
        " `<PLACEHOLDER>`.",
        examples=["aws s3api put-public-access-block --bucket acme-logs …"],
    )
    commands_of: Count = Field(
        description="How many resources these commands are of.", examples=[1]
    )
    terraform: Text | None = Field(
        description="The same as HCL: with its resource's names where the step has one alone.",
        examples=["block_public_policy = true"],
    )
    risk: Count = Field(description="The weight that it removes.", examples=[30])
    risk_share: Share = Field(description="Which part of the plan's risk that is.")
    cumulative_risk_share: Share = Field(description="The same with all steps before it.")
    resources: Many[PlannedFinding] = Field(description="Its findings, the worst first.")


class RemediationPlan(ReportHeading):
    """What to repair, the severest first, of these the most risk per effort."""

    kind: Literal["remediation_plan"] = Field(description="Always `remediation_plan`.")
    weights: Json = Field(
        description="What a severity's risk and an effort count.",
        examples=[{"risk": {"critical": 10}, "effort": {"low": 1}}],
    )
    totals: PlanTotals = Field(description="What the plan comes to.")
    milestones: Few[Json] = Field(
        description="After how many steps which part of the risk is gone.",
        examples=[[{"steps": 3, "risk_share": 0.5}]],
    )
    owners: Many[Json] = Field(
        description="What each owner has to do, the most risk first.",
        examples=[[{"owner": "data-platform", "steps": 4, "findings": 9, "risk": 90}]],
    )
    steps: Many[PlanStep] = Field(description="The steps, in order.")


class EvidencedControl(Shape):
    """A control, how it stands, and who vouches for that."""

    id: Word = Field(description="The control's id.", examples=["5.3"])
    title: Text = Field(description="What it asks for.", examples=["No SSH from the internet"])
    section: Word | None = Field(description="The id of its section.", examples=["5"])
    status: Word = Field(description="How it stands.", examples=["failing"])
    statement: Text = Field(
        description="The same in a sentence.",
        examples=["At least one resource fails a policy of this control."],
    )
    responsibility: Word = Field(
        description="Who answers for it: the `customer`, the `provider`, or both (`shared`).",
        examples=["customer"],
    )
    vouched_by: Word = Field(description="`policies`, or a `person`.", examples=["policies"])
    policies: Many[Key] = Field(description="The policies that judge it.")
    counts: OutcomeCounts = Field(description="What they said, by outcome.")


class CollectedPlace(Shape):
    """An account that was audited, and in which regions."""

    account: Word = Field(description="The account.", examples=["123456789012"])
    alias: Word | None = Field(
        description="What its owners call it; null where they do not.", examples=["acme-production"]
    )
    regions: Few[Word] = Field(
        description="The regions that were audited.", examples=[["eu-west-1", "us-east-1"]]
    )
    left_out: Few[Word] = Field(
        description="Regions that it has enabled and that were left out.", examples=[["sa-east-1"]]
    )


class Collected(Shape):
    """Where the evidence of a report is from, and of when."""

    places: Many[CollectedPlace] = Field(description="Accounts and regions.")
    services: Many[Word] = Field(
        description="The services that were asked, as the SDK names them.", examples=[["ec2", "s3"]]
    )
    first_call_at: Time | None = Field(description="When the first call was made.")
    last_call_at: Time | None = Field(description="When the last call was made.")


class ComplianceEvidence(ReportHeading):
    """Each control of a framework, how it stands and what shows it: every observation."""

    kind: Literal["compliance_evidence"] = Field(description="Always `compliance_evidence`.")
    collected: Collected = Field(description="Where the evidence is from, and of when.")
    framework: Json = Field(
        description="The framework: key, title, version and source.",
        examples=[{"key": "cis-aws-5.0", "title": "CIS AWS Foundations", "version": "5.0"}],
    )
    summary: dict[str, Count] = Field(
        description="Controls by status.", examples=[{"passing": 30, "failing": 12}]
    )
    statements: dict[str, Text] = Field(
        description="What each status means.",
        examples=[{"manual": "No program can judge this control: a person has to attest it."}],
    )
    sections: Many[Json] = Field(
        description="The framework's sections.", examples=[[{"id": "5", "title": "Networking"}]]
    )
    controls: Many[EvidencedControl] = Field(description="Each control.")
    policies: dict[str, Json] = Field(
        description="The policies of the controls, by key, with counts and samples.",
        examples=[{"aws-s3-bucket-public-read": {"version": 3, "counts": {"fail": 1}}}],
    )
    exceptions: Json = Field(
        description="What fails and was accepted, by whom and until when.",
        examples=[{"total": 0, "shown": []}],
    )
    observations: list[Any] = Field(
        description="Every observation of the framework's policies, with what it rests on.",
        examples=[[{"outcome": "fail", "resource": _RESOURCE}]],
    )
