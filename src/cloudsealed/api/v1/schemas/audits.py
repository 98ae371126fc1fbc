"""The shapes of audits and reports."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Json, OpenShape, Shape, Time
from cloudsealed.vocabulary import (
    AuditKind,
    AuditStatus,
    CallOutcome,
    ReportKind,
    ReportStatus,
)


class AuditProgress(OpenShape):
    """How far an audit is, counted."""

    percent: int
    calls: int
    resources: int
    observations: int


class Audit(Shape):
    """One forensic pass over what its connections reach."""

    id: str = Field(examples=["aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["audit"]
    kind: AuditKind
    status: AuditStatus
    parent_id: str | None
    connection_ids: list[str]
    scope: Json | None
    policies: list[str] | None
    accounts: list[Json] | None
    progress: AuditProgress
    coverage: float | None = Field(description="Cells with a verdict / cells planned")
    cells: Any
    counts: Json | None = Field(description="Observations by outcome")
    dimensions: Json | None = Field(description="Score and counts of each dimension")
    resources: Any
    calls: Any
    findings: Any
    verdict_digest: str | None
    error: Json | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class AuditScope(Body):
    """What an audit looks at; what is absent is not narrowed."""

    regions: list[str] | None = Field(default=None, examples=[["eu-west-1"]])
    services: list[str] | None = Field(default=None, examples=[["s3", "ec2"]])
    resource_types: list[str] | None = None


class AuditBody(Body):
    """A new audit; without a scope, of everything."""

    connection_ids: list[str] = Field(examples=[["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]])
    scope: AuditScope | None = None
    policies: list[str] | None = None


class ReanalysisBody(Body):
    """A reanalysis: by these policies, or by all that are enabled."""

    policies: list[str] | None = None


class ProviderCall(OpenShape):
    """One provider call of an audit's ledger."""

    object: Literal["call"]
    provider: str
    account: str
    region: str
    service: str = Field(examples=["s3"])
    operation: str = Field(examples=["ListBuckets"])
    parameters: Any
    page: int
    outcome: CallOutcome


class Coverage(OpenShape):
    """What an audit could not read, and the permission that would cure it."""

    object: Literal["coverage"]
    audit_id: str
    coverage: float | None
    gaps: list[Json]
    iam_statement: Json | None


class Envelope(OpenShape):
    """A DSSE envelope with an in-toto statement."""

    payloadType: str  # noqa: N815 - DSSE's own name
    payload: str
    signatures: list[Json]


class Report(Shape):
    """A generated deliverable."""

    id: str = Field(examples=["rep_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["report"]
    kind: ReportKind
    status: ReportStatus
    audit_id: str
    framework: str | None = Field(examples=["cis-aws-5.0"])
    filters: dict[str, list[str]]
    formats: list[Json]
    error: Json | None
    created_at: Time
    finished_at: Time | None
    expires_at: Time | None


class ReportBody(Body):
    """A new report of a completed audit."""

    kind: ReportKind
    audit_id: str = Field(examples=["aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    framework: str | None = None
    filters: dict[str, str | list[str]] | None = None
