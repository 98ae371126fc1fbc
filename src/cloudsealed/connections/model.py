"""What a connection is: how CloudSealed reaches one cloud account. It holds no access key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.connections.bodies import (
    CONNECTION,
    CONNECTION_CHANGE,
    DETAILS,
    FIXED,
    without_fixed,
)
from cloudsealed.kit.errors import CloudSealedError, NotFoundError
from cloudsealed.kit.shapes import read_body, refuse
from cloudsealed.vocabulary import ConnectionMethod, Provider


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
    """A connection as it stands; `account` is known once it was used or tested. `details` are what
    only its provider's connections say, but for regions."""

    id: str
    provider: Provider
    name: str
    method: ConnectionMethod
    account: str | None
    details: Mapping[str, str]
    external_id: str | None
    regions: tuple[str, ...] | None
    created_at: str

    @property
    def fields(self) -> dict[str, str | None]:
        """What only its provider knows of: by what credentials it is reached."""
        return {**self.details, "external_id": self.external_id}

    def said(self, name: str) -> Any:
        """Return what it says in a field of its body."""
        return self.details.get(name) if name in DETAILS else getattr(self, name)


def read_connection(body: Any, *, ident: str, external_id: str, now: str) -> CloudConnection:
    """Return the connection that a body describes; raises the error of the first bad field."""
    asked = read_body(CONNECTION, body)
    provider = Provider(asked["provider"])
    known = PROVIDERS[provider]
    ways = known.methods
    for name in (*DETAILS, "regions"):
        if asked[name] is not None and name not in known.fields:
            raise refuse(name, f"is no field of a connection to {known.title}")
    given = [way for way, field in ways.items() if field and asked[field] is not None]
    method = ConnectionMethod(asked["method"] or next(iter([*given, *ways])))
    if method not in ways:
        raise refuse("method", f"is no way to {known.title}; there is {', '.join(ways)}")
    for way, field in ways.items():
        if field and (way in given) != (way is method):
            raise refuse(field, f"goes with method {way}, and only with it")
    assumed = method is ConnectionMethod.ASSUME_ROLE
    return CloudConnection(
        ident,
        provider,
        asked["name"],
        method,
        None,
        {name: asked[name] for name in DETAILS if asked[name] is not None},
        external_id if assumed else None,
        asked["regions"],
        now,
    )


def read_change(body: Any, item: CloudConnection) -> CloudConnection:
    """Return a connection as a body changes it; raises the error of the first bad field."""
    for name in FIXED if isinstance(body, dict) else ():
        if name in body and body[name] != item.said(name):
            raise refuse(name, "cannot be changed: make another connection")
    return replace(item, **read_body(CONNECTION_CHANGE, without_fixed(body)))


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
            **{name: connection.said(name) for name in DETAILS},
            "external_id": connection.external_id,
            "regions": connection.regions,
            "created_at": connection.created_at,
        }
    )
