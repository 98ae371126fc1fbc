"""The shapes of audits and reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Body,
    ConnectionId,
    Count,
    Failure,
    Few,
    FrameworkKey,
    Item,
    Json,
    Many,
    Name,
    Percent,
    ReportId,
    Sha256,
    Shape,
    Share,
    Text,
    Time,
    Word,
)
from cloudsealed.vocabulary import (
    AuditKind,
    AuditStatus,
    CallOutcome,
    Dimension,
    ReportKind,
    ReportStage,
    ReportStatus,
)

Region = Annotated[str, Field(max_length=64, pattern="^[a-z0-9-]+$", examples=["eu-west-1"])]
PolicyName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\s\u0000]+$",
        examples=["aws-s3-bucket-versioning"],
    ),
]
"""A policy's id or key."""


class AuditProgress(Shape):
    """How far an audit is, counted."""

    percent: Percent
    tasks_done: Count
    tasks_total: Count
    calls: Count
    resources: Count
    observations: Count


class AuditEvent(Shape):
    """How an audit stands: the data of each of its server-sent events."""

    id: AuditId
    object: Literal["audit_event"]
    status: AuditStatus
    progress: AuditProgress
    error: Failure | None
    started_at: Time | None
    finished_at: Time | None


class AuditTarget(Shape):
    """One connection of an audit: the account that it led to, or why it led nowhere."""

    connection_id: ConnectionId
    account: Word | None = Field(examples=["123456789012"])
    partition: Word = Field(examples=["aws"])
    regions: Few[Word]
    error: Failure | None
    left_out: Few[Word] = Field(description="Regions that it has enabled and that were left out")
    regions_gap: Json | None = Field(
        description="The call that did not say which regions it has enabled"
    )


class AuditScope(Body):
    """What an audit looks at; what is absent is not narrowed."""

    regions: list[Region] | None = Field(
        default=None, min_length=1, max_length=50, examples=[["eu-west-1"]]
    )
    services: list[Item] | None = Field(
        default=None, min_length=1, max_length=100, examples=[["s3", "ec2"]]
    )
    resource_types: list[Item] | None = Field(
        default=None, min_length=1, max_length=200, examples=[["aws.s3.bucket"]]
    )


class Verdicts(Shape):
    """How many verdicts there are, and why there are not more.

    A verdict is one policy's on one resource, and one for a list of resources that was not read to
    its end, for each policy that judges them.
    """

    given: Count = Field(description="Verdicts that are not unknown")
    possible: Count = Field(description="Those given and those unread")
    unread: Count = Field(description="Unknown for something that could have been read")
    forbidden: Count = Field(description="Unknown for what an organisation forbids to read")
    out_of_scope: Count = Field(description="Unknown for what the audit's scope left out")


class Cells(Shape):
    """How many cells (policy, account, region) an audit planned, and in how many of them nothing is
    unknown."""

    planned: Count
    with_verdict: Count


class OutcomeCounts(Shape):
    """Observations by outcome."""

    fail: Count
    pass_: Count = Field(alias="pass")
    unknown: Count
    not_applicable: Count


class SeverityCounts(Shape):
    """Failing observations by severity."""

    info: Count
    low: Count
    medium: Count
    high: Count
    critical: Count


class DimensionResult(OutcomeCounts):
    """How an audit stands in one dimension."""

    score: Percent | None = Field(
        description="Null where under half of the possible verdicts are given"
    )
    coverage: Share | None = Field(description="Verdicts given / verdicts possible, rounded down")
    verdicts: Verdicts
    suppressed: Count
    severities: SeverityCounts


class CallCounts(Shape):
    """Provider calls by outcome."""

    ok: Count
    empty: Count
    absent: Count = Field(description="The resource has none")
    gone: Count = Field(description="The resource itself was no longer there")
    unsupported: Count = Field(description="Not in this region, partition or edition")
    denied: Count
    denied_by_organization: Count = Field(description="By a policy of the organisation")
    region_denied: Count = Field(description="In a region that denies everything")
    throttled: Count
    failed: Count


