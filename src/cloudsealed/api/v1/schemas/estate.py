"""The shapes of resources and connections."""

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
    Json,
    Many,
    Name,
    ResourceId,
    Sha256,
    Shape,
    Text,
    Time,
    Word,
    optional,
)
from cloudsealed.vocabulary import ConnectionMethod, Provider, ResourceState


class Resource(Shape):
    """A cloud object, as the newest audit that could read it saw it."""

    id: ResourceId
    object: Literal["resource"]
    provider: Provider
    account: Word = Field(examples=["123456789012"])
    region: Word = Field(examples=["eu-west-1"])
    owner_account: Word = Field(
        default="", examples=["123456789012"],
        description="The account that can change it; another than `account` if it is shared",
    )  # fmt: skip
    type: Word = Field(examples=["aws.s3.bucket"])
    native_id: Word = Field(examples=["arn:aws:s3:::invoices"])
    name: Word | None = Field(examples=["invoices"])
    state: ResourceState
    tags: dict[str, Word] = Field(examples=[{"env": "prod"}])
    relations: dict[str, Many[Word]]
    connection_id: ConnectionId
    snapshot: Sha256 = Field(description="SHA-256 of the snapshot")
    audit_id: AuditId
    first_seen_at: Time
    last_seen_at: Time
    document: Any = Field(description="The snapshot, secrets redacted; null in lists")


class SnapshotChange(Shape):
    """One difference between two snapshots of a resource."""

    path: Text = Field(
        examples=["/document/Versioning/Status"], description="JSON Pointer into the snapshot"
    )
    change: Literal["added", "removed", "changed"]
    before: Any = Field(examples=["Suspended"])
    after: Any = Field(examples=["Enabled"])
    shortened: bool = Field(description="Whether a value over 1,000 bytes is left out as null")


class ResourceVersion(Shape):
    """What a resource was for a while: one snapshot, and the audits in a row that saw it."""

    object: Literal["resource_version"]
    snapshot: Sha256
    previous_snapshot: Sha256 | None = Field(description="Null where no earlier one is known")
    first_audit_id: AuditId
    last_audit_id: AuditId
    first_seen_at: Time
    last_seen_at: Time
    changes: Many[SnapshotChange] = Field(description="Since the previous one; 100 at most")
    changes_left_out: Count


class Relation(Shape):
    """One thing that a resource refers to."""

    name: Word = Field(examples=["vpc"])
    id: Word = Field(examples=["vpc-0a1b"], description="As the resource's document names it")
    type: Word | None = Field(examples=["aws.ec2.vpc"], description="Type of what it means")
    resource_id: ResourceId | None = Field(
        description="The resource that it means; null where no audit saw one"
    )


class Relations(Shape):
    """What a resource refers to."""

    object: Literal["relations"]
    resource_id: ResourceId
    relations: Many[Relation]


class Connection(Shape):
    """How CloudSealed reaches one cloud account; it holds no access key."""

    id: ConnectionId
    object: Literal["connection"]
    provider: Provider
    name: Word = Field(examples=["production"])
    method: ConnectionMethod
    account: Word | None = Field(examples=["123456789012"])
    role_arn: Word | None = Field(examples=["arn:aws:iam::123456789012:role/cloudsealed"])
    external_id: Word | None
    regions: Many[Word] | None = Field(examples=[["eu-west-1"]])
    created_at: Time


RoleArn = Annotated[
    str,
    Field(
        max_length=1000,
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^\s\u0000]+$",
        examples=["arn:aws:iam::123456789012:role/cloudsealed"],
    ),
]
Regions = Annotated[
    list[Annotated[str, Field(max_length=64, pattern="^[a-z]{2}(-[a-z]+)+-[0-9]$")]],
    Field(
        min_length=1,
        max_length=50,
        json_schema_extra={"uniqueItems": True},
        examples=[["eu-west-1"]],
    ),
]


class ConnectionBody(Body):
    """A new connection; `role_arn` goes with the method assume_role, and only with it."""

    provider: Provider
    name: Name = Field(examples=["production"])
    method: Literal["ambient", "assume_role"] | None = None
    role_arn: RoleArn | None = None
    regions: Regions | None = None


class ConnectionPatch(Body):
    """A change of a connection's name or regions."""

    name: Name = optional("staging")
    regions: Regions | None = None


class MissingPermission(Shape):
    """A call of an audit that the cloud refused to the connection."""

    action: Word = Field(examples=["s3:ListAllMyBuckets"])
    service: Word = Field(examples=["s3"])
    operation: Word = Field(examples=["ListBuckets"])
    region: Word = Field(examples=["global"])
    error_code: Word | None = Field(examples=["AccessDenied"])
    curable: bool = Field(description="False where an organisation forbids it")


class ConnectionTest(Shape):
    """Who a connection is to its cloud and what it may not ask there, or why it cannot be used."""

    object: Literal["connection_test"]
    connection_id: ConnectionId
    ok: bool
    account: Word | None
    arn: Word | None
    error: Failure | None
    calls_tried: Count = Field(description="Calls that list resources, answered or refused")
    missing: Few[MissingPermission]
    iam_statement: Json | None = Field(description="The IAM statement that allows what is missing")
    trust_statement: Json | None = Field(
        description="Where the role may not be assumed, what its trust policy has to say"
    )
