"""A resource: its document, tags, relations and findings; and, on a page of its own, how it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import ApiRefusedError, path_to
from cloudsealed.console.graph import Node, star
from cloudsealed.console.language import words_of
from cloudsealed.console.look import Look, View
from cloudsealed.console.tree import tree
from cloudsealed.resources.naming import called
from cloudsealed.storage.filters import tag_text
from cloudsealed.vocabulary import Severity

_ONE = "/v1/resources/{id}"
_MOST = 200  # of its findings
_VERSIONS = 50


async def _gather(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    resource = await look.api.get(path)
    relations = (await look.api.get(f"{path}/relations"))["relations"]
    referrers = await look.api.get(f"{path}/referrers")
    place = {"account": resource["account"], "region": resource["region"]}
    referring = [
        {**place, **each, "name": each["resource_name"], "tie": each["name"]}
        for each in referrers["referrers"]
    ]
    sought = look.one("find").strip()
    return {
        "resource": resource,
        "tags": [(key, value, tag_text(key, value)) for key, value in resource["tags"].items()],
        "relations": relations,
        "referring": referring,
        "referring_all": referrers["complete"],
        "graph": _graph(look, resource, relations, referring),
        "sought": sought,
        "document": _document(resource, sought),
        "findings": await _findings(look),
        "may_see_audits": look.may(Scope.AUDITS_READ),
    }


def _document(resource: Mapping[str, Any], sought: str) -> Any:
    document = resource["document"]
    return None if document is None else tree(document, sought=sought)


async def _findings(look: Look) -> Mapping[str, Any] | None:
    """Return the open findings, the severest first; None to who may not see them."""
    if not look.may(Scope.FINDINGS_READ):
        return None
    page = await look.api.get("/v1/findings", resource=look.ident, status="open", limit=str(_MOST))
    ordered = sorted(page["data"], key=lambda each: -Severity(each["severity"]).rank)
    return {"data": ordered, "has_more": page["has_more"]}


def _graph(
    look: Look,
    resource: Mapping[str, Any],
    relations: Sequence[Mapping[str, Any]],
    referring: Sequence[Mapping[str, Any]],
) -> Any:
    if not relations and not referring:
        return None
    words = words_of(look.visit.taste.language)
    middle = Node(called(resource), resource["type"], "", None)
    incoming = [
        Node(called(each), each["type"], each["tie"], _page_of(look, each)) for each in referring
    ]
    outgoing = [
        Node(
            each["resource_name"] or each["id"],
            each["type"] or "",
            each["name"],
            _page_of(look, each),
        )
        for each in relations
    ]
    title = words.t("What refers to it, and what it refers to")
    return star(middle, incoming, outgoing, title=title, more=words.t("{n} more", n="{n}"))


def _page_of(look: Look, other: Mapping[str, Any]) -> str | None:
    ident = other["resource_id"]
    return f"{look.visit.prefix}/resources/{ident}" if ident is not None else None


async def _past(look: Look) -> Mapping[str, Any]:
    path = path_to(_ONE, id=look.ident)
    versions = await look.api.get(
        f"{path}/history", cursor=look.one("cursor"), limit=str(_VERSIONS)
    )
    first, second = look.one("from"), look.one("to")
    comparison, refusal = None, None
    if first and second:
        try:
            asked = {"from": first, "to": second}
            comparison = await look.api.get(f"{path}/comparison", **asked)
        except ApiRefusedError as error:
            if error.status != 404:
                raise
            refusal = error
    return {
        "resource": await look.api.value(path),
        "versions": versions,
        "first": first,
        "second": second,
        "comparison": comparison,
        "refusal": refusal,
    }


VIEWS = (
    View("/resources/{id}", "resources/one.html", _gather),
    View("/resources/{id}/history", "resources/past.html", _past),
)