class ListShrank(Shape):
    """A remark on how an audit came about: a list lost more than half of what was known, and stayed
    so when it was asked again."""

    kind: Literal["list_shrank"]
    resource_type: Word = Field(examples=["aws.s3.bucket"])
    account: Word = Field(examples=["123456789012"])
    region: Word = Field(examples=["eu-west-1"])
    known: Count = Field(description="Resources that were known there")
    missing: Count = Field(description="How many of them the list lacks")
    message: Text


class IdCollision(Shape):
    """A remark on how an audit came about: several resources of a list have one id, so that what is
    said of it is unknown. The message says what tells two of them apart."""

    kind: Literal["id_collision"]
    resource_type: Word = Field(examples=["aws.ecs.service"])
    account: Word = Field(examples=["123456789012"])
    region: Word = Field(examples=["eu-west-1"])
    native_id: Word = Field(examples=["arn:aws:ecs:eu-west-1:123456789012:service/web"])
    message: Text


_SHRANK = {
    "kind": "list_shrank", "resource_type": "aws.s3.bucket", "account": "123456789012",
    "region": "eu-west-1", "known": 40, "missing": 25,
    "message": "25 of 40 known aws.s3.bucket are no longer listed, also when asked again",
}  # fmt: skip
Remark = Annotated[ListShrank | IdCollision, Field(discriminator="kind")]


class Audit(Shape):
    """One forensic pass over what its connections reach."""

    id: AuditId
    object: Literal["audit"]
    kind: AuditKind
    status: AuditStatus
    parent_id: AuditId | None
    connection_ids: Few[ConnectionId]
    scope: AuditScope | None
    policies: Many[Word] | None = Field(examples=[["aws-s3-bucket-versioning"]])
    accounts: Few[AuditTarget] | None
    progress: AuditProgress
    coverage: Share | None = Field(
        description="Verdicts given / verdicts possible, rounded down; places of an account that"
        " could not be entered are not covered"
    )
    verdicts: Verdicts | None
    cells: Cells | None
    counts: OutcomeCounts | None
    dimensions: dict[Dimension, DimensionResult] | None = Field(
        description="Score and counts of each dimension"
    )
    resources: Count | None
    calls: CallCounts | None
    findings: Count | None
    verdict_digest: Sha256 | None
    evidence: Literal["kept", "expired"]
    error: Failure | None
    clock_skew_seconds: int | None = Field(
        ge=-(10**12), le=10**12, examples=[0],
        description="Provider's clock minus ours; moments are put right when it exceeds a minute",
    )  # fmt: skip
    remarks: Many[Remark] = Field(examples=[[_SHRANK]])
    created_at: Time
    started_at: Time | None
    finished_at: Time | None


