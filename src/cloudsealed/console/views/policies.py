"""The catalogue of policies, one of them, and what can be read of each type of resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import path_to
from cloudsealed.console.diffs import Version, compared
from cloudsealed.console.drafts import text_of
from cloudsealed.console.facets import Facets, counted, labeled
from cloudsealed.console.language import worded, words_of
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.params import params_of, shown
from cloudsealed.console.tree import tree
from cloudsealed.packs.document import written

LIST = "/v1/policies"
_ONE = f"{LIST}/{{id}}"
FACETS = {
    "dimension": worded("Dimension"),
    "severity": worded("Severity"),
    "kind": worded("Kind"),
    "source": worded("Source"),
    "enabled": worded("In use"),
    "service": worded("Service"),
    "resource_type": worded("Type"),
    "framework": worded("Framework"),
}
"""The facets that are shown, by filter."""

OTHERS = {"search": worded("Search"), "provider": worded("Provider")}
NEGATED = tuple(f"{name}_not" for name in (*FACETS, "provider"))
_FILTERS = (*FACETS, *OTHERS, *NEGATED)
_PAGE, _SORT = "200", "-source"  # all that ship, after what is one's own
_VERSIONS, _FINDINGS = "20", "10"


async def _listed(look: Look) -> Mapping[str, Any]:
    filters = {name: look.query.get(name, ()) for name in _FILTERS}
    limit, cursor = look.one("limit", _PAGE), look.one("cursor")
    page = await look.api.get(
        LIST, **filters, sort=look.one("sort", _SORT), cursor=cursor, limit=limit
    )
    facets = await counted(look, f"{LIST}/summary", FACETS, _FILTERS)
    return {
        "page": page,
        "open": await _open(look),
        "facets": facets and _worded(look, facets),
        "facet_names": FACETS,
        "filter_names": {**FACETS, **OTHERS},
        "may_write": look.may(Scope.POLICIES_WRITE),
    }


def _worded(look: Look, facets: Facets) -> Facets:
    words = words_of(look.visit.taste.language)
    said = ("dimension", "kind", "source")
    labels = {name: {v.value: words.said(v.value) for v in facets.shown[name]} for name in said}
    return labeled(facets, {**labels, "enabled": {"true": words.t("Yes"), "false": words.t("No")}})


async def _open(look: Look) -> Mapping[str, int] | None:
    """Return how many findings of each policy are open, by key; None for who may not see them."""
    if not look.may(Scope.FINDINGS_READ):
        return None
    summary = await look.api.value("/v1/findings/summary", group_by="policy", status="open")
    return {group["policy"]: group["count"] for group in summary["groups"]}


async def _one(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    policy = await look.api.get(path)
    versions = await look.api.value(f"{path}/versions", limit=_VERSIONS)
    findings, total = await _findings(look, policy["id"])
    return {
        "policy": policy,
        "examples": _examples(await look.api.value(f"{path}/examples")),
        "versions": compared([_version(policy, each) for each in versions["data"]]),
        "has_older": versions["has_more"],
        "params": shown(policy["params"]),
        "findings": findings,
        "open": total,
        "may_write": look.may(Scope.POLICIES_WRITE),
        "is_own": policy["source"] == "custom",
    }


def _examples(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each example with its outcome, as text."""
    outcomes = ("fail", "pass", "not_applicable")
    return [
        {
            "outcome": outcome,
            "number": number,
            "severity": each.get("severity") or "",
            "text": written({n: said for n, said in each.items() if n != "severity"}),
        }
        for outcome in outcomes
        for number, each in enumerate(found[outcome], start=1)
    ]


def _version(policy: Mapping[str, Any], version: Mapping[str, Any]) -> Version:
    said = {**version["spec"], "kind": policy["kind"], "key": policy["key"]}
    text = text_of(said, version["spec"].get("examples"))
    return Version(version["version"], version["created_at"], text)


async def _findings(look: Look, ident: str) -> tuple[Sequence[Mapping[str, Any]], int]:
    if not look.may(Scope.FINDINGS_READ):
        return (), 0
    asked = {"policy": ident, "status": "open"}
    page = await look.api.get("/v1/findings", **asked, sort="-severity", limit=_FINDINGS)
    if not page["has_more"]:
        return page["data"], len(page["data"])
    summary = await look.api.value("/v1/findings/summary", **asked, group_by="severity")
    return page["data"], summary["total"]


async def _change(look: Look) -> str:
    """Switch it on or off, set its params, or delete it."""
    path = path_to(_ONE, id=look.ident)
    match look.sent("do"):
        case "delete":
            await look.api.send("DELETE", path)
            return "/policies"
        case "params":
            held = (await look.api.value(path))["params"]
            await look.api.send("PATCH", path, {"params": params_of(look, held)})
        case "enable" | "disable" as wanted:
            await look.api.send("PATCH", path, {"enabled": wanted == "enable"})
    return look.visit.here


async def _type(look: Look) -> Mapping[str, Any]:
    found = await look.api.get(path_to("/v1/resource_types/{id}", id=look.ident))
    return {
        "type": found,
        "document": tree(found["document"]),
        "example": tree(found["sample"]),
        "may_write": look.may(Scope.POLICIES_WRITE),
    }


VIEWS = (
    View("/policies", "policies/list.html", _listed),
    View("/policies/types/{id}", "policies/type.html", _type),
    View("/policies/{id}", "policies/one.html", _one, _change),
)
PASSAGES = (Passage("/policies/types/{id}/schema", "/v1/resource_types/{id}"),)
