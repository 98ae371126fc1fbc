"""The shapes of what an audit keeps: its calls, what they did not tell, and its seal."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.audits import AuditTarget, Cells, Verdicts
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    Digest,
    Few,
    Json,
    Many,
    Shape,
    Share,
    Text,
    Time,
    Word,
)
from cloudsealed.api.v1.schemas.findings import PolicyReference
from cloudsealed.vocabulary import CallOutcome, Dimension, Provider, Severity


class ProviderCall(Shape):
    """One provider call of an audit's ledger."""

    object: Literal["call"] = Field(description="Always `call`.")
    provider: Word = Field(description="The cloud that was asked.", examples=["aws"])
    account: Word = Field(description="The account.", examples=["123456789012"])
    region: Word = Field(description="The region that was asked.", examples=["eu-west-1"])
    service: Word = Field(description="The provider's service.", examples=["s3"])
    operation: Word = Field(description="Its operation.", examples=["ListBuckets"])
    parameters: Any = Field(
        description="What was asked, as JSON.", examples=[{"Bucket": "invoices"}]
    )
    page: Count = Field(description="Which page of the answer, from 0.", examples=[0])
    outcome: CallOutcome = Field(description="How the call ended.", examples=["ok"])
    attempts: Count = Field(description="How often it was tried.", examples=[1])
    duration_ms: Count = Field(
        description="How long the last try took, in milliseconds.", examples=[118]
    )
    request_id: Word | None = Field(
        description="The provider's id of the request, for its support; null where it gave none.",
        examples=["4442587FB7D0A2F9"],
    )
    http_status: Count | None = Field(
        description="The provider's status; null where nothing answered.", examples=[200]
    )
    error_code: Word | None = Field(
        description="The provider's error; null where there is none.", examples=["AccessDenied"]
    )
    error_message: Text | None = Field(
        description="The provider's words; null where there is no error.",
        examples=["User is not authorized to perform: s3:GetBucketPolicy"],
    )
    digest: Digest | None = Field(
        description="SHA-256 of the stored answer; null where there is none."
    )
    called_at: Time = Field(description="When it was made.")


class Cell(Shape):
    """One policy in one account and region: how many resources have each outcome."""

    account: Word = Field(description="The account.", examples=["123456789012"])
    region: Word = Field(
        description="The region; `global` of a service without regions.", examples=["eu-west-1"]
    )
    fail: Count = Field(description="Resources that fail the policy.", examples=[3])
    pass_: Count = Field(alias="pass", description="Resources that pass it.", examples=[12])
    unknown: Count = Field(
        description="Resources of which something that decides could not be read.", examples=[1]
    )
    not_applicable: Count = Field(description="Resources that it does not apply to.", examples=[2])
    complete: bool = Field(
        description="Whether its resources were listed to the end.", examples=[True]
    )


class PolicyCells(Shape):
    """A policy of an audit and what it said, place by place."""

    object: Literal["policy_cells"] = Field(description="Always `policy_cells`.")
    policy: PolicyReference = Field(description="The version that judged.")
    title: Text = Field(description="Its title.", examples=["S3 bucket is not public"])
    dimension: Dimension = Field(description="Its dimension.", examples=["security"])
    severity: Severity = Field(description="Its own severity.", examples=["high"])
    cells: Many[Cell] = Field(description="Its cells, in the order of account and region.")


class Gap(Shape):
    """A call that did not answer, and what it cost.

    Of regions that deny everything there is one, whose service and operation are `*`.
    """

    service: Word = Field(description="The provider's service.", examples=["s3"])
    operation: Word = Field(description="Its operation.", examples=["GetBucketPolicy"])
    outcome: CallOutcome = Field(description="How the calls ended.", examples=["denied"])
    error_code: Word | None = Field(
        description="The provider's error; null where it gave none.", examples=["AccessDenied"]
    )
    action: Word | None = Field(
        description="The permission that the call needs; null where none does it.",
        examples=["s3:GetBucketPolicy"],
    )
    curable: bool = Field(
        description="Whether allowing the action would bring an answer.", examples=[True]
    )
    calls: Count = Field(description="Calls of this kind that did not answer.", examples=[4])
    verdicts: Count = Field(description="Verdicts that are unknown because of them.", examples=[24])
    places: Many[Word] = Field(
        description="Where, as `account/region`.", examples=[["123456789012/eu-west-1"]]
    )
    policies: Many[Word] = Field(
        description="The policies that needed an answer.", examples=[["aws-s3-bucket-public-read"]]
    )


