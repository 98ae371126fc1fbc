"""What each scope means to the person who is asked for it."""

from __future__ import annotations

from collections.abc import Iterable

from cloudsealed.auth.model import Scope

_NOUNS = {
    "findings": "findings",
    "resources": "cloud resources",
    "audits": "audits",
    "policies": "policies",
    "reports": "reports",
    "connections": "connections to clouds",
    "schedules": "schedules",
    "webhooks": "webhooks",
    "tokens": "access tokens",
    "apps": "OAuth apps",
    "users": "users",
    "evidence": "the evidence behind findings",
    "events": "the log of events",
}


def _words(scope: Scope) -> str:
    if scope is Scope.ADMIN:
        return "Do everything in your organisation, as an administrator"
    noun, _, action = scope.partition(":")
    return f"{'See' if action == 'read' else 'See and change'} {_NOUNS[noun]}"


SCOPES: dict[str, str] = {scope.value: _words(scope) for scope in Scope}


def told(names: Iterable[str]) -> list[str]:
    """Return what scopes allow, in words, without what another of them says already."""
    given = set(names)
    if Scope.ADMIN in given:
        return [SCOPES[Scope.ADMIN]]
    wider = {name: name.replace(":read", ":write") for name in given if name.endswith(":read")}
    return [SCOPES[name] for name in SCOPES if name in given and wider.get(name) not in given]
