"""The shapes of findings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from cloudsealed.api.openapi import value_schema
from cloudsealed.api.query import MOST_VALUES
from cloudsealed.api.v1.schemas.audits import Envelope
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Body,
    Count,
    Effort,
    Few,
    FindingId,
    Json,
    Key,
    Line,
    Many,
    Money,
    PolicyId,
    ResourceId,
    Sha256,
    Shape,
    Text,
    Time,
    UserId,
    Word,
)
from cloudsealed.findings.listing import LISTING
from cloudsealed.storage.keyset import Filter
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

    id: PolicyId
    key: Key = Field(examples=["aws-ec2-sg-ssh-open"])
    version: Count = Field(examples=[3])


class ClassifiedBy(Shape):
    """The classification that changed a finding's severity or suppressed it."""

    key: Key = Field(examples=["prod-is-critical"])
    version: Count = Field(examples=[2])


class ResourceReference(Shape):
    """The resource that a finding is about."""

    id: ResourceId
    type: Word = Field(examples=["aws.ec2.security_group"])
    native_id: Word = Field(examples=["arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0ab1"])
    name: Word | None = Field(examples=["web"])
    provider: Provider
    account: Word = Field(examples=["123456789012"])
    region: Word = Field(examples=["eu-west-1"])


class EvidenceItem(Shape):
    """One value of the resource that the verdict rests on."""

    path: Text = Field(examples=["IpPermissions[0].IpRanges[0].CidrIp"])
    value: Any = Field(examples=["0.0.0.0/0"])


class Remediation(Shape):
    """How to cure a finding."""

    summary: Text = Field(examples=["Close port 22 to the internet"])
    cli: Text | None = Field(examples=[None])
    terraform: Text | None = Field(examples=[None])
    effort: Effort | None = Field(examples=["low"])


class ControlReference(Shape):
    """A control of a framework."""

    framework: Word = Field(examples=["cis-aws-5.0"])
    control: Word = Field(examples=["5.3"])


class Triage(Shape):
    """What people decided; it never changes the status."""

    state: TriageState
    assignee: Word | None
    note: Word | None
    expires_at: Time | None
    updated_at: Time
    updated_by: UserId


class Finding(Shape):
    """One policy failing on one resource, followed over time."""

    id: FindingId
    object: Literal["finding"]
    status: FindingStatus
    severity: Severity
    base_severity: Severity
    classified_by: ClassifiedBy | None
    dimension: Dimension
    title: Text = Field(examples=["Security group sg-0ab1 lets the internet reach SSH"])
    description: Text | None
    policy: PolicyReference
    resource: ResourceReference
    evidence: Many[EvidenceItem]
    remediation: Remediation | None
    controls: Few[ControlReference]
    monthly_savings: Money | None
    triage: Triage | None
    resolution: Resolution | None
    last_observation: Outcome
    audit_id: AuditId
    first_seen_at: Time
    last_seen_at: Time
    resolved_at: Time | None
    yields_to: FindingId | None = Field(
        description="The finding of a more general policy that fails on the same resource and asks"
        " for attention in the place of this one, which is suppressed meanwhile"
    )


class TriageBody(Body):
    """What people decide about a finding."""

    state: TriageState
    assignee: Line | None = Field(default=None, examples=["ann@example.com"])
    note: Line | None = Field(default=None, examples=["Bastion host"])
    expires_at: Time | None = None


class FindingPatch(Body):
    """A change of a finding: its triage, null to clear it; left out, it stays."""

    triage: TriageBody | None = Field(
        default=None, examples=[{"state": "accepted_risk", "note": "Bastion"}]
    )


def _filters(schema: dict[str, Any]) -> None:
    """Say of each filter of the list what it takes, once or in a list."""
    del schema["default"]
    schema["properties"] = {item.name: _value(item) for item in LISTING.filters}
    schema["additionalProperties"] = False


def _value(item: Filter) -> dict[str, Any]:
    value = value_schema(item)
    many = {"type": "array", "items": value, "minItems": 1, "maxItems": MOST_VALUES}
    return {"anyOf": [value, many]} if item.is_multiple else value


def _stated(schema: dict[str, Any]) -> None:
    del schema["default"]


def _distinct(schema: dict[str, Any]) -> None:
    _stated(schema)
    schema["uniqueItems"] = True


