"""Connections: what reaches which account, and a guide that ends in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.console.asking import path_to
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.vocabulary import FIRST_PROVIDER, Provider

LIST = "/v1/connections"
_ONE = f"{LIST}/{{id}}"
FILTERS = {"name": worded("Name"), "account": worded("Account"), "provider": worded("Provider")}
_NEGATED = ("account_not", "provider_not")


async def _gather(look: Look) -> Mapping[str, Any]:
    filters = {name: look.query.get(name, ()) for name in (*FILTERS, *_NEGATED)}
    page = await look.api.get(LIST, **filters, cursor=look.one("cursor"), limit=look.one("limit"))
    return {
        "page": page,
        "filter_names": FILTERS,
        "may_write": look.may(Scope.CONNECTIONS_WRITE),
        "may_audit": look.may(Scope.AUDITS_WRITE),
    }


async def _gather_new(look: Look) -> Mapping[str, Any]:
    return {
        "may_write": look.may(Scope.CONNECTIONS_WRITE),
        "providers": PROVIDERS,
        "provider": _provider(look.sent("provider") or look.one("provider")),
    }


def _provider(named: str) -> Provider:
    return Provider(named) if named in set(Provider) else FIRST_PROVIDER


async def _add(look: Look) -> str:
    provider = _provider(look.sent("provider"))
    known = PROVIDERS[provider]
    body: dict[str, Any] = {"provider": provider, "name": look.sent("name")}
    chosen = look.sent("method")
    method = next((way for way in [*known.methods][::-1] if chosen in ("", way)), None)
    for way, field in known.methods.items():
        if field and way is method:
            body |= {"method": method, field: look.sent(field) or None}
    of_methods = set(known.methods.values())
    for name in known.fields.keys() - of_methods:
        value = look.words_sent(name) if name == "regions" else look.sent(name)
        if value:
            body[name] = value
    made = await look.api.send("POST", LIST, body)
    return f"/connections/{made['id']}"


async def _gather_one(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    connection = await look.api.get(path)
    setup = await look.api.get(f"{path}/setup")
    role = (connection["role_arn"] or "").partition(":role/")[2]
    audits = []
    if look.may(Scope.AUDITS_READ):
        listed = await look.api.value("/v1/audits", connection=look.ident, limit="5")
        audits = listed["data"]
    return {
        "connection": connection,
        "providers": PROVIDERS,
        "setup": setup,
        "audits": audits,
        "role_name": role.rpartition("/")[2],
        "role_path": f"/{role.rpartition('/')[0]}/" if "/" in role else "",
        "may_write": look.may(Scope.CONNECTIONS_WRITE),
        "may_audit": look.may(Scope.AUDITS_WRITE),
    }


async def _act(look: Look) -> str | Mapping[str, Any]:
    """Test the connection, or delete it."""
    path, wanted = path_to(_ONE, id=look.ident), look.sent("do")
    if wanted == "delete":
        await look.api.send("DELETE", path)
        return "/connections"
    if wanted != "test":
        raise MissingFieldError("do")
    tested: Mapping[str, Any] = await look.api.send("POST", f"{path}/test")
    return tested


VIEWS = (
    View("/connections", "connections/list.html", _gather),
    View("/connections/new", "connections/new.html", _gather_new, _add),
    View("/connections/{id}", "connections/one.html", _gather_one, _act),
)
