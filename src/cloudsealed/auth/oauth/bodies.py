"""What bodies about OAuth apps and clients may say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cloudsealed.auth.bodies import SCOPES, USER_ID, rotation
from cloudsealed.auth.oauth.assertions import LONGEST_KEY_NAME, MOST_KEYS, BadKeyError, public_keys
from cloudsealed.auth.oauth.model import Audience
from cloudsealed.kit.shapes import (
    NAME,
    Component,
    Flag,
    FormError,
    Many,
    Part,
    Path,
    Record,
    Shape,
    Text,
    Texts,
    mapping,
    refuse_all,
    unknown,
    words,
)

MOST_REDIRECT_URIS = 20
_X, _Y = (
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
)
KEY_SET: Any = {"keys": [{"kty": "EC", "kid": "2026-01", "crv": "P-256", "x": _X, "y": _Y}]}
REDIRECT_URI = Component(
    "RedirectUri",
    Text(longest=2048, told=r"^[^\u0000]*$", least=0),
    "Where a user is sent back to.",
    ("https://app.example.com/callback",),
)
APP_NAME = "What users see when they are asked for consent."
REDIRECTS = "Where users may be sent back to, exactly; on the loopback any port is taken."
APP_SCOPES = "The most that users can grant it."
DEVICE = "Whether it may ask users by a code that they enter on `/device` (RFC 8628)."
AUDIENCE = "Whose users may grant it: the tenant's own, or every tenant's."
CLIENT_NAME = "What people call it."
CLIENT_SCOPES = "The most that its tokens can do; the account's role bounds them too."
_URIS = ["https://app.example.com/callback"]

_APP = {
    "name": Part(NAME, APP_NAME, example="Dashboards"),
    "redirect_uris": Part(Texts(REDIRECT_URI, most=MOST_REDIRECT_URIS), REDIRECTS, example=_URIS),
    "scopes": Part(SCOPES, APP_SCOPES, example=["findings:read", "resources:read"]),
    "audience": Part(words(Audience), AUDIENCE, example="installation"),
    "device_flow": Part(Flag(), DEVICE, example=True),
}
CHANGEABLE = tuple(_APP)
"""What can change of an app."""

APP = Component(
    "OAuthAppBody",
    Record(
        {
            "name": replace(_APP["name"], needed=True),
            "redirect_uris": replace(_APP["redirect_uris"], needed=True),
            "scopes": replace(_APP["scopes"], needed=True, example=["findings:read"]),
            "confidential": Part(
                Flag(),
                "Whether it can keep a secret; one that cannot uses PKCE.",
                default=True,
                example=True,
            ),
            "audience": replace(_APP["audience"], default=Audience.TENANT.value, example="tenant"),
            "device_flow": replace(
                _APP["device_flow"],
                doc=f"{DEVICE} Whoever knows a public app's client id can ask so in its name.",
                default=False,
                example=False,
            ),
        }
    ),
    "A new app of the caller's tenant.",
)

APP_CHANGE = Component(
    "OAuthAppChange",
    Record(_APP),
    "What changes of an app; what is absent stays.",
    ({"name": "Dashboards", "scopes": ["findings:read", "resources:read"]},),
)

SECRET_ROTATION = rotation(
    "OAuthSecretRotation", "secret", "Seconds until the old secret ends; 0: at once."
)


@dataclass(frozen=True)
class _KeySet(Record):
    """A JWK set, whose keys `public_keys` reads: no more is said of them than that they are bad."""

    def read(self, value: Any, at: Path = ()) -> Any:
        refuse_all(unknown(mapping(value, at), self.known, at))
        try:
            return public_keys(value)
        except BadKeyError as error:
            raise FormError(at, str(error)) from error


_PART = Text(longest=2048, told="^[A-Za-z0-9_-]+$", least=0)


def _said(shape: Shape, example: str, doc: str) -> Part:
    return Part(shape, doc, example=example, told=True)


_PUBLIC_KEY = Component(
    "PublicKey",
    Record(
        {
            "kty": Part(words(("RSA", "EC", "OKP")), "Kind of the key.", needed=True, example="EC"),
            "kid": _said(
                Text(longest=LONGEST_KEY_NAME, told=r"^[^\u0000]*$"),
                "2026-01",
                "Name by which a JWT says that this key signed it.",
            ),
            "alg": _said(
                words(("RS256", "PS256", "ES256", "EdDSA")),
                "ES256",
                "The only algorithm that it signs with; left out: all that its kind has.",
            ),
            "crv": _said(words(("P-256", "Ed25519")), "P-256", "Curve of an EC or OKP key."),
            "x": _said(_PART, _X, "First coordinate of an EC key, or an OKP key, in base64url."),
            "y": _said(_PART, _Y, "Second coordinate of an EC key, in base64url."),
            "n": _said(_PART, "0vx7agoebGcQ", "Modulus of an RSA key, in base64url."),
            "e": _said(_PART, "AQAB", "Exponent of an RSA key, in base64url."),
        },
        is_open=True,
    ),
    "A public key as a JWK (RFC 7517): RSA of 2048 to 4096 bits, EC on P-256 or OKP on Ed25519.\n\n"
    "Members that it has besides, such as `x5c`, are left out of what is kept.",
)

_KEY_SET = Component(
    "PublicKeySet",
    _KeySet(
        {
            "keys": Part(
                Many(_PUBLIC_KEY, least=1, most=MOST_KEYS),
                "The keys, any of which may have signed.",
                needed=True,
                example=KEY_SET["keys"],
            )
        }
    ),
    "The public keys of a client (RFC 7517): two of them while one follows another.",
    (KEY_SET,),
)
_JWKS = Part(
    _KEY_SET, "All of its public keys from now on; not for one with a secret.", example=KEY_SET
)
_CLIENT = {
    "name": Part(NAME, CLIENT_NAME, example="nightly export"),
    "scopes": Part(SCOPES, CLIENT_SCOPES, example=["findings:read"]),
    "jwks": _JWKS,
}

CLIENT = Component(
    "OAuthClientBody",
    Record(
        {
            "user_id": Part(USER_ID, "Service account that it acts as.", needed=True, example=None),
            "name": replace(_CLIENT["name"], needed=True),
            "scopes": replace(_CLIENT["scopes"], needed=True),
            "jwks": replace(
                _JWKS,
                doc="Public keys by which it proves itself with `private_key_jwt`, given here,"
                " never fetched; left out or null: it gets a secret.",
            ),
        }
    ),
    "A new client of a service account, with no more power than the credential that asks.",
)

CLIENT_CHANGE = Component(
    "OAuthClientChange",
    Record(_CLIENT),
    "What changes of a client; what is left out or null stays.",
    ({"scopes": ["findings:read"]},),
)

CLIENT_ROTATION = rotation(
    "OAuthClientRotation", "secret", "Seconds for which the old secret is good, a day at most."
)
