"""The shapes of policies, and of what they would do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    ErrorDetail,
    Failure,
    Few,
    FindingId,
    Json,
    Key,
    Many,
    PolicyId,
    ResourceId,
    Shape,
    SimulationId,
    Text,
    Time,
    UserId,
    Word,
    optional,
)
from cloudsealed.api.v1.schemas.evidence import Explained
from cloudsealed.api.v1.schemas.findings import ControlReference, Remediation, ResourceReference
from cloudsealed.vocabulary import (
    Dimension,
    Effect,
    FindingStatus,
    Outcome,
    PolicyKind,
    PolicySource,
    Severity,
    SimulationStatus,
)

_WORDS = {
    "title": "Buckets have owners",
    "dimension": "compliance",
    "severity": "medium",
    "resource_types": ["aws.s3.bucket"],
    "fail_when": "tag(resource, 'owner') == null",
}


class Degree(Shape):
    """The severity of what fails where an expression is true."""

    when: Text = Field(description="CEL.", examples=["size(related.instances) == 0"])
    severity: Severity = Field(description="The severity then.", examples=["low"])


class SavedQuantity(Shape):
    """How much of what has a price a cure saves."""

    price: Text = Field(
        description="CEL, the name of the price.", examples=["'ebs.storage.' + resource.VolumeType"]
    )
    quantity: Text = Field(
        description="CEL, how many units; below zero what the cure costs.",
        examples=["resource.Size"],
    )


class ClassifiedAs(Shape):
    """What a classification sets."""

    severity: Severity = Field(
        description="The severity that such a finding has.", examples=["critical"]
    )


class Policy(Shape):
    """A rule: a check raises findings, a classification says what counts."""

    id: PolicyId = Field(description="The policy's id, of a built-in one the same everywhere.")
    object: Literal["policy"] = Field(description="Always `policy`.")
    key: Key = Field(
        description="Its own name, taken wherever an id is.", examples=["aws-s3-bucket-public-read"]
    )
    version: Count = Field(description="Counts the changes of what it means, from 1.", examples=[3])
    kind: PolicyKind = Field(
        description="Whether it is a check or a classification.", examples=["check"]
    )
    source: PolicySource = Field(
        description="Whether it ships with the product or is the tenant's own.",
        examples=["builtin"],
    )
    enabled: bool = Field(description="Whether audits use it.", examples=[True])
    title: Text = Field(
        description="What is wrong, in one line.", examples=["S3 bucket is readable by everyone"]
    )
    dimension: Dimension | None = Field(
        description="The way of looking; null of a classification.", examples=["security"]
    )
    severity: Severity | None = Field(
        description="How much a finding matters; null of a classification.", examples=["critical"]
    )
    params: Json = Field(
        description="Values that expressions read as `params.NAME`.", examples=[{"days": 90}]
    )
    controls: Few[ControlReference] = Field(description="The controls that it serves.")
    description: Text | None = Field(
        description="Why it matters.", examples=["Whoever knows its name can read the bucket."]
    )
    provider: Text = Field(
        description="The cloud that it judges; empty of a classification.", examples=["aws"]
    )
    resource_types: Few[Word] = Field(
        description="The types of resources that it judges.", examples=[["aws.s3.bucket"]]
    )
    fail_when: Text | None = Field(
        description="CEL; where it is true the resource fails. Null of a classification.",
        examples=["tag(resource, 'owner') == null"],
    )
    severity_when: Few[Degree] = Field(
        description="Severities in other cases: the first that is true, else `severity`."
    )
    savings: Few[SavedQuantity] = Field(
        description="What a cure saves a month: the sum of quantities times prices."
    )
    unpriced: Text | None = Field(
        description="Why nobody can say what a cure saves.",
        examples=["It depends on how much of the traffic goes there."],
    )
    yields_to: Few[Key] = Field(
        description="Keys of more general policies; while one fails on the same resource, findings"
        " of this one are suppressed."
    )
    foreign: bool = Field(
        description="Whether it also judges what another account owns and this one only uses.",
        examples=[False],
    )
    applies_when: Text | None = Field(
        description="CEL; where it is false the outcome is `not_applicable`. Null: it applies.",
        examples=["tag(resource, 'env') == 'prod'"],
    )
    related: Json | None = Field(
        description="Lists of other resources, read as `related.NAME`; null of a classification.",
        examples=[{"vpcs": {"type": "aws.ec2.vpc", "from": "VpcId", "key": "VpcId"}}],
    )
    message: Text | None = Field(
        description="A finding's title, with paths in braces; null: the title.",
        examples=["Bucket {resource.Name} is readable by everyone"],
    )
    remediation: Remediation | None = Field(
        description="How a finding is cured; null where it does not say."
    )
    references: Few[Text] = Field(
        description="Where the rule comes from.", examples=[["CIS AWS Foundations 5.0, 2.1.4"]]
    )
    when: Text | None = Field(
        description="Of a classification: CEL; where it is true the finding is classified.",
        examples=["tag(resource, 'env') == 'prod'"],
    )
    set: ClassifiedAs | None = Field(
        description="Of a classification: what becomes of the finding; or `suppress`."
    )
    suppress: bool | None = Field(
        description="Of a classification: whether the finding does not count.", examples=[False]
    )
    reason: Text | None = Field(
        description="Of a classification: why, for whoever sees such a finding.",
        examples=["Production is looked at first"],
    )
    expires_at: Time | None = Field(
        description="Of a classification: when it ends; null: it stays.",
        examples=["2026-12-31T00:00:00.000Z"],
    )
    applies_because: Text | None = Field(
        description="Of a check of the tenant's own: why a state in `applies_when` cannot get worse"
        " by the problem itself."
    )
    equivalents: Json = Field(
        description="Of a check: checks of other programs that look for the same, by the program's"
        " name.",
        examples=[{"prowler": ["s3_bucket_no_mfa_delete"]}],
    )
    formerly: Few[Key] = Field(
        description="Of a check of the tenant's own: keys that it had before."
    )
    examples: Json | None = Field(
        description="Of a check of the tenant's own: documents and the outcome for each.",
        examples=[{"fail": [{"resource": {"Name": "x"}}]}],
    )
    applied_at: Time | None = Field(
        description="When the open findings were last classified by it as it stands;"
        " null while that is to be done, and of a check."
    )
    created_at: Time = Field(description="When it was made.")
    updated_at: Time = Field(description="When it was last changed.")
    created_by: UserId | None = Field(
        description="Who made it; null of a built-in one, and where that was not kept yet."
    )
    updated_by: UserId | None = Field(
        description="Who last changed it; null where nobody did, and where that was not kept yet."
    )


class SimulatedPolicy(Shape):
    """The policy that a simulation tries."""

    key: Key = Field(description="Its key.", examples=["buckets-have-owners"])
    kind: PolicyKind = Field(description="Whether it is a check.", examples=["check"])
    version: Count = Field(description="The version that it has or would have.", examples=[1])


class Standing(Shape):
    """How a finding stands."""

    status: FindingStatus = Field(description="Its status.", examples=["open"])
    severity: Severity = Field(description="Its severity.", examples=["high"])


class SimulatedChange(Shape):
    """What would become of one finding."""

    effect: Effect = Field(description="What would happen.", examples=["open"])
    finding_id: FindingId | None = Field(description="The finding; null of one that would be new.")
    title: Text = Field(description="Its title.", examples=["Bucket invoices has no owner"])
    resource: ResourceReference = Field(description="Its resource.")
    before: Standing | None = Field(description="How it stands; null of one that would be new.")
    after: Standing = Field(description="How it would stand.")


class SimulationResult(Shape):
    """What would happen to the findings of one audit."""

    audit_id: AuditId | None = Field(
        description="The audit; null: of all findings that are open now."
    )
    counts: dict[Outcome, Count] = Field(
        description="Resources by outcome.", examples=[{"fail": 3, "pass": 40}]
    )
    errors: Count = Field(description="Resources on which an expression failed.", examples=[0])
    would_open: Count = Field(description="Findings that would open.", examples=[3])
    would_close: Count = Field(description="Findings that would be resolved.", examples=[1])
    would_change: Count = Field(description="Findings that would count otherwise.", examples=[0])
    changes: Annotated[list[SimulatedChange], Field(max_length=200)] = Field(
        description="The first 200 of them."
    )
    has_more_changes: bool = Field(description="Whether there are more.", examples=[False])


class Simulation(Shape):
    """What a policy would do to the present findings."""

    id: SimulationId = Field(description="The simulation's id.")
    object: Literal["simulation"] = Field(description="Always `simulation`.")
    status: SimulationStatus = Field(description="How far it is.", examples=["completed"])
    policy: SimulatedPolicy = Field(description="The policy that is tried.")
    audit_ids: Few[AuditId] = Field(description="The audits that it is tried on.")
    results: Few[SimulationResult] = Field(description="What was found so far, an audit each.")
    error: Failure | None = Field(description="Why it failed; null while it has not.")
    created_at: Time = Field(description="When it was asked for.")
    finished_at: Time | None = Field(
        description="When it ended; null until then.", examples=["2026-01-31T09:30:04.000Z"]
    )


class PolicyVersion(Shape):
    """One immutable version of a policy."""

    object: Literal["policy_version"] = Field(description="Always `policy_version`.")
    policy_id: PolicyId = Field(description="The policy.")
    version: Count = Field(description="Its number, from 1.", examples=[1])
    created_at: Time = Field(description="When it became so.")
    created_by: UserId | None = Field(
        description="Who wrote it; null of a built-in one, and where that was not kept yet."
    )
    spec: Json = Field(description="What the policy meant then.", examples=[_WORDS])


class CheckExamples(Shape):
    """Documents by which a check is tried, and the outcome that it gives for each."""

    object: Literal["policy_examples"] = Field(description="Always `policy_examples`.")
    policy_id: PolicyId = Field(description="The policy.")
    fail: Few[Json] = Field(
        description="Those that fail, each a `resource`, perhaps with `related` and `severity`.",
        examples=[[{"resource": {"Name": "logs", "Tags": []}}]],
    )
    pass_: Few[Json] = Field(
        alias="pass", description="Those that pass.", examples=[[{"resource": {"Name": "logs"}}]]
    )
    not_applicable: Few[Json] = Field(
        description="Those that it does not apply to.", examples=[[{"resource": {"Name": "x"}}]]
    )
    unknown: Few[Json] = Field(
        description="Those of which too little could be read, which `unread` names.",
        examples=[[{"resource": {"Name": "logs"}, "unread": ["Tags"]}]],
    )


class PolicyGroup(Shape):
    """How many policies have the same values; it has the keys that were counted by."""

    kind: PolicyKind = optional("check", "Whether they are checks.")
    source: PolicySource = optional("builtin", "Whether they ship with the product.")
    enabled: Literal["true", "false"] = optional("true", "Whether audits use them.")
    severity: Severity | None = optional("high", "Their severity; null of classifications.")
    dimension: Dimension | None = optional("security", "Their dimension; null of classifications.")
    provider: Word = optional("aws", "The cloud that they judge.")
    resource_type: Word | None = optional("aws.s3.bucket", "A type that they judge.")
    service: Word | None = optional("s3", "A service whose resources they judge.")
    framework: Word | None = optional("cis-aws-5.0", "A framework that they serve.")
    count: Count = Field(description="How many policies there are.", examples=[17])


class PolicySummary(Shape):
    """Policies, counted by group."""

    object: Literal["policy_summary"] = Field(description="Always `policy_summary`.")
    group_by: Few[Word] = Field(
        description="What was counted by, in this order.", examples=[["dimension", "severity"]]
    )
    total: Count = Field(description="How many policies there are in all groups.", examples=[168])
    complete: bool = Field(
        description="Whether every policy was looked at; false where the bound of a read ended"
        " the count.",
        examples=[True],
    )
    groups: Many[PolicyGroup] = Field(
        description="The groups that have any, in the order of their values.",
        examples=[[{"dimension": "security", "count": 17}]],
    )


class PolicyExplanation(Explained):
    """What a check says of a resource, and why."""

    object: Literal["policy_explanation"] = Field(description="Always `policy_explanation`.")
    resource_id: ResourceId = Field(description="The resource that was judged.")


class PolicyValidation(Shape):
    """Whether a policy would be taken, and if not, why."""

    object: Literal["policy_validation"] = Field(description="Always `policy_validation`.")
    valid: bool = Field(description="Whether it would be taken.", examples=[False])
    errors: Few[ErrorDetail] = Field(description="Everything that is wrong; none if it is valid.")
