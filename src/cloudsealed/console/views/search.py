"""The search field: finds resources, policies, findings, audits and pages; an exact id leads
straight to its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError
from cloudsealed.console.language import words_of
from cloudsealed.console.look import Look, View
from cloudsealed.console.saved import Entry, link
from cloudsealed.console.shell import shown_to
from cloudsealed.console.views import findings, resources
from cloudsealed.kit.ids import is_id

_SHOWN = 10
_STEPS = 5  # pages that are looked through for the first match
_LISTED = "200"
_SAVABLE = {each.of.value: each for each in (findings.SAVABLE, resources.SAVABLE)}


@dataclass(frozen=True, slots=True)
class _Noun:
    """What an id names: where the API has it, and what one needs to see it."""

    noun: str
    needs: Scope


_BY_PREFIX = {
    "res": _Noun("resources", Scope.RESOURCES_READ),
    "fnd": _Noun("findings", Scope.FINDINGS_READ),
    "aud": _Noun("audits", Scope.AUDITS_READ),
    "pol": _Noun("policies", Scope.POLICIES_READ),
    "rep": _Noun("reports", Scope.REPORTS_READ),
    "con": _Noun("connections", Scope.CONNECTIONS_READ),
    "sch": _Noun("schedules", Scope.SCHEDULES_READ),
    "usr": _Noun("users", Scope.USERS_READ),
}


async def _gather(look: Look) -> Mapping[str, Any] | str:
    sought = look.one("q").strip()
    if not sought:
        return {"q": "", "found": None, "pages": _pages(look, "")}
    exact = await _exact(look, sought)
    if exact is not None:
        return exact
    resources = await _resources(look, sought)
    policies = await _policies(look, sought)
    if (meant := _meant(sought, resources, policies)) is not None:
        return meant
    found = {
        "resources": resources,
        "policies": policies,
        "findings": await _findings(look, sought),
        "views": await _views(look, sought),
    }
    return {"q": sought, "found": found, "pages": _pages(look, sought)}


def _meant(
    sought: str, resources: Mapping[str, Any] | None, policies: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return the page of the one thing that was found, where what was typed is its key, or the part
    of the provider's id by which people know it."""
    listed: Sequence[Mapping[str, Any]] = resources["data"] if resources else ()
    more = bool(resources and resources["has_more"])
    if policies and policies[0]["key"] == sought and not listed:
        return f"/policies/{policies[0]['id']}"
    if len(listed) == 1 and not more and not policies:
        only = listed[0]
        if str(only["native_id"]).endswith((f"/{sought}", f":{sought}")):
            return f"/resources/{only['id']}"
    return None


async def _exact(look: Look, sought: str) -> str | None:
    """Return the page of what has this id, or this key; None where there is none to be seen."""
    prefix, _, rest = sought.partition("_")
    ident = f"{prefix.lower()}_{rest.upper()}"
    noun = _BY_PREFIX.get(prefix.lower())
    if noun is not None and is_id(prefix.lower(), ident):
        is_there = look.may(noun.needs) and await _is_there(look, f"/v1/{noun.noun}/{ident}")
        return f"/{noun.noun}/{ident}" if is_there else None
    if look.may(Scope.RESOURCES_READ):
        page = await look.api.value("/v1/resources", native_id=sought, limit="2")
        if len(page["data"]) == 1:
            return f"/resources/{page['data'][0]['id']}"
    return None


async def _is_there(look: Look, path: str) -> bool:
    try:
        await look.api.value(path)
    except ApiRefusedError as error:
        if error.status != 404:
            raise
        return False
    return True


async def _resources(look: Look, sought: str) -> Mapping[str, Any] | None:
    """Return the first resources that match; the list goes on where it says so."""
    if not look.may(Scope.RESOURCES_READ):
        return None
    page = await look.api.get("/v1/resources", search=sought, limit=str(_SHOWN))
    for _step in range(_STEPS):
        if page["data"] or not page["has_more"]:
            break
        cursor = page["next_cursor"]
        page = await look.api.value(
            "/v1/resources", search=sought, limit=str(_SHOWN), cursor=cursor
        )
    found: Mapping[str, Any] = page
    return found


async def _findings(look: Look, sought: str) -> Mapping[str, Any] | None:
    if not look.may(Scope.FINDINGS_READ):
        return None
    page: Mapping[str, Any] = await look.api.get(
        "/v1/findings", search=sought, sort="-severity", limit=str(_SHOWN)
    )
    return page


async def _policies(look: Look, sought: str) -> Sequence[Mapping[str, Any]]:
    """Return policies that say what is sought, those whose key or title does first."""
    if not look.may(Scope.POLICIES_READ):
        return ()
    page = await look.api.get("/v1/policies", search=sought, fields="id,key,title", limit=_LISTED)
    wanted = sought.casefold()

    def rank(each: Mapping[str, Any]) -> tuple[bool, bool, str]:
        is_named = wanted in each["key"] or wanted in each["title"].casefold()
        return each["key"] != wanted, not is_named, each["title"]

    return sorted(page["data"], key=rank)


async def _views(look: Look, sought: str) -> list[Entry]:
    """Return the saved views whose names have what is sought, and where they lead."""
    page = await look.api.get("/v1/views", name=sought, limit=str(_SHOWN))
    return [Entry(each, link(each, _SAVABLE[each["of"]])) for each in page["data"]]


def _pages(look: Look, sought: str) -> list[Any]:
    """Return the places of the navigation whose words have what is sought."""
    words = words_of(look.visit.taste.language)
    places = [place for group in shown_to(look.visit.me.caller.scopes) for place in group.places]
    wanted = sought.casefold()
    return [
        place
        for place in places
        if wanted in words.t(place.label).casefold() or wanted in place.label.casefold()
    ]


VIEWS = (View("/search", "search.html", _gather),)
