"""The shapes of reports: the object that is made, and the documents that are downloaded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    Digest,
    Failure,
    Few,
    FrameworkKey,
    Percent,
    ReportId,
    Shape,
    Time,
    UserId,
    Word,
)
from cloudsealed.api.v1.schemas.documents import (
    ComplianceEvidence,
    ExecutiveSummary,
    RemediationPlan,
)
from cloudsealed.reports.bodies import LANGUAGE
from cloudsealed.reports.ocsf import VERSION as OCSF
from cloudsealed.reports.oscal import VERSION as OSCAL
from cloudsealed.vocabulary import ReportKind, ReportStage, ReportStatus


class ReportFile(Shape):
    """One file of a report that is ready."""

    format: Word = Field(
        description="What `format` of the download is called with.", examples=["pdf"]
    )
    size: Count = Field(description="How many bytes it has.", examples=[184_320])
    sha256: Digest = Field(description="SHA-256 of the file.")


class ReportProgress(Shape):
    """How far a report is."""

    stage: ReportStage = Field(description="What is done now.", examples=["rendering"])
    percent: Percent = Field(description="How much of the work is done.")


class Report(Shape):
    """A generated deliverable."""

    id: ReportId = Field(description="The report's id.")
    object: Literal["report"] = Field(description="Always `report`.")
    kind: ReportKind = Field(description="What is told.", examples=["executive_summary"])
    status: ReportStatus = Field(
        description="How far it is: files can be downloaded while it is `ready`.",
        examples=["ready"],
    )
    audit_id: AuditId = Field(description="The audit that it tells of.")
    framework: FrameworkKey | None = Field(
        description="Of compliance evidence: the framework; else null."
    )
    filters: dict[str, Few[Word]] = Field(
        description="What its findings are narrowed to: for each filter its values.",
        examples=[{"severity": ["high", "critical"]}],
    )
    language: Word | None = Field(description=LANGUAGE, examples=["de"])
    formats: Few[ReportFile] = Field(description="Its files; none until it is ready.")
    progress: ReportProgress | None = Field(description="While it is running; else null.")
    error: Failure | None = Field(description="Why it failed; null while it has not.")
    created_at: Time = Field(description="When it was asked for.")
    finished_at: Time | None = Field(
        description="When it ended; null until then.", examples=["2026-01-31T09:45:03.000Z"]
    )
    expires_at: Time | None = Field(
        description="When its files are deleted; null until it is ready.",
        examples=["2026-05-01T09:45:03.000Z"],
    )
    created_by: UserId | None = Field(
        description="Who asked for it; null: a schedule did, or that was not kept yet."
    )
    updated_by: UserId | None = Field(
        description="The same: a report is never changed, only made anew."
    )


class ReportDocument(
    RootModel[
        Annotated[
            ExecutiveSummary | RemediationPlan | ComplianceEvidence, Field(discriminator="kind")
        ]
    ]
):
    """A report as JSON: `kind` says which of the three it is."""


FILES: dict[str, type[BaseModel] | dict[str, Any]] = {
    "json": ReportDocument,
    "oscal": {
        "type": "object",
        "description": f"OSCAL {OSCAL} assessment results, of compliance evidence.",
        "externalDocs": {
            "description": "The model",
            "url": "https://pages.nist.gov/OSCAL/learn/concepts/layer/assessment/assessment-results/",
        },
        "examples": [{"assessment-results": {"metadata": {"oscal-version": OSCAL}}}],
    },
    "ocsf": {
        "type": "string",
        "description": f"OCSF {OCSF}, of compliance evidence: a Compliance Finding a line.",
        "externalDocs": {
            "description": "The class",
            "url": f"https://schema.ocsf.io/{OCSF}/classes/compliance_finding",
        },
    },
}
"""What is in the files of a report that programs read, by format."""
