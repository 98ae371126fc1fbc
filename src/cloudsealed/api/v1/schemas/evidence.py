"""The shapes of what a finding rests on: observations, explanations and proofs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Count,
    Digest,
    Few,
    FindingId,
    Json,
    Key,
    Many,
    Shape,
    Text,
    Word,
)
from cloudsealed.api.v1.schemas.findings import ClassifiedBy, EvidenceItem
from cloudsealed.api.v1.schemas.ledger import Envelope
from cloudsealed.vocabulary import Outcome, Provider, Severity


class Observation(Shape):
    """The outcome of one policy on one resource in one audit."""

    native_id: Word = Field(
        description="The provider's own id of the resource.", examples=["arn:aws:s3:::invoices"]
    )
    type: Word = Field(description="The resource's type.", examples=["aws.s3.bucket"])
    outcome: Outcome = Field(description="What the policy said.", examples=["fail"])
    severity: Severity = Field(description="The severity after classifications.", examples=["high"])
    fingerprint: Digest = Field(
        description="What tells the finding from all others, the same in every audit."
    )
    snapshot: Digest = Field(description="SHA-256 of the snapshot that was judged.")
    title: Text | None = Field(
        description="The finding's title; null where nothing fails.",
        examples=["Bucket invoices is readable by everyone"],
    )
    evidence: Many[EvidenceItem] = Field(description="The values that the outcome rests on.")
    reasons: Few[Json] = Field(
        description="Of `unknown`: the calls that did not answer.",
        examples=[[{"service": "s3", "operation": "GetBucketPolicy", "outcome": "denied"}]],
    )
    classified_by: ClassifiedBy | None = Field(
        description="The classification that counts; null where none matches."
    )
    suppressed: bool = Field(
        description="Whether a classification says that it does not count.", examples=[False]
    )
    base_severity: Severity | None = Field(
        description="What the policy's `severity_when` gave it, null where it gave none.",
        examples=["high"],
    )
    severity_open: bool = Field(
        description="Whether `severity_when` could not say it, since what it reads was not read.",
        examples=[False],
    )
    savings: Json | None = Field(
        description="What a cure saves a month by its reckoning, or `unknown`, why that has no"
        " value; null where the policy does not say.",
        examples=[{"unknown": "No list price of elb.application in eu-west-1 is known"}],
    )
    yields_to: Digest | None = Field(
        description="The fingerprint of the observation of a more general policy that asks for"
        " attention in the place of this one, which is outside the score."
    )


class ExpressionFailure(Shape):
    """Why an expression has no value."""

    code: Word = Field(description="What went wrong, for machines.", examples=["evaluation_error"])
    message: Text = Field(description="The same for people.", examples=["there is no key 'Owner'"])
    path: Text = Field(
        description="Where in the resource's document.", examples=["TagSet[0].Owner"]
    )


class LoopItem(Shape):
    """The item of a loop that a step is about."""

    number: Count = Field(description="Which item it is, from 1.", examples=[1])
    of: Count = Field(description="How many items the loop has.", examples=[4])
    path: Text | None = Field(
        description="Where the item stands in the document, null if it is not of it.",
        examples=["IpPermissions[0]"],
    )


class ExplanationStep(Shape):
    """A part of an expression and what it came to."""

    source: Text = Field(
        description="The part as it is written.", examples=["resource.FromPort == 22"]
    )
    line: Count = Field(description="The line where it begins, from 1.", examples=[1])
    column: Count = Field(description="The column where it begins, from 1.", examples=[1])
    end_line: Count = Field(description="The line where it ends.", examples=[1])
    end_column: Count = Field(description="The column after its end.", examples=[24])
    state: Literal["value", "error", "unknown", "not_looked_at"] = Field(
        description="Whether it has a value; `unknown` is what follows from something that was not"
        " read.",
        examples=["value"],
    )
    decided: bool = Field(description="Whether the outcome follows from it.", examples=[True])
    value: Any = Field(
        description="Its value as JSON, shortened where it is long.", examples=[True]
    )
    shortened: bool = Field(description="Whether the value is shortened.", examples=[False])
    path: Text | None = Field(
        description="Where the value stands in the document, null if it is computed.",
        examples=["IpPermissions[0].FromPort"],
    )
    error: ExpressionFailure | None = Field(description="Why it has no value; null if it has one.")
    item: LoopItem | None = Field(description="The loop's item that it is about, if there is one.")
    steps: Few[ExplanationStep] = Field(description="Its own parts.", examples=[[]])


class ExplainedCondition(Shape):
    """A policy's `applies_when`, `fail_when` or a condition of its `severity_when`."""

    field: Word = Field(description="Which condition it is.", examples=["fail_when"])
    step: ExplanationStep = Field(description="The whole condition, and in it its parts.")


