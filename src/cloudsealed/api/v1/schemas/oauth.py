"""The shapes of OAuth apps and grants."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from cloudsealed.api.v1.schemas.base import (
    AppId,
    Body,
    GrantId,
    Shape,
    TenantId,
    Time,
    UserId,
    Word,
    optional,
    shown,
)
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.model import Audience

RedirectUri = TypeAliasType(
    "RedirectUri",
    Annotated[
        str,
        Field(
            max_length=2048,
            pattern=r"^[^\u0000]*$",
            description="Where a user is sent back to.",
            examples=["https://app.example.com/callback"],
        ),
    ],
)
_URIS = [["https://app.example.com/callback"]]
_CLIENT = "csci_7Wq3nB0vX2kLd9TzR5yUaE8mHcJ1sPf4hK2mQz"
_NAME = "What users see when they are asked for consent."
_REDIRECTS = "Where users may be sent back to, exactly; on the loopback any port is taken."
_SCOPES = "The most that users can grant it."
_DEVICE = "Whether it may ask users by a code that they enter on `/device` (RFC 8628)."
_AUDIENCE = "Whose users may grant it: the tenant's own, or every tenant's."


class OAuthApp(Shape):
    """A third party's program, without its secret."""

    id: AppId = Field(description="The app's id.")
    object: Literal["oauth_app"] = Field(description="Always `oauth_app`.")
    name: str = Field(description=_NAME, examples=["Dashboards"])
    client_id: str = Field(description="The `client_id` of OAuth.", examples=[_CLIENT])
    confidential: bool = Field(description="Whether it has a secret.", examples=[True])
    redirect_uris: list[Word] = Field(description=_REDIRECTS, examples=_URIS)
    scopes: list[Scope] = Field(description=_SCOPES, examples=[["findings:read"]])
    audience: Audience = Field(description=_AUDIENCE, examples=["tenant"])
    device_flow: bool = Field(description=_DEVICE, examples=[False])
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


class OAuthAppBody(Body):
    """A new app of the caller's tenant."""

    name: str = Field(description=_NAME, examples=["Dashboards"])
    redirect_uris: list[RedirectUri] = Field(
        min_length=1, max_length=20, description=_REDIRECTS, examples=_URIS
    )
    scopes: list[Scope] = Field(description=_SCOPES, examples=[["findings:read"]])
    confidential: bool = Field(
        default=True,
        description="Whether it can keep a secret; one that cannot uses PKCE.",
        examples=[True],
    )
    audience: Audience = Field(default=Audience.TENANT, description=_AUDIENCE, examples=["tenant"])
    device_flow: bool = Field(
        default=False,
        description=f"{_DEVICE} Whoever knows a public app's client id can ask so in its name.",
        examples=[False],
    )


class OAuthAppChange(Body):
    """What changes of an app; what is absent stays."""

    model_config = shown({"name": "Dashboards", "scopes": ["findings:read", "resources:read"]})

    name: str | None = Field(default=None, description=_NAME, examples=["Dashboards"])
    redirect_uris: list[RedirectUri] | None = Field(
        default=None, min_length=1, max_length=20, description=_REDIRECTS, examples=_URIS
    )
    scopes: list[Scope] | None = Field(
        default=None, description=_SCOPES, examples=[["findings:read", "resources:read"]]
    )
    audience: Audience | None = Field(
        default=None, description=_AUDIENCE, examples=["installation"]
    )
    device_flow: bool = optional(True, _DEVICE)


class OAuthSecretRotation(Body):
    """How long the old secret still works beside the new one."""

    model_config = shown({"overlap_seconds": 3600})

    overlap_seconds: int = Field(
        default=0,
        ge=0,
        le=86400,
        json_schema_extra={"format": "int32"},
        description="Seconds until the old secret ends; 0: at once.",
        examples=[3600],
    )


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
