"""The shapes of OAuth clients of service accounts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloudsealed.api.v1.schemas.base import (
    Body,
    Few,
    Name,
    OAuthClientId,
    Shape,
    Time,
    UserId,
    Word,
    absent,
)
from cloudsealed.auth.model import Scope
from cloudsealed.auth.oauth.assertions import MOST_KEYS

_X, _Y = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)
_Part = Annotated[str, Field(max_length=2048, pattern="^[A-Za-z0-9_-]+$")]


class PublicKey(BaseModel):
    """A public key as a JWK (RFC 7517): RSA of 2048 to 4096 bits, EC on P-256 or OKP on Ed25519.

    Members that it has besides, such as `x5c`, are left out of what is kept.
    """

    model_config = ConfigDict(extra="allow")

    kty: Literal["RSA", "EC", "OKP"] = Field(description="Kind of the key", examples=["EC"])
    kid: Annotated[str, Field(min_length=1, max_length=255)] = absent(
        "Name by which a JWT says that this key signed it", examples=["2026-01"]
    )
    alg: Literal["RS256", "PS256", "ES256", "EdDSA"] = absent(
        "The only algorithm that it signs with; else all that its kind has", examples=["ES256"]
    )
    crv: Literal["P-256", "Ed25519"] = absent("Curve of an EC or OKP key", examples=["P-256"])
    x: _Part = absent("First coordinate of an EC key, or an OKP key, in base64url", examples=[_X])
    y: _Part = absent("Second coordinate of an EC key, in base64url", examples=[_Y])
    n: _Part = absent("Modulus of an RSA key, in base64url", examples=["0vx7agoebGcQ"])
    e: _Part = absent("Exponent of an RSA key, in base64url", examples=["AQAB"])


_SET: Any = {"keys": [{"kty": "EC", "kid": "2026-01", "crv": "P-256", "x": _X, "y": _Y}]}


class PublicKeySet(Body):
    """The public keys of a client (RFC 7517): two of them while one follows another."""

    keys: list[PublicKey] = Field(
        min_length=1, max_length=MOST_KEYS, description="The keys, any of which may have signed"
    )


class OAuthClient(Shape):
    """By what a program gets access tokens of a service account, without its secret."""

    id: OAuthClientId = Field(description="Id of the client here")
    object: Literal["oauth_client"] = Field(description="What this is", examples=["oauth_client"])
    user_id: UserId = Field(description="Service account that it acts as")
    name: Word = Field(description="What people call it", examples=["nightly export"])
    client_id: Word = Field(
        description="What it calls itself at `/oauth/token`",
        examples=["csci_…"],
    )
    auth_method: Literal["private_key_jwt", "client_secret"] = Field(
        description="How it proves itself: by a JWT that its key signs, or by a secret",
        examples=["private_key_jwt"],
    )
    scopes: Few[Scope] = Field(
        description="The most that its tokens can do; the account's role bounds them too",
        examples=[["findings:read"]],
    )
    jwks: PublicKeySet | None = Field(
        description="Its public keys; null for one with a secret", examples=[_SET]
    )
    created_at: Time = Field(description="When it was registered")
    updated_at: Time = Field(description="When it was last changed")
    last_used_at: Time | None = Field(description="When a token of it was last used")
    last_used_ip: Word | None = Field(
        description="From where a token of it was last used", examples=["192.0.2.1"]
    )


class NewOAuthClient(OAuthClient):
    """A client just registered, or given a new secret: the only time that it is shown."""

    client_secret: Word | None = Field(
        description="The secret; null for one with keys, and when answered again",
        examples=["cscs_…"],
    )


class OAuthClientBody(Body):
    """A new client of a service account, with no more power than the credential that asks."""

    user_id: UserId = Field(description="Service account that it acts as")
    name: Name = Field(description="What people call it", examples=["nightly export"])
    scopes: list[Scope] = Field(
        min_length=1,
        max_length=len(Scope),
        json_schema_extra={"uniqueItems": True},
        description="The most that its tokens can do, within the account's role",
        examples=[["findings:read"]],
    )
    jwks: PublicKeySet = absent(
        "Public keys by which it proves itself with `private_key_jwt`, given here, never fetched;"
        " without them it gets a secret",
        examples=[_SET],
    )


class OAuthClientChange(Body):
    """What changes of a client; what is absent stays."""

    name: Name = absent("What people call it", examples=["nightly export"])
    scopes: list[Scope] = absent(
        "The most that its tokens can do; fewer hold at once",
        examples=[["findings:read"]],
        min_length=1,
        max_length=len(Scope),
    )
    jwks: PublicKeySet = absent(
        "Its public keys from now on, all of them; not for one with a secret", examples=[_SET]
    )


class OAuthClientRotation(Body):
    """How long the old secret still works beside the new one."""

    overlap_seconds: int = Field(
        default=0, ge=0, le=86400, json_schema_extra={"format": "int32"},
        description="Seconds for which the old secret is good, a day at most", examples=[3600],
    )  # fmt: skip
