"""The shapes of OAuth clients of service accounts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cloudsealed.api.v1.schemas.base import Few, Json, OAuthClientId, Shape, Time, UserId, Word
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.bodies import CLIENT_NAME, CLIENT_SCOPES, KEY_SET

_CLIENT, _SECRET = "csci_…", "cscs_…"


class OAuthClient(Shape):
    """By what a program gets access tokens of a service account, without its secret."""

    id: OAuthClientId = Field(description="The client's id here.")
    object: Literal["oauth_client"] = Field(description="Always `oauth_client`.")
    user_id: UserId = Field(description="Service account that it acts as.")
    name: Word = Field(description=CLIENT_NAME, examples=["nightly export"])
    client_id: Word = Field(description="The `client_id` of OAuth.", examples=[_CLIENT])
    auth_method: Literal["private_key_jwt", "client_secret"] = Field(
        description="How it proves itself: by a JWT that its key signs, or by a secret.",
        examples=["private_key_jwt"],
    )
    scopes: Few[Scope] = Field(description=CLIENT_SCOPES, examples=[["findings:read"]])
    jwks: Json | None = Field(
        description="Its public keys; null for one with a secret.", examples=[KEY_SET]
    )
    created_at: Time = Field(description="When it was registered.")
    updated_at: Time = Field(description="When it was last changed.")
    last_used_at: Time | None = Field(
        description="When a token of it was last used; null for never.",
        examples=["2026-02-03T10:00:00.000Z"],
    )
    last_used_ip: Word | None = Field(
        description="From where a token of it was last used; null for never.",
        examples=["192.0.2.1"],
    )


class NewOAuthClient(OAuthClient):
    """A client just registered, or given a new secret: the only time that it is shown."""

    client_secret: Word | None = Field(
        description="The secret; null for one with keys, and when answered again.",
        examples=[_SECRET],
    )