class Explained(Shape):
    """What a policy says of a snapshot: the parts of its expressions with their values."""

    audit_id: AuditId = Field(description="The audit whose snapshot was judged again.")
    outcome: Literal["fail", "pass", "not_applicable", "error", "unknown"] = Field(
        description="What the policy says of that snapshot.", examples=["fail"]
    )
    message: Text | None = Field(
        description="The finding's title as the policy words it; null where nothing fails.",
        examples=["Security group sg-0ab1 lets the internet reach SSH"],
    )
    error: ExpressionFailure | None = Field(
        description="Why there is no outcome; null if there is one."
    )
    evidence: Few[EvidenceItem] = Field(description="The values that the outcome rests on.")
    severity: Severity | None = Field(
        description="What a condition of the policy's `severity_when` gives it; null where none"
        " does: the policy's own.",
        examples=["critical"],
    )
    conditions: Few[ExplainedCondition] = Field(
        description="The policy's conditions that were read, in order."
    )
    left_out: Count = Field(
        description="Parts beyond 200, or 64 KiB, that are not shown.", examples=[0]
    )


class Explanation(Explained):
    """Why a finding fails: the parts of its policy's expressions with their values."""

    object: Literal["explanation"] = Field(description="Always `explanation`.")
    finding_id: FindingId = Field(description="The finding that is explained.")


class Evidence(Shape):
    """What a finding rests on: the observation and the snapshot that it judged."""

    object: Literal["evidence"] = Field(description="Always `evidence`.")
    finding_id: FindingId = Field(description="The finding.")
    audit_id: AuditId = Field(description="The audit that observed it last.")
    observation: Observation = Field(description="What the policy said in that audit.")
    snapshot: Json = Field(
        description="The resource as that audit saw it, secrets redacted.",
        examples=[{"type": "aws.s3.bucket", "document": {"Name": "invoices"}}],
    )


class Proof(Shape):
    """A finding's observation in an audit, and the path from it to the root of the audit's seal.

    Hashes are SHA-256 in base64; `leaf` is the line whose bytes were hashed (RFC 9162).
    """

    object: Literal["proof"] = Field(description="Always `proof`.")
    audit_id: AuditId = Field(description="The audit that observed the finding.")
    policy_key: Key = Field(description="The policy's key, a part of the leaf's cell.")
    provider: Provider = Field(description="The cell's cloud.")
    account: Word = Field(description="The cell's account.", examples=["123456789012"])
    region: Word = Field(description="The cell's region.", examples=["eu-west-1"])
    leaf: Text = Field(
        description="The observation's line: its bytes are what the tree holds.",
        examples=['{"native_id":"arn:aws:s3:::invoices","outcome":"fail"}'],
    )
    index: Count = Field(description="The leaf's place in its block's tree, from 0.", examples=[4])
    path: Many[Word] = Field(
        description="The hashes beside the way from the leaf to the root, the leaf's first.",
        examples=[["n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="]],
    )
    seal: Envelope = Field(description="The audit's seal, whose statement has the root.")
    keys: dict[Digest, Word] = Field(
        description="The public keys that may have signed it, by key id, in base64.",
        examples=[
            {
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08": (
                    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
                )
            }
        ],
    )
