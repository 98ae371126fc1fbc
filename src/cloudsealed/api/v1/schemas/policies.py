"""The shapes of policies and frameworks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Json, OpenShape, Shape, Time
from cloudsealed.api.v1.schemas.findings import ControlReference, Remediation
from cloudsealed.vocabulary import Dimension, PolicyKind, PolicySource, Severity


class Policy(OpenShape):
    """A rule: a check raises findings, a classification says what counts."""

    id: str = Field(examples=["pol_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["policy"]
    key: str = Field(examples=["aws-s3-bucket-public-read"])
    version: int
    kind: PolicyKind
    source: PolicySource
    enabled: bool
    title: str = Field(examples=["S3 bucket is readable by everyone"])
    dimension: Dimension | None
    severity: Severity | None
    params: Json
    controls: list[ControlReference]
    description: str | None
    provider: str
    resource_types: list[str]
    fail_when: str | None
    applies_when: str | None
    related: Json | None
    message: str | None
    remediation: Remediation | None
    when: str | None
    set: Json | None
    suppress: bool | None
    reason: str | None
    expires_at: Time | None
    created_at: Time
    updated_at: Time


class _PolicyFields(Body):
    title: str | None = None
    enabled: bool | None = None
    dimension: Dimension | None = None
    severity: Severity | None = None
    resource_types: list[str] | None = Field(default=None, examples=[["aws.s3.bucket"]])
    fail_when: str | None = Field(
        default=None, examples=["tag(resource, 'owner') == null"], description="CEL"
    )
    applies_when: str | None = Field(default=None, description="CEL")
    related: Json | None = None
    params: Json | None = None
    message: str | None = None
    description: str | None = None
    remediation: Json | str | None = None
    controls: list[ControlReference] | None = None
    when: str | None = Field(default=None, description="CEL, of a classification")
    set: Json | None = Field(default=None, examples=[{"severity": "critical"}])
    suppress: bool | None = None
    reason: str | None = None
    expires_at: Time | None = None


class PolicyBody(_PolicyFields):
    """A new policy of the tenant's own."""

    kind: PolicyKind = PolicyKind.CHECK
    key: str = Field(examples=["buckets-have-owners"], pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")


class PolicyPatch(_PolicyFields):
    """A change of a policy; of a built-in one only `enabled` and `params`."""


class PolicyVersion(Shape):
    """One immutable version of a policy."""

    object: Literal["policy_version"]
    policy_id: str
    version: int
    created_at: Time
    spec: Json


class PolicyValidation(Shape):
    """Whether a policy would be taken, and if not, why."""

    object: Literal["policy_validation"]
    valid: bool
    errors: list[Json]


class Framework(OpenShape):
    """A framework of controls."""

    object: Literal["framework"]
    key: str = Field(examples=["cis-aws-5.0"])
    title: str
    version: str
    provider: str
    controls: int


class FrameworkAssessment(OpenShape):
    """A framework with each control's status in an audit."""

    object: Literal["framework"]
    key: str
    title: str
    controls: list[Json]
    counts: dict[str, int]
