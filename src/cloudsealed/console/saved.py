"""Saved views beside a list: which there are, which one is shown, and what its forms do with one.

A view's link is the list's address with all that the view says, and the view's id beside it, so
that the page knows what was changed since. Whoever may not see the view sees the same list.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, target
from cloudsealed.console.look import Look
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.kit.ids import is_id
from cloudsealed.vocabulary import ViewOf

LIST = "/v1/views"
PARAMETER = "view"
_SORT = "-id"

View = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Savable:
    """What a view keeps of the address of a list's page: its filters and its order, what it may be
    grouped by, and which columns it may show; the `usual` ones where the address names none."""

    of: ViewOf
    filters: Collection[str]
    groups: Collection[str] = ()
    columns: Collection[str] = ()
    usual: Collection[str] = ()

    @property
    def path(self) -> str:
        """The path of the list's page."""
        return f"/{self.of}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A view and where it leads."""

    view: View
    href: str


@dataclass(frozen=True, slots=True)
class Saved:
    """The views of a list that the visitor sees, by name.

    `current` is the one that is shown, with its entity tag; `is_changed` whether the address says
    something else than it by now. `may_share` is the visitor's role's, `may_change` about
    `current`.
    """

    own: Sequence[Entry]
    shared: Sequence[Entry]
    current: Entry | None
    tag: str
    is_changed: bool
    is_mine: bool
    may_save: bool
    may_share: bool

    @property
    def may_change(self) -> bool:
        """Whether the visitor may change the current view."""
        return self.may_save and (self.may_share or not self.shown["shared"])

    @property
    def shown(self) -> View:
        """The current view."""
        assert self.current is not None
        return self.current.view


async def saved(look: Look, kind: Savable) -> Saved:
    """Return the views of a list's page, and which one it shows."""
    page = await look.api.get(LIST, of=kind.of.value, limit="200")
    prefix = look.visit.prefix
    entries = [Entry(view, prefix + link(view, kind)) for view in page["data"]]
    entries.sort(key=lambda each: (each.view["name"].casefold(), each.view["id"]))
    asked = _state(_said(look, kind), kind)
    current = _current(look, kind, entries, asked)
    caller = look.visit.me.caller
    return Saved(
        own=[each for each in entries if not each.view["shared"]],
        shared=[each for each in entries if each.view["shared"]],
        current=current,
        tag=await _tag(look, current),
        is_changed=current is not None and _state(_kept(current.view, kind), kind) != asked,
        is_mine=current is not None and current.view["owner_id"] == caller.user_id,
        may_save=look.may(Scope.VIEWS_WRITE),
        may_share=caller.edits,
    )


async def act(look: Look, kind: Savable) -> str | None:
    """Do what a form about views asks, and return where to go on to; None of another form."""
    match look.sent("do"):
        case "save-view":
            return await _save(look, kind)
        case "update-view":
            return await _change(look, kind, _said(look, kind))
        case "edit-view":
            shared = {"shared": bool(look.sent("shared"))} if look.sent("shares") else {}
            return await _change(look, kind, {"name": look.sent("name"), **shared})
        case "delete-view":
            await look.api.send("DELETE", _path(look), match=look.sent("tag") or None)
            return target(kind.path, {**look.query, PARAMETER: None})
    return None


async def _save(look: Look, kind: Savable) -> str:
    body = {
        "name": look.sent("name"),
        "of": kind.of,
        **_said(look, kind),
        "shared": bool(look.sent("shared")),
    }
    return link(await look.api.send("POST", LIST, body), kind)


async def _change(look: Look, kind: Savable, body: Mapping[str, Any]) -> str:
    match = look.sent("tag") or None
    changed = await look.api.send("PATCH", _path(look), body, match=match)
    if "query" in body:
        return link(changed, kind)
    return target(kind.path, {**look.query, PARAMETER: changed["id"]})


def _path(look: Look) -> str:
    ident = look.sent(PARAMETER)
    if not is_id("viw", ident):
        raise MissingFieldError(PARAMETER)
    return f"{LIST}/{ident}"


def _said(look: Look, kind: Savable) -> dict[str, Any]:
    """Return what the address says, as the body of a view has it."""
    query = {name: list(look.query[name]) for name in kind.filters if look.query.get(name)}
    if look.one("sort"):
        query["sort"] = [look.one("sort")]
    group = look.one("group")
    columns = [each for each in look.query.get("column", ()) if each in kind.columns]
    return {
        "query": query,
        "group_by": group if group in kind.groups else None,
        "columns": list(dict.fromkeys(columns)) or None,
    }


def _kept(view: View, kind: Savable) -> dict[str, Any]:
    """Return what a view says, as far as the page can show it."""
    return {
        "query": view["query"],
        "group_by": view["group_by"] if view["group_by"] in kind.groups else None,
        "columns": [each for each in view["columns"] or () if each in kind.columns] or None,
    }


def _state(said: Mapping[str, Any], kind: Savable) -> Any:
    """Return what tells two views apart: no order of values, and nothing that goes without
    saying."""
    query = {name: frozenset(values) for name, values in said["query"].items()}
    query.setdefault("sort", frozenset([_SORT]))
    return query, said["group_by"], frozenset(said["columns"] or kind.usual)


def _current(look: Look, kind: Savable, entries: Sequence[Entry], asked: Any) -> Entry | None:
    """Return the view that the address names, else the first that says the same as the address."""
    said = parse_qs(look.visit.here.partition("?")[2])  # also of an address that is refused
    named = next(iter(said.get(PARAMETER, ())), None)
    if found := [each for each in entries if each.view["id"] == named]:
        return found[0]
    alike = (each for each in entries if _state(_kept(each.view, kind), kind) == asked)
    return next(alike, None)


async def _tag(look: Look, current: Entry | None) -> str:
    """Return the entity tag of a view, for whoever changes it."""
    if current is None:
        return ""
    try:
        answer = await look.api.ask("GET", f"{LIST}/{current.view['id']}")
    except ApiRefusedError:  # somebody deletes it at this moment
        return ""
    return answer.headers["etag"]


def link(view: View, kind: Savable) -> str:
    """Return a view's address below the public URL's path; of one that its list refuses, of the
    whole list with the view's id."""
    named = {PARAMETER: view["id"]}
    if view["error"]:
        return target(kind.path, named)
    kept = _kept(view, kind)
    shown = {"group": kept["group_by"], "column": kept["columns"]}
    return target(kind.path, {**kept["query"], **shown, **named})