class FindingBulkBody(Body):
    """Which findings, and what people decide about them; null clears it. `ids`, or `filter` with
    the `count` of what it matches."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "if": {"required": ["ids"]},
            "then": {"not": {"anyOf": [{"required": ["filter"]}, {"required": ["count"]}]}},
            "else": {"required": ["filter", "count"]},
        },
    )

    ids: list[FindingId] = Field(
        default=[], min_length=1, max_length=500,
        json_schema_extra=_distinct,
    )  # fmt: skip
    filter: dict[str, Any] = Field(
        default={}, json_schema_extra=_filters,
        examples=[{"severity": ["low", "info"], "account": "123456789012"}],
        description="Filters of the list by name, each with a value or a list of them",
    )  # fmt: skip
    count: int = Field(
        default=0, ge=0, le=5000, json_schema_extra=_stated,
        description="How many findings the filter matches",
    )  # fmt: skip
    triage: TriageBody | None = Field(examples=[{"state": "accepted_risk", "note": "Bastion"}])


class BulkResult(Shape):
    """What became of one id."""

    id: Word
    result: Literal["updated", "not_found"]


class FindingBulk(Shape):
    """What became of the ids of a bulk, in its order."""

    object: Literal["finding_bulk"]
    updated: Count
    not_found: Count
    results: Many[BulkResult]


class Episode(Shape):
    """A span of audits in which a finding had one outcome and severity."""

    object: Literal["episode"]
    sequence: Count
    outcome: Outcome
    severity: Severity
    first_audit_id: AuditId
    last_audit_id: AuditId
    first_at: Time
    last_at: Time


class FindingGroup(Shape):
    """How many findings have the same values; it has the keys that were counted by."""

    dimension: Dimension = Field(default=Dimension.SECURITY)
    severity: Severity = Field(default=Severity.HIGH)
    account: Word = Field(default="", examples=["123456789012"])
    region: Word = Field(default="", examples=["eu-west-1"])
    resource_type: Word = Field(default="", examples=["aws.s3.bucket"])
    count: Count


class FindingSummary(Shape):
    """Findings, counted by group; `complete` says whether every one was looked at."""

    object: Literal["finding_summary"]
    group_by: Few[Word] = Field(examples=[["dimension", "severity"]])
    total: Count
    complete: bool
    groups: Many[FindingGroup]


class Observation(Shape):
    """The outcome of one policy on one resource in one audit."""

    native_id: Word
    type: Word = Field(examples=["aws.s3.bucket"])
    outcome: Outcome
    severity: Severity
    fingerprint: Sha256
    snapshot: Sha256
    title: Text | None
    evidence: Many[EvidenceItem]
    reasons: Few[Json]
    classified_by: ClassifiedBy | None
    suppressed: bool
    base_severity: Severity | None = Field(
        description="What the policy's `severity_when` gave it, null where it gave none"
    )
    yields_to: Sha256 | None = Field(
        description="The fingerprint of the observation of a more general policy that asks for"
        " attention in the place of this one, which is outside the score"
    )


class ExpressionFailure(Shape):
    """Why an expression has no value."""

    code: Word = Field(examples=["evaluation_error"])
    message: Text
    path: Text


class LoopItem(Shape):
    """The item of a loop that a step is about."""

    number: Count
    of: Count
    path: Text | None


class ExplanationStep(Shape):
    """A part of an expression and what it came to; `value` is JSON, shortened where it is long."""

    source: Text = Field(examples=["resource.FromPort == 22"])
    line: Count
    column: Count
    end_line: Count
    end_column: Count
    state: Literal["value", "error", "unknown", "not_looked_at"] = Field(
        description="`unknown` is what follows from something that was not read"
    )
    decided: bool = Field(description="Whether the outcome follows from it")
    value: Any = Field(examples=[True])
    shortened: bool
    path: Text | None = Field(examples=["IpPermissions[0].FromPort"])
    error: ExpressionFailure | None
    item: LoopItem | None
    steps: Few[ExplanationStep]


class ExplainedCondition(Shape):
    """A policy's `applies_when`, `fail_when` or a condition of its `severity_when`."""

    field: Word = Field(examples=["fail_when"])
    step: ExplanationStep


class Explanation(Shape):
    """Why a finding fails: the parts of its policy's expressions with their values."""

    object: Literal["explanation"]
    finding_id: FindingId
    audit_id: AuditId
    outcome: Literal["fail", "pass", "not_applicable", "error", "unknown"]
    message: Text | None
    error: ExpressionFailure | None
    evidence: Few[EvidenceItem]
    severity: Severity | None = Field(
        description="What a condition of the policy's `severity_when` gives it; null where none"
        " does: the policy's own"
    )
    conditions: Few[ExplainedCondition]
    left_out: Count = Field(description="Parts beyond 200, or 64 KiB, that are not shown")


class Evidence(Shape):
    """What a finding rests on: the observation and the snapshot that it judged."""

    object: Literal["evidence"]
    finding_id: FindingId
    audit_id: AuditId
    observation: Observation
    snapshot: Json


class Proof(Shape):
    """A finding's observation in an audit, and the path from it to the root of the audit's seal.

    Hashes are SHA-256 in base64; `leaf` is the line whose bytes were hashed (RFC 9162).
    """

    object: Literal["proof"]
    audit_id: AuditId
    policy_key: Key
    provider: Provider
    account: Word
    region: Word
    leaf: Text
    index: Count
    path: Many[Word]
    seal: Envelope
    keys: dict[Sha256, Word]
