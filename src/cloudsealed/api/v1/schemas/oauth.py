"""The shapes of OAuth apps and grants."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Body, Shape, Time
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
    created_at: Time
    updated_at: Time


class NewOAuthApp(OAuthApp):
    """An app just made, or given a new secret: the only time that it is shown."""

    client_secret: str | None = Field(description="Null when public, and when answered again")


class OAuthInstallation(Shape):
    """A tenant in which an app is granted, as the app's owner sees it."""

    object: Literal["oauth_installation"]
    app_id: str = Field(examples=["app_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    tenant_id: str = Field(examples=["ten_01J8ZQ4X7M2N5P8R1T4V6W9YAC"])
    users: int = Field(ge=1, description="How many of its users granted it", examples=[3])
    created_at: Time = Field(description="When the first of those grants was given")
    last_used_at: Time | None = Field(description="When the app last acted for one of them")


class OAuthAppBody(Body):
    """A new app of the caller's tenant."""

    name: str = Field(examples=["Dashboards"])
    redirect_uris: list[str] = Field(min_length=1, max_length=20, examples=_URIS)
    scopes: list[Scope] = Field(examples=[["findings:read"]])
    confidential: bool = True
    audience: Audience = Audience.TENANT


class OAuthAppChange(Body):
    """What changes of an app; what is absent stays."""

    name: str | None = None
    redirect_uris: list[str] | None = Field(default=None, min_length=1, max_length=20)
    scopes: list[Scope] | None = None
    audience: Audience | None = None


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
