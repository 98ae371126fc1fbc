"""What each scope means to the person who is asked for it."""

from __future__ import annotations

from cloudsealed.auth.model import Scope

_NOUNS = {
    "findings": "findings", "resources": "cloud resources", "audits": "audits",
    "policies": "policies", "reports": "reports", "connections": "connections to clouds",
    "schedules": "schedules", "webhooks": "webhooks", "tokens": "access tokens",
    "apps": "OAuth apps", "users": "users", "evidence": "the evidence behind findings",
    "events": "the log of events",
}  # fmt: skip


def _words(scope: Scope) -> str:
    if scope is Scope.ADMIN:
        return "Do everything in your organisation, as an administrator"
    noun, _, action = scope.partition(":")
    return f"{'See' if action == 'read' else 'See and change'} {_NOUNS[noun]}"


SCOPES: dict[str, str] = {scope.value: _words(scope) for scope in Scope}