class LeftOut(Shape):
    """Resources that the audit's scope left out, and what that cost."""

    type: Word = Field(description="Their type.", examples=["aws.cloudtrail.trail"])
    account: Word = Field(description="Their account.", examples=["123456789012"])
    regions: Many[Word] = Field(description="Where they may be.", examples=[["us-east-1"]])
    verdicts: Count = Field(description="Verdicts that are unknown because of them.", examples=[12])
    policies: Many[Word] = Field(
        description="The policies that look at them.", examples=[["aws-cloudtrail-multi-region"]]
    )


class NotAsked(Shape):
    """A call that the audit did not make: no policy read what it says, or a setting says so."""

    service: Word = Field(description="The provider's service.", examples=["s3"])
    operation: Word = Field(description="Its operation.", examples=["GetBucketLocation"])
    verdicts: Count = Field(description="Verdicts that are unknown because of it.", examples=[0])
    policies: Many[Word] = Field(
        description="The policies that would read it.", examples=[["aws-s3-bucket-versioning"]]
    )


class IamStatement(Shape):
    """A statement that allows the calls that were denied."""

    Sid: Word = Field(description="The statement's name.", examples=["CloudSealedMissing"])
    Effect: Literal["Allow"] = Field(description="Always `Allow`.")
    Action: Many[Word] = Field(
        description="The actions that are missing.", examples=[["s3:GetBucketPolicy"]]
    )
    Resource: Word = Field(description="What they are allowed on.", examples=["*"])


class Cure(Shape):
    """What would cure what an audit could not read at a provider."""

    provider: Provider = Field(description="The cloud.", examples=["kubernetes"])
    permissions: Many[Word] = Field(
        description="The permissions that are missing, in the provider's words.",
        examples=[["list deployments.apps"]],
    )
    document: Json = Field(
        description="What allows them, as the provider takes it: at AWS an IAM policy, at"
        " Kubernetes a ClusterRole.",
        examples=[{"kind": "ClusterRole", "metadata": {"name": "cloudsealed-more"}}],
    )


class CoverageReport(Shape):
    """What an audit could not read, and the permission that would cure it."""

    object: Literal["coverage"] = Field(description="Always `coverage`.")
    audit_id: AuditId = Field(description="The audit.")
    coverage: Share | None = Field(
        description="Verdicts given / verdicts possible; null until it is completed."
    )
    verdicts: Verdicts | None = Field(
        description="How many verdicts there are, and why not more; null until it is completed."
    )
    cells: Cells | None = Field(
        description="How many cells have all their verdicts; null until it is completed."
    )
    gaps: Many[Gap] = Field(description="The calls that did not answer, the worst first.")
    out_of_scope: Many[LeftOut] = Field(description="What the audit's scope left out.")
    not_asked: Many[NotAsked] = Field(description="Calls that were not made.")
    regions_not_enabled: Many[Word] = Field(
        description="Regions that an account has not enabled, as `account/region`.",
        examples=[["123456789012/af-south-1"]],
    )
    policy_errors: Many[Json] = Field(
        description="Policies that failed on a resource, with the expression's error.",
        examples=[
            [
                {
                    "policy": "buckets-have-owners",
                    "native_id": "arn:aws:s3:::invoices",
                    "kind": "policy_error",
                    "code": "evaluation_error",
                    "message": "there is no key 'x'",
                }
            ]
        ],
    )
    accounts_not_entered: Few[AuditTarget] = Field(
        description="Connections that led nowhere, each with its error."
    )
    cures: Few[Cure] = Field(description="What would cure what is curable, by provider.")
    iam_statement: IamStatement | None = Field(
        description="The statement that would cure what is curable at AWS; null where nothing is."
    )


class Signature(Shape):
    """A signature of a seal."""

    keyid: Word = Field(
        description="SHA-256 of the public key: `/.well-known/cloudsealed-keys` has it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    sig: Word = Field(
        description="The Ed25519 signature, in base64.", examples=["T3BlbiBzZXNhbWU="]
    )


class Envelope(Shape):
    """A DSSE envelope with an in-toto statement."""

    payloadType: Word = Field(  # noqa: N815 - DSSE's own name
        description="The media type of the payload.", examples=["application/vnd.in-toto+json"]
    )
    payload: Text = Field(
        description="The statement, in base64: its subject is the digest of the bundle's manifest.",
        examples=["eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ=="],
    )
    signatures: Few[Signature] = Field(description="The signatures over type and payload.")
