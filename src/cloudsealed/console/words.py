"""What scopes mean to the person who is asked for them, and what events say happened, in English:
`t` has them in other languages."""

from __future__ import annotations

from collections.abc import Iterable

from cloudsealed.auth.model import Scope
from cloudsealed.console.language import worded
from cloudsealed.vocabulary import EventCategory, EventType

SCOPES: dict[str, str] = {
    "findings:read": worded("See findings"),
    "findings:write": worded("See and change findings"),
    "resources:read": worded("See cloud resources"),
    "audits:read": worded("See audits"),
    "audits:write": worded("See and change audits"),
    "policies:read": worded("See policies"),
    "policies:write": worded("See and change policies"),
    "reports:read": worded("See reports"),
    "reports:write": worded("See and change reports"),
    "connections:read": worded("See connections to clouds"),
    "connections:write": worded("See and change connections to clouds"),
    "schedules:read": worded("See schedules"),
    "schedules:write": worded("See and change schedules"),
    "views:read": worded("See saved views"),
    "views:write": worded("See and change saved views"),
    "webhooks:read": worded("See webhooks"),
    "webhooks:write": worded("See and change webhooks"),
    "tokens:read": worded("See access tokens"),
    "tokens:write": worded("See and change access tokens"),
    "apps:read": worded("See OAuth apps"),
    "apps:write": worded("See and change OAuth apps"),
    "users:read": worded("See users"),
    "users:write": worded("See and change users"),
    "evidence:read": worded("See the evidence behind findings"),
    "events:read": worded("See the log of events"),
    "admin": worded("Do everything in your organisation, as an administrator"),
}


def told(names: Iterable[str]) -> list[str]:
    """Return what scopes allow, in words, without what another of them says already."""
    given = set(names)
    if Scope.ADMIN in given:
        return [SCOPES[Scope.ADMIN]]
    wider = {name: name.replace(":read", ":write") for name in given if name.endswith(":read")}
    return [SCOPES[name] for name in SCOPES if name in given and wider.get(name) not in given]


def happening(kind: EventType) -> str:
    """Return what an event of a type says: of whose access it is goes without saying."""
    text = kind.removeprefix(f"{EventCategory.SECURITY}.")
    return text.replace(".", " ").replace("_", " ").capitalize()
