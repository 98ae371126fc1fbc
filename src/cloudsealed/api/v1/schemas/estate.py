"""The shapes of resources and connections."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Json, Shape, Time
from cloudsealed.vocabulary import ConnectionMethod, Provider, ResourceState


class Resource(Shape):
    """A cloud object, as the newest audit that could read it saw it."""

    id: str = Field(examples=["res_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["resource"]
    provider: Provider
    account: str = Field(examples=["123456789012"])
    region: str = Field(examples=["eu-west-1"])
    type: str = Field(examples=["aws.s3.bucket"])
    native_id: str = Field(examples=["arn:aws:s3:::invoices"])
    name: str | None = Field(examples=["invoices"])
    state: ResourceState
    tags: dict[str, str] = Field(examples=[{"env": "prod"}])
    relations: dict[str, list[str]]
    connection_id: str
    snapshot: str = Field(description="SHA-256 of the snapshot")
    audit_id: str
    first_seen_at: Time
    last_seen_at: Time
    document: Any = Field(description="The snapshot, secrets redacted; null in lists")


class Relations(Shape):
    """What a resource refers to."""

    object: Literal["relations"]
    resource_id: str
    relations: list[Json] = Field(examples=[[{"name": "vpc", "id": "vpc-0a1b"}]])


class Connection(Shape):
    """How CloudSealed reaches one cloud account; it holds no access key."""

    id: str = Field(examples=["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["connection"]
    provider: Provider
    name: str = Field(examples=["production"])
    method: ConnectionMethod
    account: str | None = Field(examples=["123456789012"])
    role_arn: str | None = Field(examples=["arn:aws:iam::123456789012:role/cloudsealed"])
    external_id: str | None
    regions: list[str] | None = Field(examples=[["eu-west-1"]])
    created_at: Time


class ConnectionBody(Body):
    """A new connection."""

    provider: Provider
    name: str = Field(examples=["production"])
    method: Literal["ambient", "assume_role"] | None = None
    role_arn: str | None = None
    regions: list[str] | None = None


class ConnectionPatch(Body):
    """A change of a connection's name or regions."""

    name: str | None = Field(default=None, examples=["staging"])
    regions: list[str] | None = None


class ConnectionTest(Shape):
    """Who a connection is to its cloud, or why it cannot be used."""

    object: Literal["connection_test"]
    connection_id: str
    ok: bool
    account: str | None
    arn: str | None
    error: Json | None
