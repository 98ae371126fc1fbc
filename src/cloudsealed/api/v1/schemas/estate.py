"""The shapes of resources and connections."""

from __future__ import annotations

from typing import Any, Literal

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
    ResourceId,
    Shape,
    Text,
    Time,
    Word,
)
from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.vocabulary import FIRST_PROVIDER, ConnectionMethod, Provider, ResourceState

ROLE = PROVIDERS[FIRST_PROVIDER].example["role_arn"]


class Resource(Shape):
    """A cloud object, as the newest audit that could read it saw it."""

    id: ResourceId = Field(description="The resource's id; it stays the same over all audits.")
    object: Literal["resource"] = Field(description="Always `resource`.")
    provider: Provider = Field(description="The cloud that it is in.", examples=["aws"])
    account: Word = Field(
        description="The account in whose list it was found.", examples=["123456789012"]
    )
    region: Word = Field(
        description="The region of that list; `global` of a service without regions.",
        examples=["eu-west-1"],
    )
    owner_account: Word = Field(
        default="",
        examples=["123456789012"],
        description="The account that can change it; another than `account` if it is shared.",
    )
    type: Word = Field(
        description="Its type: provider, service and kind.", examples=["aws.s3.bucket"]
    )
    native_id: Word = Field(
        description="The provider's own id, at AWS the ARN.", examples=["arn:aws:s3:::invoices"]
    )
    name: Word | None = Field(description="Its name; null if it has none.", examples=["invoices"])
    state: ResourceState = Field(
        description="Whether the last audit that could tell still saw it.", examples=["present"]
    )
    tags: dict[str, Word] = Field(
        description="Its tags, values by key.", examples=[{"env": "prod", "owner": "data"}]
    )
    relations: dict[str, Many[Word]] = Field(
        description="What it refers to: for each relation the others' ids at the provider.",
        examples=[{"vpc": ["vpc-0a1b"]}],
    )
    connection_id: ConnectionId = Field(description="The connection through which it was found.")
    snapshot: Digest = Field(description="SHA-256 of the snapshot.")
    audit_id: AuditId = Field(description="The audit that saw it last.")
    first_seen_at: Time = Field(description="When an audit first saw it.")
    last_seen_at: Time = Field(
        description="When an audit last saw it.", examples=["2026-02-07T09:30:00.000Z"]
    )
    document: Any = Field(
        description="The snapshot: what the provider said of it, secrets redacted; null in lists.",
        examples=[{"Name": "invoices", "Versioning": {"Status": "Enabled"}}],
    )


class SnapshotChange(Shape):
    """One difference between two snapshots of a resource."""

    path: Text = Field(
        description="JSON Pointer into the snapshot.", examples=["/document/Versioning/Status"]
    )
    change: Literal["added", "removed", "changed"] = Field(
        description="What happened there.", examples=["changed"]
    )
    before: Any = Field(description="What was there; null if nothing.", examples=["Suspended"])
    after: Any = Field(description="What is there; null if nothing.", examples=["Enabled"])
    shortened: bool = Field(
        description="Whether a value over 1,000 bytes is left out as null.", examples=[False]
    )


class ResourceVersion(Shape):
    """What a resource was for a while: one snapshot, and the audits in a row that saw it."""

    object: Literal["resource_version"] = Field(description="Always `resource_version`.")
    snapshot: Digest = Field(description="SHA-256 of the snapshot.")
    previous_snapshot: Digest | None = Field(
        description="That of the version before; null where no earlier one is known."
    )
    first_audit_id: AuditId = Field(description="The first audit that saw it so.")
    last_audit_id: AuditId = Field(description="The last audit that saw it so.")
    first_seen_at: Time = Field(description="When it was first so.")
    last_seen_at: Time = Field(description="When it was last so.")
    changes: Many[SnapshotChange] = Field(
        description="What changed since the version before; 100 at most."
    )
    changes_left_out: Count = Field(description="How many more changed.", examples=[0])


class Relation(Shape):
    """One thing that a resource refers to."""

    name: Word = Field(description="What the relation is called.", examples=["vpc"])
    id: Word = Field(description="The other's id as the document names it.", examples=["vpc-0a1b"])
    type: Word | None = Field(description="Type of what it means.", examples=["aws.ec2.vpc"])
    resource_id: ResourceId | None = Field(
        description="The resource that it means; null where no audit saw one."
    )
    resource_name: Word | None = Field(
        description="Name of that resource; null if it has none.", examples=["production"]
    )


