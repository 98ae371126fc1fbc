"""The shapes of policies and frameworks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from cloudsealed.api.v1.schemas.audits import PolicyName
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Body,
    Count,
    ErrorDetail,
    Failure,
    Few,
    FindingId,
    FrameworkKey,
    Json,
    Key,
    Many,
    PolicyId,
    Shape,
    SimulationId,
    Text,
    Time,
    Word,
)
from cloudsealed.api.v1.schemas.findings import ControlReference, Remediation, ResourceReference
from cloudsealed.packs import body_schema
from cloudsealed.vocabulary import (
    Dimension,
    FindingStatus,
    Outcome,
    PolicyKind,
    PolicySource,
    Severity,
    SimulationStatus,
)
from cloudsealed.vocabulary import Effect as SimulatedEffect


class Degree(Shape):
    """The severity of what fails where an expression is true."""

    when: Text = Field(examples=["size(related.instances) == 0"])
    severity: Severity


class Policy(Shape):
    """A rule: a check raises findings, a classification says what counts."""

    id: PolicyId
    object: Literal["policy"]
    key: Key = Field(examples=["aws-s3-bucket-public-read"])
    version: Count
    kind: PolicyKind
    source: PolicySource
    enabled: bool
    title: Text = Field(examples=["S3 bucket is readable by everyone"])
    dimension: Dimension | None
    severity: Severity | None
    params: Json
    controls: Few[ControlReference]
    description: Text | None
    provider: Text
    resource_types: Few[Word]
    fail_when: Text | None
    severity_when: Few[Degree] = Field(
        description="Severities in other cases: the first that is true, else `severity`"
    )
    yields_to: Few[Key] = Field(
        description="Keys of more general policies; while one fails on the same resource, findings"
        " of this one are suppressed"
    )
    foreign: bool = Field(
        description="Whether it also judges what another account owns and this one only uses"
    )
    applies_when: Text | None
    related: Json | None
    message: Text | None
    remediation: Remediation | None
    references: Few[Text] = Field(examples=[["CIS AWS Foundations 5.0, 2.1.4"]])
    when: Text | None
    set: Effect | None
    suppress: bool | None
    reason: Text | None
    expires_at: Time | None
    applied_at: Time | None = Field(
        description="When the open findings were last classified by it as it stands;"
        " null while that is to be done, and of a check"
    )
    created_at: Time
    updated_at: Time


class Effect(Shape):
    """What a classification sets."""

    severity: Severity


def _formed(*, change: bool = False) -> ConfigDict:
    """Return what gives a body the schema of the form that it is read by."""
    return ConfigDict(json_schema_extra=lambda schema: schema.update(body_schema(change=change)))


class PolicyBody(Body):
    """A new policy of the tenant's own."""

    model_config = _formed()


class PolicyDraft(RootModel[Any]):
    """A policy as far as it is written: whatever is wrong with it is the answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"key": "buckets-have-owners", "title": "Buckets have owners"}]
        }
    )


class PolicyPatch(Body):
    """A change of a policy; of a built-in one only `enabled` and `params`."""

    model_config = _formed(change=True)


class SimulationBody(Body):
    """A policy and the audits to try it on; a classification needs none."""

    policy: PolicyName | PolicyBody = Field(
        description="A policy's id or key, or what POST /v1/policies takes"
    )
    audit_ids: list[AuditId] | None = Field(default=None, min_length=1, max_length=10)


class SimulatedPolicy(Shape):
    """The policy that a simulation tries; the version is what it has or would have."""

    key: Key
    kind: PolicyKind
    version: Count


class Standing(Shape):
    """How a finding stands."""

    status: FindingStatus
    severity: Severity


class SimulatedChange(Shape):
    """What would become of one finding; `finding_id` is null of one that would be new."""

    effect: SimulatedEffect
    finding_id: FindingId | None
    title: Text
    resource: ResourceReference
    before: Standing | None
    after: Standing


class SimulationResult(Shape):
    """What would happen to the findings of one audit; of all open ones when `audit_id` is null."""

    audit_id: AuditId | None
    counts: dict[Outcome, Count]
    errors: Count = Field(description="Resources on which an expression failed")
    would_open: Count
    would_close: Count
    would_change: Count
    changes: Annotated[list[SimulatedChange], Field(max_length=200)]
    has_more_changes: bool


class Simulation(Shape):
    """What a policy would do to the present findings."""

    id: SimulationId
    object: Literal["simulation"]
    status: SimulationStatus
    policy: SimulatedPolicy
    audit_ids: Few[AuditId]
    results: Few[SimulationResult]
    error: Failure | None
    created_at: Time
    finished_at: Time | None


class PolicyVersion(Shape):
    """One immutable version of a policy."""

    object: Literal["policy_version"]
    policy_id: PolicyId
    version: Count
    created_at: Time
    spec: Json


class PolicyValidation(Shape):
    """Whether a policy would be taken, and if not, why."""

    object: Literal["policy_validation"]
    valid: bool
    errors: Few[ErrorDetail]


class Framework(Shape):
    """A framework of controls."""

    object: Literal["framework"]
    key: FrameworkKey
    title: Text
    version: Text
    provider: Text
    source: Text
    controls: Count
    controls_with_policies: Count


class ControlAssessment(Shape):
    """A control, and its status in an audit."""

    id: Word = Field(examples=["5.3"])
    title: Text
    section: Word
    level: Count | None
    manual: bool
    policies: Few[Key]
    status: Literal["passing", "failing", "unknown", "manual", "not_assessed"]
    failing: Count
    passing: Count
    unknown: Count


class ControlCounts(Shape):
    """Controls by status."""

    passing: Count
    failing: Count
    unknown: Count
    manual: Count
    not_assessed: Count


class FrameworkAssessment(Shape):
    """A framework with each control's status in an audit."""

    object: Literal["framework"]
    key: FrameworkKey
    title: Text
    version: Word
    provider: Word
    source: Text
    controls: Many[ControlAssessment]
    controls_with_policies: Count
    counts: ControlCounts
