"""Scopes, roles and callers. A credential's power is its scopes within its owner's role now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address

from cloudsealed.auth.errors import InsufficientScopeError, InvalidScopeError
from cloudsealed.events.deed import Actor
from cloudsealed.vocabulary import Role

Network = IPv4Network | IPv6Network


class Scope(StrEnum):
    """What a credential may do; `x:write` implies `x:read`, `admin` everything of its tenant."""

    FINDINGS_READ = "findings:read"
    FINDINGS_WRITE = "findings:write"
    RESOURCES_READ = "resources:read"
    AUDITS_READ = "audits:read"
    AUDITS_WRITE = "audits:write"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    REPORTS_READ = "reports:read"
    REPORTS_WRITE = "reports:write"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    SCHEDULES_READ = "schedules:read"
    SCHEDULES_WRITE = "schedules:write"
    VIEWS_READ = "views:read"
    VIEWS_WRITE = "views:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"
    APPS_READ = "apps:read"
    APPS_WRITE = "apps:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    EVIDENCE_READ = "evidence:read"
    EVENTS_READ = "events:read"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)

_SENSITIVE = {Scope.EVIDENCE_READ, Scope.USERS_READ, Scope.EVENTS_READ}
_READS = {scope for scope in Scope if scope.endswith(":read")}
_OWN = {Scope.TOKENS_READ, Scope.TOKENS_WRITE, Scope.VIEWS_READ, Scope.VIEWS_WRITE}
_EDITED = ("findings", "audits", "policies", "connections", "schedules", "webhooks")

_VIEWER = frozenset((_READS - _SENSITIVE) | _OWN)
_AUDITOR = _VIEWER | _SENSITIVE | {Scope.REPORTS_WRITE}
_EDITOR = _AUDITOR | {Scope(f"{noun}:write") for noun in _EDITED}

ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = {
    Role.VIEWER: _VIEWER,
    Role.AUDITOR: _AUDITOR,
    Role.EDITOR: _EDITOR,
    Role.ADMIN: ALL_SCOPES,
}
"""The most that a user of each role can do."""


def parse_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """Return the scopes of these names; raises InvalidScopeError naming the unknown."""
    given = set(names)
    if unknown := given - {scope.value for scope in Scope}:
        raise InvalidScopeError(unknown, "no such scope")
    return frozenset(Scope(name) for name in given)


def implied(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return scopes with everything that they imply."""
    given = frozenset(scopes)
    if Scope.ADMIN in given:
        return ALL_SCOPES
    reads = (s.replace(":write", ":read") for s in given if s.endswith(":write"))
    return given | {Scope(name) for name in reads}


def effective(scopes: Iterable[Scope], role: Role) -> frozenset[Scope]:
    """Return what a credential with `scopes` may do while its owner has `role`."""
    return implied(scopes) & ROLE_SCOPES[role]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is. `scopes` are effective; no `networks` means any address.

    `ip` is where the request comes from.
    """

    tenant_id: str
    user_id: str
    token_id: str
    role: Role
    scopes: frozenset[Scope]
    expires_at: str
    networks: tuple[Network, ...] = ()
    ip: str = ""

    @property
    def actor(self) -> Actor:
        """The caller as events name them."""
        return Actor(self.user_id, self.token_id, self.ip or None)

    @property
    def sees_others(self) -> bool:
        """Whether the caller sees other users' tokens and grants: all but viewers do."""
        return self.role is not Role.VIEWER

    @property
    def edits(self) -> bool:
        """Whether the caller's role may change what the whole tenant shares."""
        return self.role in (Role.EDITOR, Role.ADMIN)

    def seen(self, filters: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        """Return a list's filters, narrowed to what belongs to users whom the caller sees."""
        if self.sees_others:
            return filters
        asked = filters.get("user", (self.user_id,))
        return {**filters, "user": (self.user_id if self.user_id in asked else "",)}

    def refuse_beyond(self, scopes: Iterable[Scope], field: str = "scopes") -> None:
        """Raise InvalidScopeError unless the caller has every one of `scopes` to give."""
        if beyond := implied(scopes) - self.scopes:
            raise InvalidScopeError(beyond, "the credential cannot give what it lacks", field)

    def require(self, scope: Scope) -> None:
        """Raise InsufficientScopeError unless the caller has `scope`."""
        if scope not in self.scopes:
            raise InsufficientScopeError(scope)

    def allows_address(self, address: str) -> bool:
        """Say whether the credential may be used from `address`."""
        if not self.networks:
            return True
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self.networks)
