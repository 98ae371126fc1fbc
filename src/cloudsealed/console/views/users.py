"""Users: the people and the programs of an organisation, what they may do, and how they get in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cloudsealed.auth.model import ROLE_SCOPES, Scope
from cloudsealed.console.asking import path_to
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.console.words import SCOPES, happening, told
from cloudsealed.kit.clock import rfc3339
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.vocabulary import EventType, Role, UserKind, UserStatus

LIST, _ONE = "/v1/users", "/v1/users/{id}"
_ACCOUNTS, _TOKENS, _CLIENTS = "/v1/service_accounts", "/v1/tokens", "/v1/oauth/clients"
_FILTERS = {"role": worded("Role"), "kind": worded("Kind"), "email": worded("E-mail address")}
MAY = {
    "viewer": worded("Sees everything but evidence, users and events."),
    "auditor": worded("Sees evidence, users and events too, and makes reports."),
    "editor": worded("Decides about findings, starts audits, changes policies and connections."),
    "admin": worded("Does everything, and says who else may do what."),
}
DAYS = ("7", "30", "90", "365")
_SCOPE, _PAST = "scope:", "20"


async def _list(look: Look) -> Mapping[str, Any]:
    asked = {name: look.query.get(name) for name in _FILTERS}
    page = await look.api.get(LIST, **asked, cursor=look.one("cursor"), limit=look.one("limit"))
    return {
        "page": page,
        "filter_names": _FILTERS,
        "roles": tuple(Role),
        "kinds": tuple(UserKind),
        "may_do": MAY,
        "may_change": look.may(Scope.USERS_WRITE),
    }


async def _add(look: Look) -> str | Mapping[str, Any]:
    """Invite a person, or make a service account."""
    role, name = look.sent("role"), look.sent("name") or None
    if look.sent("kind") == UserKind.SERVICE:
        made = await look.api.send("POST", _ACCOUNTS, {"name": name or "", "role": role})
        return f"/users/{made['id']}"
    body = {"email": look.sent("email"), "role": role, "name": name}
    invited: Mapping[str, Any] = await look.api.send("POST", LIST, body)
    return invited


async def _one(look: Look) -> Mapping[str, Any]:
    user = await look.api.get(path_to(_ONE, id=look.ident))
    may_change = look.may(Scope.USERS_WRITE)
    tokens, clients, past = [], [], []
    if look.may(Scope.TOKENS_READ):
        found = await look.api.value(_TOKENS, user=look.ident, limit="200")
        tokens = [(each, told(each["scopes"])) for each in found["data"]]
    if look.may(Scope.APPS_READ) and user["kind"] == UserKind.SERVICE:
        found = await look.api.value(_CLIENTS, user=look.ident, limit="200")
        clients = [(each, told(each["scopes"])) for each in found["data"]]
    if look.may(Scope.EVENTS_READ):
        past = (await look.api.value("/v1/events", actor=look.ident, limit=_PAST))["data"]
    return {
        "person": user,
        "is_me": user["id"] == look.visit.me.user.id,
        "tokens": tokens,
        "clients": clients,
        "past": past,
        "roles": tuple(Role),
        "may_do": MAY,
        "may_change": may_change,
        "may_add": may_change and user["kind"] == UserKind.SERVICE,
        "scopes": [(f"{_SCOPE}{name}", words) for name, words in _given(Role(user["role"]))],
        "days": DAYS,
        "happened": lambda name: happening(EventType(name)),
    }


def _given(role: Role) -> list[tuple[str, str]]:
    """Return the scopes that a role has, and their words."""
    return [(name, words) for name, words in SCOPES.items() if name in ROLE_SCOPES[role]]


async def _change(look: Look) -> str | Mapping[str, Any]:
    """Do what one of the buttons says."""
    path, made = path_to(_ONE, id=look.ident), None
    match look.sent("do"):
        case "save":
            body = {"name": look.sent("name") or None, "role": look.sent("role") or None}
            await look.api.send("PATCH", path, body)
        case "disable":
            await look.api.send("PATCH", path, {"status": UserStatus.DISABLED})
        case "enable":
            await look.api.send("PATCH", path, {"status": UserStatus.ACTIVE})
        case "invite":
            made = await look.api.send("POST", f"{path}/invite")
        case "remove":
            await look.api.send("DELETE", path)
            return "/users"
        case "token":
            made = await look.api.send("POST", _TOKENS, _token(look))
        case "revoke":
            await look.api.send("DELETE", f"{_TOKENS}/{look.sent('token')}")
        case "client":
            made = await look.api.send("POST", _CLIENTS, _credential(look))
        case "rotate":
            made = await look.api.send("POST", f"{_CLIENTS}/{look.sent('client')}/rotate")
        case "end":
            await look.api.send("DELETE", f"{_CLIENTS}/{look.sent('client')}")
        case _:
            raise InvalidFieldError("do", "do must be one of the page's buttons")
    return made or look.visit.here


def _credential(look: Look) -> dict[str, Any]:
    scopes = [name.removeprefix(_SCOPE) for name in look.form if name.startswith(_SCOPE)]
    return {"user_id": look.ident, "name": look.sent("name"), "scopes": scopes}


def _token(look: Look) -> dict[str, Any]:
    days = look.sent("days")
    ends = look.visit.services.clock() + timedelta(days=int(days) if days in DAYS else 0)
    return {**_credential(look), "expires_at": rfc3339(ends)}


VIEWS = (
    View("/users", "people/list.html", _list, _add, guarded=True),
    View("/users/{id}", "people/one.html", _one, _change, guarded=True),
)
