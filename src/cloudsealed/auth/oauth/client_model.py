"""OAuth clients of service accounts, and the rules about them that need no store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cloudsealed.auth.model import Scope, effective, implied
from cloudsealed.auth.oauth.jws import PublicKey
from cloudsealed.vocabulary import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """By what a program gets tokens of a service account: keys of its own, or a secret.

    `role` is the account's of now.
    """

    tenant_id: str
    id: str
    user_id: str
    client_id: str
    name: str
    scopes: tuple[str, ...]
    keys: tuple[PublicKey, ...]
    secret_digest: str | None
    previous_digest: str | None
    previous_until: str | None
    created_at: str
    updated_at: str
    last_used_at: str | None
    last_used_ip: str | None
    role: Role

    @property
    def is_confidential(self) -> bool:
        """Whether it proves who it is: always."""
        return True

    def power(self, names: Iterable[str]) -> frozenset[Scope]:
        """Return what `names` allow: within the registration's scopes and the account's role."""
        allowed = implied(Scope(name) for name in self.scopes)
        return effective((Scope(name) for name in names), self.role) & allowed

    def public(self) -> dict[str, Any]:
        """Return the client as the API shows it."""
        return {
            "id": self.id,
            "object": "oauth_client",
            "user_id": self.user_id,
            "name": self.name,
            "client_id": self.client_id,
            "auth_method": "private_key_jwt" if self.keys else "client_secret",
            "scopes": self.scopes,
            "jwks": {"keys": self.keys} if self.keys else None,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "last_used_at": self.last_used_at,
            "last_used_ip": self.last_used_ip,
        }


@dataclass(frozen=True, slots=True)
class ClientToken:
    """An access token as it is kept."""

    client: Client
    id: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str
    revoked_at: str | None = None
