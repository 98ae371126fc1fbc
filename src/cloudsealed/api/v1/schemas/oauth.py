"""The shapes of OAuth apps and grants."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Shape, Time, absent
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.model import Audience

_URIS = [["https://app.example.com/callback"]]


class OAuthApp(Shape):
    """A third party's program, without its secret."""

    id: str = Field(examples=["app_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["oauth_app"]
    name: str = Field(examples=["Dashboards"])
    client_id: str
    confidential: bool = Field(description="Whether it has a secret")
    redirect_uris: list[str] = Field(examples=_URIS)
    scopes: list[Scope] = Field(description="The most that it can be granted")
    audience: Audience
    device_flow: bool = Field(
        description="Whether it may ask users by a code that they enter on `/device` (RFC 8628)",
        examples=[False],
    )
    created_at: Time
    updated_at: Time


class NewOAuthApp(OAuthApp):
    """An app just made, or given a new secret: the only time that it is shown."""

    client_secret: str | None = Field(description="Null when public, and when answered again")


class OAuthAppBody(Body):
    """A new app of the caller's tenant."""

    name: str = Field(examples=["Dashboards"])
    redirect_uris: list[str] = Field(min_length=1, max_length=20, examples=_URIS)
    scopes: list[Scope] = Field(examples=[["findings:read"]])
    confidential: bool = True
    audience: Audience = Audience.TENANT
    device_flow: bool = Field(
        default=False,
        description="Let it ask users by a code that they enter on `/device` (RFC 8628). Anyone who"
        " knows the client id of a public app can ask so in its name",
        examples=[False],
    )


class OAuthAppChange(Body):
    """What changes of an app; what is absent stays."""

    name: str | None = None
    redirect_uris: list[str] | None = Field(default=None, min_length=1, max_length=20)
    scopes: list[Scope] | None = None
    audience: Audience | None = None
    device_flow: bool = absent("Whether it may ask users by a code (RFC 8628)", examples=[False])


class OAuthSecretRotation(Body):
    """How long the old secret still works beside the new one."""

    overlap_seconds: int = Field(default=0, ge=0, le=86400)


class OAuthGrant(Shape):
    """What a user let an app do."""

    id: str = Field(examples=["gra_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    object: Literal["oauth_grant"]
    user_id: str
    client_id: str
    app_name: str = Field(examples=["Dashboards"])
    scopes: list[Scope]
    created_at: Time
    expires_at: Time
    last_used_at: Time | None
    last_used_ip: str | None
