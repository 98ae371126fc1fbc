"""The shapes of audits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    ConnectionId,
    Count,
    Digest,
    Failure,
    Few,
    Json,
    Many,
    Percent,
    Shape,
    Share,
    Text,
    Time,
    Word,
)
from cloudsealed.vocabulary import AuditKind, AuditStatus, Dimension, Provider

_REGIONS, _SERVICES, _TYPES = (["eu-west-1"], ["s3", "ec2"], ["aws.s3.bucket"])
_CALL = {
    "kind": "call",
    "service": "account",
    "operation": "ListRegions",
    "outcome": "denied",
    "account": "123456789012",
    "region": "us-east-1",
    "parameters": {},
    "curable": True,
    "error_code": "AccessDeniedException",
    "action": "account:ListRegions",
}


class AuditProgress(Shape):
    """How far an audit is, counted."""

    percent: Percent = Field(description="How much of the work is done, at most 99 until its end.")
    tasks_done: Count = Field(description="Shards of the work that are done.", examples=[27])
    tasks_total: Count = Field(description="Shards that are known so far.", examples=[31])
    calls: Count = Field(description="Provider calls that were made and recorded.", examples=[1840])
    resources: Count = Field(description="Resources that were found.", examples=[412])
    observations: Count = Field(description="Verdicts that were reached.", examples=[5210])


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

    connection_id: ConnectionId = Field(description="The connection.")
    provider: Provider = Field(description="Its cloud.", examples=["aws"])
    account: Word | None = Field(
        description="The account that it led to; null when it led nowhere.",
        examples=["123456789012"],
    )
    alias: Word | None = Field(
        description="What its owners call the account; null where they do not, until it was read,"
        " and in audits of before.",
        examples=["acme-production"],
    )
    partition: Word = Field(description="The provider's partition.", examples=["aws"])
    regions: Few[Word] = Field(
        description="The regions that were audited.", examples=[["eu-west-1", "us-east-1"]]
    )
    error: Failure | None = Field(description="Why it led nowhere; null when it led somewhere.")
    left_out: Few[Word] = Field(
        description="Regions that it has enabled and that were left out.", examples=[["sa-east-1"]]
    )
    regions_gap: Json | None = Field(
        description="The call that did not say which regions it has enabled; null when it did.",
        examples=[_CALL],
    )


class AuditScope(Shape):
    """What an audit looked at; what is null was not narrowed."""

    regions: Few[Word] | None = Field(
        default=None, description="Only these regions.", examples=[_REGIONS]
    )
    services: Few[Word] | None = Field(
        default=None, description="Only these services.", examples=[_SERVICES]
    )
    resource_types: Few[Word] | None = Field(
        default=None, description="Only these types of resources.", examples=[_TYPES]
    )


class Verdicts(Shape):
    """How many verdicts there are, and why there are not more.

    A verdict is one policy's on one resource, and one for a list of resources that was not read to
    its end, for each policy that judges them.
    """

    given: Count = Field(description="Verdicts that are not unknown.", examples=[5105])
    possible: Count = Field(description="Those given and those unread.", examples=[5210])
    unread: Count = Field(
        description="Unknown for something that could have been read.", examples=[105]
    )
    forbidden: Count = Field(
        description="Unknown for what an organisation forbids to read.", examples=[0]
    )
    out_of_scope: Count = Field(
        description="Unknown for what the audit's scope left out.", examples=[12]
    )


class Cells(Shape):
    """How many cells (policy, account, region) an audit planned, and in how many of them nothing is
    unknown."""

    planned: Count = Field(description="Cells that were planned.", examples=[640])
    with_verdict: Count = Field(
        description="Cells in which every resource has a verdict.", examples=[622]
    )


class OutcomeCounts(Shape):
    """Observations by outcome."""

    fail: Count = Field(description="Resources that fail a policy.", examples=[87])
    pass_: Count = Field(alias="pass", description="Resources that pass one.", examples=[3902])
    unknown: Count = Field(
        description="Verdicts that need something that could not be read.", examples=[105]
    )
    not_applicable: Count = Field(
        description="Resources that a policy does not apply to.", examples=[1116]
    )


class SeverityCounts(Shape):
    """Failing observations by severity."""

    info: Count = Field(description="Of severity info.", examples=[4])
    low: Count = Field(description="Of severity low.", examples=[21])
    medium: Count = Field(description="Of severity medium.", examples=[39])
    high: Count = Field(description="Of severity high.", examples=[20])
    critical: Count = Field(description="Of severity critical.", examples=[3])


class DimensionResult(OutcomeCounts):
    """How an audit stands in one dimension."""

    score: Percent | None = Field(
        description="What passes of what was judged, weighted by severity; null where under half of"
        " the possible verdicts are given.",
        examples=[81],
    )
    coverage: Share | None = Field(
        description="Verdicts given / verdicts possible, rounded down; null where none is possible."
    )
    verdicts: Verdicts = Field(description="How many verdicts there are, and why not more.")
    suppressed: Count = Field(
        description="Failing observations that a classification suppresses.", examples=[6]
    )
    severities: SeverityCounts = Field(description="How many that fail have each severity.")


class CallCounts(Shape):
    """Provider calls by outcome."""

    ok: Count = Field(description="Calls that were answered.", examples=[1640])
    empty: Count = Field(description="Lists that have nothing.", examples=[96])
    absent: Count = Field(description="The resource has none.", examples=[88])
    gone: Count = Field(description="The resource itself was no longer there.", examples=[1])
    unsupported: Count = Field(
        description="Not in this region, partition or edition.", examples=[9]
    )
    denied: Count = Field(description="A permission is missing.", examples=[4])
    denied_by_organization: Count = Field(
        description="By a policy of the organisation.", examples=[2]
    )
    region_denied: Count = Field(description="In a region that denies everything.", examples=[0])
    throttled: Count = Field(
        description="The provider asked to slow down, to the last try.", examples=[0]
    )
    failed: Count = Field(description="Another failure, to the last try.", examples=[0])


class Remark(Shape):
    """How an audit came about, where that is remarkable.

    `list_shrank`: a list lost more than half of what was known, and stayed so when it was asked
    again. `id_collision`: several resources of a list have one id, so that what is said of it is
    unknown; the message says what tells two of them apart.
    """

    kind: Literal["list_shrank", "id_collision"] = Field(
        description="What is remarkable.", examples=["list_shrank"]
    )
    resource_type: Word = Field(
        description="The type of the listed resources.", examples=["aws.s3.bucket"]
    )
    account: Word = Field(description="The account of the list.", examples=["123456789012"])
    region: Word = Field(description="The region of the list.", examples=["eu-west-1"])
    known: Count = Field(
        default=0, description="Of a shrunk list: resources that were known there.", examples=[40]
    )
    missing: Count = Field(
        default=0, description="Of a shrunk list: how many of them it lacks.", examples=[25]
    )
    native_id: Word = Field(
        default="",
        description="Of a collision: the id that several have.",
        examples=["arn:aws:ecs:eu-west-1:123456789012:service/web"],
    )
    message: Text = Field(
        description="The remark for people.",
        examples=["25 of 40 known aws.s3.bucket are no longer listed, also when asked again"],
    )


class Audit(Shape):
    """One forensic pass over what its connections reach."""

    id: AuditId = Field(description="The audit's id.")
    object: Literal["audit"] = Field(description="Always `audit`.")
    kind: AuditKind = Field(description="Where its ledger comes from.", examples=["live"])
    status: AuditStatus = Field(
        description="How far it is: it ends as `completed`, `failed` or `canceled`.",
        examples=["completed"],
    )
    parent_id: AuditId | None = Field(
        description="Of a reanalysis: the audit whose ledger is judged again; else null."
    )
    connection_ids: Few[ConnectionId] = Field(description="The connections that it goes through.")
    scope: AuditScope | None = Field(description="What it is narrowed to; null: nothing.")
    policies: Many[Word] | None = Field(
        description="The policies that it judges by; null: all that were enabled.",
        examples=[["aws-s3-bucket-versioning"]],
    )
    accounts: Few[AuditTarget] | None = Field(
        description="The account behind each connection; null until that is known."
    )
    progress: AuditProgress = Field(description="How far it is, counted.")
    coverage: Share | None = Field(
        description="Verdicts given / verdicts possible, rounded down; places of an account that"
        " could not be entered are not covered. Null until it is completed."
    )
    verdicts: Verdicts | None = Field(
        description="How many verdicts there are, and why not more; null until it is completed."
    )
    cells: Cells | None = Field(
        description="How many cells have all their verdicts; null until it is completed."
    )
    counts: OutcomeCounts | None = Field(
        description="Observations by outcome; null until it is completed."
    )
    dimensions: dict[Dimension, DimensionResult] | None = Field(
        description="Score and counts of each dimension; null until it is completed."
    )
    resources: Count | None = Field(
        description="Resources that it saw; null until it is completed.", examples=[412]
    )
    calls: CallCounts | None = Field(
        description="Provider calls by outcome; null until it is completed."
    )
    findings: Count | None = Field(
        description="Observations that fail; null until it is completed.", examples=[87]
    )
    verdict_digest: Digest | None = Field(
        description="SHA-256 over its ordered verdicts: audits with the same digest say the same of"
        " the same. Null until it is completed."
    )
    evidence: Literal["kept", "expired"] = Field(
        description="Whether what it rests on is still kept, or only the seal.", examples=["kept"]
    )
    error: Failure | None = Field(description="Why it failed; null while it has not.")
    clock_skew_seconds: int | None = Field(
        ge=-(10**12),
        le=10**12,
        examples=[0],
        description="Provider's clock minus ours; moments are put right when it exceeds a minute.",
    )
    remarks: Many[Remark] = Field(description="What is remarkable about how it came about.")
    created_at: Time = Field(description="When it was asked for.")
    started_at: Time | None = Field(description="When its work began; null while it is queued.")
    finished_at: Time | None = Field(
        description="When it ended; null until then.", examples=["2026-01-31T09:41:12.000Z"]
    )
