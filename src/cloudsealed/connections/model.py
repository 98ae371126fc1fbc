"""What a connection is: how CloudSealed reaches one cloud account. It holds no access key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.kit.fields import Fields
from cloudsealed.vocabulary import ConnectionMethod, Provider

FIELDS = ("provider", "name", "method", "role_arn", "regions")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


class ConnectionNotFoundError(NotFoundError):
    """No connection of the tenant has this id."""

    code = "connection_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("connection", ident)


class AmbientCredentialsNotAllowedError(CloudSealedError):
    """The process's own credentials belong to no single tenant of this installation."""

    code = "ambient_credentials_not_allowed"
    status = 422
    remedy = (
        "Give the connection a `role_arn`, or name this tenant in "
        "`CLOUDSEALED_AMBIENT_CREDENTIALS`."
    )

    def __init__(self, message: str, field: str | None = None) -> None:
        named = [{"field": field, "code": self.code, "message": message}] if field else []
        super().__init__(message, details=named)


@dataclass(frozen=True, slots=True)
class CloudConnection:
    """A connection as it stands; `account` is known once it was used or tested."""

    id: str
    provider: Provider
    name: str
    method: ConnectionMethod
    account: str | None
    role_arn: str | None
    external_id: str | None
    regions: tuple[str, ...] | None
    created_at: str


def read_body(body: Any, *, ident: str, external_id: str, now: str) -> CloudConnection:
    """Return the connection that a body describes; raises the error of the first bad field."""
    fields = Fields(body, FIELDS)
    provider = Provider(fields.text("provider", choices=tuple(Provider)))
    name = fields.text("name", longest=100)
    choices = (ConnectionMethod.AMBIENT, ConnectionMethod.ASSUME_ROLE)
    role_arn = fields.optional_text("role_arn")
    default = ConnectionMethod.ASSUME_ROLE if role_arn else ConnectionMethod.AMBIENT
    method = ConnectionMethod(fields.optional_text("method", choices=choices) or default)
    if (method is ConnectionMethod.ASSUME_ROLE) != (role_arn is not None):
        raise fields.refuse("role_arn", "goes with method assume_role, and only with it")
    if role_arn is not None and not _ROLE.fullmatch(role_arn):
        raise fields.refuse("role_arn", "must be the ARN of an IAM role")
    regions = read_regions(fields)
    assumed = method is ConnectionMethod.ASSUME_ROLE
    return CloudConnection(
        ident,
        provider,
        name,
        method,
        None,
        role_arn,
        external_id if assumed else None,
        regions,
        now,
    )


def read_regions(fields: Fields) -> tuple[str, ...] | None:
    """Return the regions that a body names; None means all."""
    regions = fields.texts("regions", most=50)
    for region in regions or ():
        if not _REGION.fullmatch(region):
            raise fields.refuse("regions", f"names no region: {region}")
    return regions


def public(connection: CloudConnection) -> bytes:
    """Return a connection's public JSON."""
    return orjson.dumps(
        {
            "id": connection.id,
            "object": "connection",
            "provider": connection.provider,
            "name": connection.name,
            "method": connection.method,
            "account": connection.account,
            "role_arn": connection.role_arn,
            "external_id": connection.external_id,
            "regions": connection.regions,
            "created_at": connection.created_at,
        }
    )
