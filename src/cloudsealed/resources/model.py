"""What a resource is, and the immutable snapshot that an audit saw of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.kit.errors import NotFoundError
from cloudsealed.vocabulary import ResourceState


class ResourceNotFoundError(NotFoundError):
    """No resource of the tenant has this id."""

    code = "resource_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("resource", ident)


class NotSeenError(NotFoundError):
    """The audit did not see the resource, or nothing is kept of what it saw."""

    code = "resource_not_seen"

    def __init__(self, ident: str, audit: str) -> None:
        super().__init__("resource", f"{ident} in audit {audit}")


class ResourceTypeNotFoundError(NotFoundError):
    """No type of resource that audits collect has this name."""

    code = "resource_type_not_found"

    def __init__(self, name: str) -> None:
        super().__init__("resource type", name)


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a resource the same one in every audit."""

    provider: str
    account: str
    region: str
    type: str
    native_id: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the newest audit that could read it saw it; `snapshot` is the digest.

    `owner_account` can change it, None being the account that lists it; where it is shared that is
    another.
    """

    id: str
    identity: Identity
    connection_id: str
    name: str | None
    tags: Mapping[str, str]
    relations: Mapping[str, list[str]]
    state: ResourceState
    snapshot: str
    audit_id: str
    observed_at: str
    first_seen_at: str
    last_seen_at: str
    owner_account: str | None = None


def public(resource: Resource) -> bytes:
    """Return a resource's public JSON, its snapshot's document left out (null)."""
    identity = resource.identity
    return orjson.dumps(
        {
            "id": resource.id,
            "object": "resource",
            "provider": identity.provider,
            "account": identity.account,
            "region": identity.region,
            "owner_account": resource.owner_account or identity.account,
            "type": identity.type,
            "native_id": identity.native_id,
            "name": resource.name,
            "state": resource.state,
            "tags": resource.tags,
            "relations": resource.relations,
            "connection_id": resource.connection_id,
            "snapshot": resource.snapshot,
            "audit_id": resource.audit_id,
            "first_seen_at": resource.first_seen_at,
            "last_seen_at": resource.last_seen_at,
            "document": None,
        }
    )


def with_document(public_json: bytes, document: Any) -> bytes:
    """Return a resource's public JSON with its snapshot's document in place of null."""
    assert public_json.endswith(b'"document":null}')
    return public_json[: -len(b"null}")] + orjson.dumps(document) + b"}"