class ResourceComparison(Shape):
    """What differs between what two audits saw of a resource."""

    object: Literal["resource_comparison"] = Field(description="Always `resource_comparison`.")
    resource_id: ResourceId = Field(description="The resource.")
    from_audit_id: AuditId = Field(description="The audit that is compared with.")
    to_audit_id: AuditId = Field(description="The audit that is compared.")
    from_seen_at: Time = Field(description="When the first saw it.")
    to_seen_at: Time = Field(description="When the second saw it.")
    from_snapshot: Digest = Field(description="SHA-256 of what the first saw.")
    to_snapshot: Digest = Field(description="SHA-256 of what the second saw.")
    changes: Many[SnapshotChange] = Field(description="What differs; 100 at most.")
    changes_left_out: Count = Field(description="How many more differences there are.")


class ResourceGroup(Shape):
    """How many resources are of one group, which has the keys that were asked for."""

    type: Word = Field(default="", description="Their type.", examples=["aws.s3.bucket"])
    service: Word = Field(default="", description="Service of their type.", examples=["s3"])
    provider: Provider = Field(default=FIRST_PROVIDER, description="Their cloud.", examples=["aws"])
    account: Word = Field(default="", description="Their account.", examples=["123456789012"])
    region: Word = Field(default="", description="Their region.", examples=["eu-west-1"])
    connection: Word = Field(
        default="",
        description="Id of the connection that they were found through.",
        examples=["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    state: ResourceState = Field(
        default=ResourceState.PRESENT,
        description="Whether they are still there.",
        examples=["present"],
    )
    owner: Word | None = Field(
        default=None, description="Their owner, by tags; null: nobody.", examples=["ann"]
    )
    tag_key: Word | None = Field(
        default=None, description="Key of a tag of theirs; null: none.", examples=["env"]
    )
    tag: Text | None = Field(
        default=None,
        description="A tag of theirs as the filter takes it; null: none.",
        examples=["env=prod"],
    )
    count: Count = Field(description="How many resources there are.", examples=[17])


class ResourceSummary(Shape):
    """Resources, counted by group."""

    object: Literal["resource_summary"] = Field(description="Always `resource_summary`.")
    group_by: Few[Word] = Field(description="What was counted by, in this order.")
    total: Count = Field(description="How many resources there are in all groups.", examples=[42])
    complete: bool = Field(
        description="Whether every resource was looked at and every group told; false where the"
        " bound of a read ended the count.",
        examples=[True],
    )
    groups: Many[ResourceGroup] = Field(
        description="The groups that have any, in the order of their values.",
        examples=[[{"type": "aws.s3.bucket", "count": 17}]],
    )


class Referrer(Shape):
    """A resource that refers to another."""

    name: Word = Field(description="What its relation is called.", examples=["security_groups"])
    type: Word = Field(description="Its type.", examples=["aws.ec2.instance"])
    native_id: Word = Field(description="The provider's own id of it.")
    resource_name: Word | None = Field(description="Its name; null if it has none.")
    resource_id: ResourceId = Field(description="Its id.")


class ReferrerList(Shape):
    """What refers to a resource."""

    object: Literal["referrers"] = Field(description="Always `referrers`.")
    resource_id: ResourceId = Field(description="The resource.")
    complete: bool = Field(
        description="Whether every resource that may refer to it was looked at and is told; false"
        " where the bound of a read ended the search.",
        examples=[True],
    )
    referrers: Many[Referrer] = Field(description="What refers to it; 200 at most.")


class RelationList(Shape):
    """What a resource refers to."""

    object: Literal["relations"] = Field(description="Always `relations`.")
    resource_id: ResourceId = Field(description="The resource.")
    relations: Many[Relation] = Field(description="Everything that it refers to.")


class Connection(Shape):
    """How CloudSealed reaches one cloud account; it holds no access key."""

    id: ConnectionId = Field(description="The connection's id.")
    object: Literal["connection"] = Field(description="Always `connection`.")
    provider: Provider = Field(description="The cloud that it reaches.", examples=["aws"])
    name: Word = Field(description="Its name, unique in the tenant.", examples=["production"])
    method: ConnectionMethod = Field(
        description="How it gets credentials.", examples=["assume_role"]
    )
    account: Word | None = Field(
        description="The account that it reaches; null until an audit or a test has seen it.",
        examples=["123456789012"],
    )
    role_arn: Word | None = Field(
        description="The role that is assumed; null where none is.", examples=[ROLE]
    )
    context: Word | None = Field(
        description="The context of the server's kubeconfig that leads to a cluster; null for the"
        " current one, and where there are no contexts.",
        examples=[None],
    )
    external_id: Word | None = Field(
        description="What the role's trust policy must ask for; null where no role is assumed.",
        examples=["5f2a9c0d1e7b48369a4cd10e8b7f6a25"],
    )
    regions: Many[Word] | None = Field(
        description="The regions that audits look at; null: every enabled one.",
        examples=[["eu-west-1"]],
    )
    created_at: Time = Field(description="When it was made.")


class MissingPermission(Shape):
    """A call of an audit that the cloud refused to the connection."""

    action: Word = Field(
        description="The permission that it needs.", examples=["s3:ListAllMyBuckets"]
    )
    service: Word = Field(description="The service that was asked.", examples=["s3"])
    operation: Word = Field(description="The operation.", examples=["ListBuckets"])
    region: Word = Field(description="Where it was asked.", examples=["global"])
    error_code: Word | None = Field(
        description="The code that the cloud gave; null if none.", examples=["AccessDenied"]
    )
    curable: bool = Field(
        description="Whether a permission cures it; false where an organisation forbids it.",
        examples=[True],
    )


class ConnectionSetup(Shape):
    """What a connection's role needs in its account, as IAM policies."""

    object: Literal["connection_setup"] = Field(description="Always `connection_setup`.")
    connection_id: ConnectionId = Field(description="The connection.")
    trust_policy: Json | None = Field(
        description="Who may assume the role, and with which external id; null where no role is"
        " assumed, or while the server has no identity of its own that could be trusted.",
        examples=[{"Version": "2012-10-17", "Statement": [{"Action": "sts:AssumeRole"}]}],
    )
    permissions_policy: Json = Field(
        description="The least that audits need.",
        examples=[{"Version": "2012-10-17", "Statement": [{"Action": ["s3:ListAllMyBuckets"]}]}],
    )


class ConnectionTest(Shape):
    """Who a connection is to its cloud and what it may not ask there, or why it cannot be used."""

    object: Literal["connection_test"] = Field(description="Always `connection_test`.")
    connection_id: ConnectionId = Field(description="The connection.")
    ok: bool = Field(description="Whether it can be used.", examples=[True])
    account: Word | None = Field(
        description="The account that it reaches; null where none.", examples=["123456789012"]
    )
    arn: Word | None = Field(
        description="Who it is there; null where nobody.",
        examples=["arn:aws:sts::123456789012:assumed-role/cloudsealed/audit"],
    )
    error: Failure | None = Field(description="Why it cannot be used; null if it can.")
    calls_tried: Count = Field(
        description="How many calls that list resources were tried.", examples=[41]
    )
    missing: Few[MissingPermission] = Field(description="The calls that the cloud refused.")
    iam_statement: Json | None = Field(
        description="What allows what is missing: at AWS an IAM statement, at Kubernetes a"
        " ClusterRole; null where nothing is missing.",
        examples=[{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": "*"}],
    )
    trust_statement: Json | None = Field(
        description="Where the role may not be assumed, what its trust policy has to say.",
        examples=[{"Effect": "Allow", "Action": "sts:AssumeRole"}],
    )


class CollectedType(Shape):
    """A type of resource that audits collect."""

    object: Literal["resource_type"] = Field(description="Always `resource_type`.")
    type: Word = Field(description="Its name.", examples=["aws.s3.bucket"])
    provider: Word = Field(description="Its cloud.", examples=["aws"])
    service: Word = Field(description="Its service.", examples=["s3"])
    listed_by: Word | None = Field(
        description="The call that lists them; null where an account has one.",
        examples=["s3:ListBuckets"],
    )


class DescribedType(CollectedType):
    """A type of resource, and what its documents may hold."""

    document: Json = Field(
        description="Each attribute and its kind: `string`, `integer`, `number`, `boolean`, `time`"
        " (RFC 3339), `map`, null where nobody knows; a list has one element, the kind of each of"
        " its own.",
        examples=[{"Name": "string", "Tags": [{"Key": "string", "Value": "string"}]}],
    )
    calls: Json = Field(
        description="The call that fills an attribute, by its name; `*` fills the others.",
        examples=[{"*": "s3:ListBuckets", "Policy": "s3:GetBucketPolicy"}],
    )
    sample: Json = Field(
        description="A document with every value made up.", examples=[{"Name": "text"}]
    )
