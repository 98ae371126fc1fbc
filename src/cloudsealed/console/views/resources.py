"""Resources: the inventory with facets, each row with what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.facets import Facets, counted
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, View
from cloudsealed.console.saved import Savable, act, saved
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.vocabulary import Severity, ViewOf

LIST = "/v1/resources"
SUMMARY = f"{LIST}/summary"
_PLAIN = {
    "service": worded("Service"),
    "type": worded("Type"),
    "account": worded("Account"),
    "region": worded("Region"),
    "owner": worded("Owner"),
    "state": worded("State"),
    "provider": worded("Provider"),
    "connection": worded("Connection"),
}
_OF_TAGS = {"tag_key": worded("Tag's key"), "tag": worded("Tag")}
FACETS = {**_PLAIN, **_OF_TAGS}
"""The facets that are shown, by filter; tags of the chosen keys alone."""

OTHERS = {
    "search": worded("Search"),
    "name": worded("Name"),
    "native_id": worded("Id"),
    "tag_value": worded("Tag's value"),
    "audit": worded("As an audit saw it"),
}
_FILTERS = (*FACETS, *OTHERS)
NEGATED = tuple(f"{name}_not" for name in (*FACETS, "native_id"))


SAVABLE = Savable(ViewOf.RESOURCES, (*_FILTERS, *NEGATED))


async def _gather(look: Look) -> Mapping[str, Any]:
    names = (*_FILTERS, *NEGATED)
    filters = {name: look.query.get(name, ()) for name in names}
    page = await look.api.get(LIST, **filters, cursor=look.one("cursor"), limit=look.one("limit"))
    shown = (*_PLAIN, *_tag_facets(look))
    facets = await counted(look, SUMMARY, shown, names, together=tuple(_PLAIN))
    return {
        "page": page,
        "saved": await saved(look, SAVABLE),
        "facets": _of_one_tag(look, facets),
        "facet_names": FACETS,
        "filter_names": {**FACETS, **OTHERS},
        "open": await _open(look, page["data"]),
    }


def _tag_facets(look: Look) -> Sequence[str]:
    """Return the facets of tags: of all keys their values would be too many."""
    chosen = look.query.get("tag_key") or look.query.get("tag")
    return tuple(_OF_TAGS) if chosen else ("tag_key",)


def _of_one_tag(look: Look, facets: Facets | None) -> Facets | None:
    """Leave the tags of other keys than that of a chosen one out, where no key is chosen."""
    if facets is None or look.query.get("tag_key") or "tag" not in facets.shown:
        return facets
    keys = {each.partition("=")[0] for each in look.query["tag"]}
    kept = [each for each in facets.shown["tag"] if each.value.partition("=")[0] in keys]
    return replace(facets, shown={**facets.shown, "tag": kept})


async def _open(
    look: Look, resources: Sequence[Mapping[str, Any]]
) -> Mapping[str, Mapping[str, int]] | None:
    """Return how many findings are open of each resource, by severity, the severest first; None to
    who may not see them, or where more are than one may count."""
    if not look.may(Scope.FINDINGS_READ):
        return None
    idents = [each["id"] for each in resources]
    found: dict[str, dict[str, int]] = {}
    for some in (idents[:100], idents[100:]):
        if not some:
            continue
        summary = await look.api.value(
            "/v1/findings/summary", group_by=["resource", "severity"], resource=some, status="open"
        )
        if not summary["complete"]:
            return None
        for group in summary["groups"]:
            found.setdefault(group["resource"], {})[group["severity"]] = group["count"]
    order = [each.value for each in reversed(Severity)]
    return {
        ident: {name: counts[name] for name in order if name in counts}
        for ident, counts in found.items()
    }


async def _act(look: Look) -> str:
    if (done := await act(look, SAVABLE)) is None:
        raise MissingFieldError("do")
    return done


VIEWS = (View("/resources", "resources/list.html", _gather, _act),)
