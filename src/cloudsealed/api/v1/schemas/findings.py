"""The shapes of findings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Json, Money, OpenShape, Shape, Time
from cloudsealed.vocabulary import (
    Dimension,
    FindingStatus,
    Outcome,
    Provider,
    Resolution,
    Severity,
    TriageState,
)


class PolicyReference(Shape):
    """The version of a policy that a finding fails."""

    id: str = Field(examples=["pol_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    key: str = Field(examples=["aws-ec2-sg-ssh-open"])
    version: int = Field(examples=[3])


class ClassifiedBy(Shape):
    """The classification that changed a finding's severity or suppressed it."""

    key: str = Field(examples=["prod-is-critical"])
    version: int = Field(examples=[2])


class ResourceReference(Shape):
    """The resource that a finding is about."""

    id: str = Field(examples=["res_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    type: str = Field(examples=["aws.ec2.security_group"])
    native_id: str = Field(examples=["arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0ab1"])
    name: str | None = Field(examples=["web"])
    provider: Provider
    account: str = Field(examples=["123456789012"])
    region: str = Field(examples=["eu-west-1"])


class EvidenceItem(OpenShape):
    """One value of the resource that the verdict rests on."""

    path: str = Field(examples=["IpPermissions[0].IpRanges[0].CidrIp"])
    value: Any = Field(examples=["0.0.0.0/0"])


class Remediation(Shape):
    """How to cure a finding."""

    summary: str = Field(examples=["Close port 22 to the internet"])
    cli: str | None = Field(examples=[None])
    terraform: str | None = Field(examples=[None])
    effort: Literal["low", "medium", "high"] | None = Field(examples=["low"])


class ControlReference(Shape):
    """A control of a framework."""

    framework: str = Field(examples=["cis-aws-5.0"])
    control: str = Field(examples=["5.3"])


class Triage(Shape):
    """What people decided; it never changes the status."""

    state: TriageState
    assignee: str | None
    note: str | None
    expires_at: Time | None
    updated_at: Time
    updated_by: str


class Finding(Shape):
    """One policy failing on one resource, followed over time."""

    id: str = Field(examples=["fnd_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["finding"]
    status: FindingStatus
    severity: Severity
    base_severity: Severity
    classified_by: ClassifiedBy | None
    dimension: Dimension
    title: str = Field(examples=["Security group sg-0ab1 lets the internet reach SSH"])
    description: str | None
    policy: PolicyReference
    resource: ResourceReference
    evidence: list[EvidenceItem]
    remediation: Remediation | None
    controls: list[ControlReference]
    monthly_savings: Money | None
    triage: Triage | None
    resolution: Resolution | None
    last_observation: Outcome
    audit_id: str = Field(examples=["aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    first_seen_at: Time
    last_seen_at: Time
    resolved_at: Time | None


class TriageBody(Body):
    """What people decide about a finding."""

    state: TriageState
    assignee: str | None = None
    note: str | None = None
    expires_at: Time | None = None


class FindingPatch(Body):
    """A change of a finding: its triage, null to clear it."""

    triage: TriageBody | None = Field(examples=[{"state": "accepted_risk", "note": "Bastion"}])


class Episode(Shape):
    """A span of audits in which a finding had one outcome and severity."""

    object: Literal["episode"]
    sequence: int
    outcome: Outcome
    severity: Severity
    first_audit_id: str
    last_audit_id: str
    first_at: Time
    last_at: Time


class FindingSummary(Shape):
    """Open findings, counted by group."""

    object: Literal["finding_summary"]
    group_by: list[str] = Field(examples=[["dimension", "severity"]])
    total: int
    groups: list[Json]


class Evidence(OpenShape):
    """What a finding rests on: the observation and the snapshot that it judged."""

    object: Literal["evidence"]
    finding_id: str
    audit_id: str
    observation: Json
    snapshot: Json
