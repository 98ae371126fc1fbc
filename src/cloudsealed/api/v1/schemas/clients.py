"""The shapes of OAuth clients of service accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloudsealed.api.v1.schemas.base import (
    Body,
    Few,
    Json,
    Name,
    OAuthClientId,
    Shape,
    Time,
    UserId,
    Word,
    optional,
    shown,
)
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.assertions import MOST_KEYS

_X, _Y = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)
_SET: Any = {"keys": [{"kty": "EC", "kid": "2026-01", "crv": "P-256", "x": _X, "y": _Y}]}
_NAME = "What people call it."
_SCOPES = "The most that its tokens can do; the account's role bounds them too."
_CLIENT, _SECRET = "csci_…", "cscs_…"
_Part = Annotated[str, Field(max_length=2048, pattern="^[A-Za-z0-9_-]+$")]
_Scopes = Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]


class PublicKey(BaseModel):
    """A public key as a JWK (RFC 7517): RSA of 2048 to 4096 bits, EC on P-256 or OKP on Ed25519.

    Members that it has besides, such as `x5c`, are left out of what is kept.
    """

    model_config = ConfigDict(extra="allow")

    kty: Literal["RSA", "EC", "OKP"] = Field(description="Kind of the key.", examples=["EC"])
    kid: Annotated[str, Field(min_length=1, max_length=255)] = optional(
        "2026-01", "Name by which a JWT says that this key signed it."
    )
    alg: Literal["RS256", "PS256", "ES256", "EdDSA"] = optional(
        "ES256", "The only algorithm that it signs with; left out: all that its kind has."
    )
    crv: Literal["P-256", "Ed25519"] = optional("P-256", "Curve of an EC or OKP key.")
    x: _Part = optional(_X, "First coordinate of an EC key, or an OKP key, in base64url.")
    y: _Part = optional(_Y, "Second coordinate of an EC key, in base64url.")
    n: _Part = optional("0vx7agoebGcQ", "Modulus of an RSA key, in base64url.")
    e: _Part = optional("AQAB", "Exponent of an RSA key, in base64url.")


class PublicKeySet(Body):
    """The public keys of a client (RFC 7517): two of them while one follows another."""

    model_config = shown(_SET)

    keys: list[PublicKey] = Field(
        min_length=1,
        max_length=MOST_KEYS,
        description="The keys, any of which may have signed.",
        examples=[_SET["keys"]],
    )


class OAuthClient(Shape):
    """By what a program gets access tokens of a service account, without its secret."""

    id: OAuthClientId = Field(description="The client's id here.")
    object: Literal["oauth_client"] = Field(description="Always `oauth_client`.")
    user_id: UserId = Field(description="Service account that it acts as.")
    name: Word = Field(description=_NAME, examples=["nightly export"])
    client_id: Word = Field(description="The `client_id` of OAuth.", examples=[_CLIENT])
    auth_method: Literal["private_key_jwt", "client_secret"] = Field(
        description="How it proves itself: by a JWT that its key signs, or by a secret.",
        examples=["private_key_jwt"],
    )
    scopes: Few[Scope] = Field(description=_SCOPES, examples=[["findings:read"]])
    jwks: Json | None = Field(
        description="Its public keys; null for one with a secret.", examples=[_SET]
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


class OAuthClientBody(Body):
    """A new client of a service account, with no more power than the credential that asks."""

    user_id: UserId = Field(description="Service account that it acts as.")
    name: Name = Field(description=_NAME, examples=["nightly export"])
    scopes: _Scopes = Field(description=_SCOPES, examples=[["findings:read"]])
    jwks: PublicKeySet | None = Field(
        default=None,
        description="Public keys by which it proves itself with `private_key_jwt`, given here,"
        " never fetched; left out or null: it gets a secret.",
        examples=[_SET],
    )


class OAuthClientChange(Body):
    """What changes of a client; what is left out or null stays."""

    model_config = shown({"scopes": ["findings:read"]})

    name: Name | None = Field(default=None, description=_NAME, examples=["nightly export"])
    scopes: _Scopes | None = Field(default=None, description=_SCOPES, examples=[["findings:read"]])
    jwks: PublicKeySet | None = Field(
        default=None,
        description="All of its public keys from now on; not for one with a secret.",
        examples=[_SET],
    )


class OAuthClientRotation(Body):
    """How long the old secret still works beside the new one."""

    model_config = shown({"overlap_seconds": 3600})

    overlap_seconds: int = Field(
        default=0,
        ge=0,
        le=86400,
        json_schema_extra={"format": "int32"},
        description="Seconds for which the old secret is good, a day at most.",
        examples=[3600],
    )
