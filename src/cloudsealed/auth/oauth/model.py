"""Apps, grants and the rules about them that need no store."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from cloudsealed.auth.model import Scope, effective, implied
from cloudsealed.vocabulary import Role

ACCESS, REFRESH, CODE = "csat_", "csrt_", "csac_"
CLIENT, SECRET = "csci_", "cscs_"

CODE_SECONDS = 60
ACCESS_SECONDS = 3600
REFRESH_DAYS = 30  # after it was given
GRANT_DAYS = 90  # after the consent, however often tokens are refreshed
REPEAT_SECONDS = 10  # in which a used refresh token gives its successor again

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class HasSecret(Protocol):
    """What has a secret, and for a while perhaps the one before."""

    @property
    def secret_digest(self) -> str | None:
        """The digest of the secret."""

    @property
    def previous_digest(self) -> str | None:
        """The digest of the one before."""

    @property
    def previous_until(self) -> str | None:
        """Until when that one is good."""


def accepts(holder: HasSecret, digests: Iterable[str], now: str) -> bool:
    """Say whether one of a secret's digests is the holder's, or its previous one's in overlap."""
    kept = [holder.secret_digest or ""]
    if holder.previous_digest is not None and now < (holder.previous_until or ""):
        kept.append(holder.previous_digest)
    return any(hmac.compare_digest(one, own) for one in digests for own in kept)


class Audience(StrEnum):
    """Whose users may grant an app: its own tenant's, or every tenant's."""

    TENANT = "tenant"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A third party's program. `secret_digest` is None when it is public (RFC 6749, 2.1)."""

    tenant_id: str
    id: str
    client_id: str
    name: str
    secret_digest: str | None
    previous_digest: str | None
    previous_until: str | None
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    audience: Audience
    created_at: str
    updated_at: str
    device_flow: bool = False

    @property
    def is_confidential(self) -> bool:
        """Whether it can keep a secret."""
        return self.secret_digest is not None

    def accepts(self, digests: Iterable[str], now: str) -> bool:
        """Say whether one of a secret's digests is the app's, or its previous one's in overlap."""
        return accepts(self, digests, now)

    def may_be_granted_in(self, tenant: str) -> bool:
        """Say whether users of a tenant may grant it."""
        return self.audience is Audience.INSTALLATION or tenant == self.tenant_id

    def public(self) -> dict[str, Any]:
        """Return the app as the API shows it."""
        return {
            "id": self.id,
            "object": "oauth_app",
            "name": self.name,
            "client_id": self.client_id,
            "confidential": self.is_confidential,
            "redirect_uris": self.redirect_uris,
            "scopes": self.scopes,
            "audience": self.audience,
            "device_flow": self.device_flow,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        }


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user lets an app do, as it is shown; its end ends every token that came of it."""

    id: str
    user_id: str
    client_id: str
    app_name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str
    last_used_at: str | None
    last_used_ip: str | None

    def public(self) -> dict[str, Any]:
        """Return the grant as the API shows it."""
        return {
            "id": self.id,
            "object": "oauth_grant",
            "user_id": self.user_id,
            "client_id": self.client_id,
            "app_name": self.app_name,
            "scopes": self.scopes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "last_used_at": self.last_used_at,
            "last_used_ip": self.last_used_ip,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """A grant that is in force, as its credentials are judged by; `scopes` are those of the last
    consent."""

    tenant_id: str
    grant_id: str
    user_id: str
    client_id: str
    scopes: tuple[str, ...]
    app_scopes: tuple[str, ...]
    role: Role
    expires_at: str

    def power(self, names: Iterable[str]) -> frozenset[Scope]:
        """Return what `names` allow: within the app's scopes, the grant's and the user's role, all
        as they are now."""
        allowed = implied(Scope(name) for name in self.app_scopes)
        granted = implied(Scope(name) for name in self.scopes)
        return effective((Scope(name) for name in names), self.role) & allowed & granted


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code as it is kept, with the grant that it stands for; its id names the
    family of tokens that it gives."""

    grant: Standing
    id: str
    scopes: tuple[str, ...]
    expires_at: str
    redirect_uri: str
    redirect_sent: bool
    challenge: str | None
    redeemed_at: str | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access or refresh token as it is kept; a refresh token's scopes are its family's."""

    grant: Standing
    family: str
    id: str
    kind: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str
    consumed_at: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request, checked. `redirect_sent` says whether it named its redirect URI."""

    app: App
    redirect_uri: str
    redirect_sent: bool
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None


def is_challenge(text: str) -> bool:
    """Say whether `text` has the form of an S256 challenge (RFC 7636, section 4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def verifies(verifier: str, challenge: str) -> bool:
    """Say whether a verifier is the one of an S256 challenge (RFC 7636, section 4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(hashed.rstrip(b"="), challenge.encode())


def ordered(scopes: Iterable[Scope]) -> tuple[str, ...]:
    """Return the names of scopes in the order in which they are declared."""
    given = frozenset(scopes)
    return tuple(scope.value for scope in Scope if scope in given)


def named(wanted: Iterable[str], power: frozenset[Scope]) -> tuple[str, ...]:
    """Return how a token's power is told: as it was asked for, if it is all there."""
    asked = frozenset(Scope(name) for name in wanted)
    return ordered(asked if asked <= power else implied(asked) & power)
