"""The shapes of OAuth apps and grants."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import AppId, GrantId, Shape, TenantId, Time, UserId, Word
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.bodies import APP_NAME, APP_SCOPES, AUDIENCE, DEVICE, REDIRECTS
from cloudsealed.auth.oauth.model import Audience

_URIS = [["https://app.example.com/callback"]]
_CLIENT = "csci_7Wq3nB0vX2kLd9TzR5yUaE8mHcJ1sPf4hK2mQz"


class OAuthApp(Shape):
    """A third party's program, without its secret."""

    id: AppId = Field(description="The app's id.")
    object: Literal["oauth_app"] = Field(description="Always `oauth_app`.")
    name: str = Field(description=APP_NAME, examples=["Dashboards"])
    client_id: str = Field(description="The `client_id` of OAuth.", examples=[_CLIENT])
    confidential: bool = Field(description="Whether it has a secret.", examples=[True])
    redirect_uris: list[Word] = Field(description=REDIRECTS, examples=_URIS)
    scopes: list[Scope] = Field(description=APP_SCOPES, examples=[["findings:read"]])
    audience: Audience = Field(description=AUDIENCE, examples=["tenant"])
    device_flow: bool = Field(description=DEVICE, examples=[False])
    created_at: Time = Field(description="When it was registered.")
    updated_at: Time = Field(description="When it was last changed.")


class NewOAuthApp(OAuthApp):
    """An app just made, or given a new secret: the only time that it is shown."""

    client_secret: str | None = Field(
        description="The secret; null when the app is public, and when answered again.",
        examples=["cscs_…"],
    )


class OAuthInstallation(Shape):
    """A tenant in which an app is granted, as the app's owner sees it."""

    object: Literal["oauth_installation"] = Field(description="Always `oauth_installation`.")
    app_id: AppId = Field(description="The app.")
    tenant_id: TenantId = Field(description="The tenant in which it is granted.")
    users: int = Field(ge=1, description="How many of its users granted it", examples=[3])
    created_at: Time = Field(description="When the first of those grants was given")
    last_used_at: Time | None = Field(description="When the app last acted for one of them")


class OAuthGrant(Shape):
    """What a user let an app do."""

    id: GrantId = Field(description="The grant's id.")
    object: Literal["oauth_grant"] = Field(description="Always `oauth_grant`.")
    user_id: UserId = Field(description="The user who let it.")
    client_id: str = Field(description="The app's `client_id`.", examples=[_CLIENT])
    app_name: str = Field(description="The app's name.", examples=["Dashboards"])
    scopes: list[Scope] = Field(description="What it may do.", examples=[["findings:read"]])
    created_at: Time = Field(description="When it was granted.")
    expires_at: Time = Field(
        description="When it ends unless it is used.", examples=["2026-05-01T09:30:00.000Z"]
    )
    last_used_at: Time | None = Field(
        description="When it was last used; null while it was not.",
        examples=["2026-02-07T09:30:00.000Z"],
    )
    last_used_ip: str | None = Field(
        description="From which address; null while it was not.", examples=["192.0.2.17"]
    )