class AuditBody(Body):
    """A new audit; without a scope, of everything."""

    connection_ids: list[ConnectionId] = Field(
        min_length=1,
        max_length=100,
        json_schema_extra={"uniqueItems": True},
        examples=[["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]],
    )
    scope: AuditScope | None = None
    policies: list[PolicyName] | None = Field(
        default=None, min_length=1, max_length=500, json_schema_extra={"uniqueItems": True}
    )


class ReanalysisBody(Body):
    """A reanalysis: by these policies, or by all that are enabled."""

    policies: list[PolicyName] | None = Field(default=None, min_length=1, max_length=500)


class ProviderCall(Shape):
    """One provider call of an audit's ledger."""

    object: Literal["call"]
    provider: Word = Field(examples=["aws"])
    account: Word = Field(examples=["123456789012"])
    region: Word = Field(examples=["eu-west-1"])
    service: Word = Field(examples=["s3"])
    operation: Word = Field(examples=["ListBuckets"])
    parameters: Any
    page: Count
    outcome: CallOutcome


class Gap(Shape):
    """A call that did not answer, and what it cost.

    Of regions that deny everything there is one, whose service and operation are `*`.
    """

    service: Word = Field(examples=["s3"])
    operation: Word = Field(examples=["GetBucketPolicy"])
    outcome: CallOutcome
    error_code: Word | None = Field(examples=["AccessDenied"])
    action: Word | None = Field(examples=["s3:GetBucketPolicy"])
    curable: bool = Field(description="Whether allowing the action would bring an answer")
    calls: Count = Field(description="Calls of this kind that did not answer")
    verdicts: Count = Field(description="Verdicts that are unknown because of them")
    places: Many[Word] = Field(examples=[["123456789012/eu-west-1"]])
    policies: Many[Word]


class LeftOut(Shape):
    """Resources that the audit's scope left out, and what that cost."""

    type: Word = Field(examples=["aws.cloudtrail.trail"])
    account: Word = Field(examples=["123456789012"])
    regions: Many[Word] = Field(examples=[["us-east-1"]])
    verdicts: Count = Field(description="Verdicts that are unknown because of them")
    policies: Many[Word]


class NotAsked(Shape):
    """A call that the audit did not make: no policy read what it says, or a setting says so."""

    service: Word = Field(examples=["s3"])
    operation: Word = Field(examples=["GetBucketLocation"])
    verdicts: Count = Field(description="Verdicts that are unknown because of it")
    policies: Many[Word]


class IamStatement(Shape):
    """A statement that allows the calls that were denied."""

    Sid: Word
    Effect: Literal["Allow"]
    Action: Many[Word]
    Resource: Word


class Coverage(Shape):
    """What an audit could not read, and the permission that would cure it."""

    object: Literal["coverage"]
    audit_id: AuditId
    coverage: Share | None
    verdicts: Verdicts | None
    cells: Cells | None
    gaps: Many[Gap]
    out_of_scope: Many[LeftOut]
    not_asked: Many[NotAsked]
    regions_not_enabled: Many[Word] = Field(examples=[["123456789012/af-south-1"]])
    policy_errors: Many[Json]
    accounts_not_entered: Few[AuditTarget]
    iam_statement: IamStatement | None


class Signature(Shape):
    """A signature of a seal."""

    keyid: Word
    sig: Word


class Envelope(Shape):
    """A DSSE envelope with an in-toto statement."""

    payloadType: Word  # noqa: N815 - DSSE's own name
    payload: Text
    signatures: Few[Signature]


class ReportFile(Shape):
    """One file of a report that is ready."""

    format: Word = Field(examples=["pdf"])
    size: Count
    sha256: Sha256


class ReportProgress(Shape):
    """How far a report is."""

    stage: ReportStage
    percent: Percent


class Report(Shape):
    """A generated deliverable."""

    id: ReportId
    object: Literal["report"]
    kind: ReportKind
    status: ReportStatus
    audit_id: AuditId
    framework: FrameworkKey | None
    filters: dict[str, Few[Word]]
    formats: Few[ReportFile]
    progress: ReportProgress | None = Field(description="While it is running")
    error: Failure | None
    created_at: Time
    finished_at: Time | None
    expires_at: Time | None


OneOrMore = Name | Annotated[list[Name], Field(min_length=1, max_length=100)]


class ReportFilters(Body):
    """What narrows a report's findings: for each, a value or several."""

    severity: OneOrMore | None = None
    dimension: OneOrMore | None = None
    policy: OneOrMore | None = None
    resource_type: OneOrMore | None = None
    provider: OneOrMore | None = None
    account: OneOrMore | None = None
    region: OneOrMore | None = None
    framework: OneOrMore | None = None


class ReportBody(Body):
    """A new report of a completed audit."""

    kind: ReportKind
    audit_id: AuditId
    framework: FrameworkKey | None = None
    filters: ReportFilters | None = None
