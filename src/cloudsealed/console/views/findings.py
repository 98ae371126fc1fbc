"""Findings: a table with facets, grouped as one likes, and decisions about many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from cloudsealed.auth.model import Scope
from cloudsealed.console.decisions import decision
from cloudsealed.console.facets import counted
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.findings.bodies import MOST_MATCHING
from cloudsealed.kit.errors import MissingFieldError

LIST = "/v1/findings"
SUMMARY = f"{LIST}/summary"
FACETS = {
    "severity": worded("Severity"),
    "status": worded("Status"),
    "dimension": worded("Dimension"),
    "account": worded("Account"),
    "region": worded("Region"),
    "service": worded("Service"),
    "resource_type": worded("Type"),
    "policy": worded("Policy"),
    "framework": worded("Framework"),
    "owner": worded("Owner"),
    "triage": worded("Triage"),
    "provider": worded("Provider"),
    "connection": worded("Connection"),
}
"""The facets that are shown, by filter."""

OTHERS = {
    "search": worded("Search"),
    "control": worded("Control"),
    "resource": worded("Resource"),
    "audit": worded("Audit"),
    "delta": worded("Since the audit before"),
    "tag": worded("Tag"),
    "tag_key": worded("Tag"),
    "name": worded("Name"),
    "first_seen_after": worded("First seen after"),
    "first_seen_before": worded("First seen before"),
}
_FILTERS = (*FACETS, *OTHERS)
NEGATED = tuple(f"{name}_not" for name in (*FACETS, "resource", "control", "tag", "tag_key"))
GROUPS = {
    "policy": worded("Policy"),
    "account": worded("Account"),
    "region": worded("Region"),
    "service": worded("Service"),
    "owner": worded("Owner"),
}
SORTS = {"-severity": worded("Severest first"), "-id": worded("Newest first")}
COLUMNS = {
    "where": worded("Where"),
    "policy": worded("Policy"),
    "first_seen": worded("First seen"),
    "last_seen": worded("Last seen"),
    "triage": worded("Triage"),
    "status": worded("Status"),
}
_SHOWN_AT_FIRST = ("where", "first_seen", "triage")


def _asked(look: Look) -> dict[str, Sequence[str]]:
    """Return the filters of the address."""
    return {name: look.query[name] for name in (*_FILTERS, *NEGATED) if look.query.get(name)}


async def _gather(look: Look) -> Mapping[str, Any]:
    filters = _asked(look)
    group = look.one("group")
    page = None
    if group not in GROUPS:
        page = await look.api.get(
            LIST,
            **filters,
            sort=look.one("sort"),
            cursor=look.one("cursor"),
            limit=look.one("limit"),
        )
    groups = None
    if page is None:
        groups = await look.api.get(SUMMARY, group_by=[group, "severity"], **filters)
    facets = await counted(look, SUMMARY, FACETS, (*_FILTERS, *NEGATED))
    return {
        "page": page,
        "groups": _by_severity(group, groups["groups"]) if groups else None,
        "group": group,
        "facets": facets,
        "facet_names": FACETS,
        "filter_names": {**FACETS, **OTHERS},
        "columns": [name for name in COLUMNS if name in look.query.get("column", _SHOWN_AT_FIRST)],
        "column_names": COLUMNS,
        "group_names": GROUPS,
        "sorts": SORTS,
        "exports": urlencode(filters, doseq=True),
        "may_triage": look.may(Scope.FINDINGS_WRITE),
        "most_at_once": MOST_MATCHING,
    }


def _by_severity(name: str, groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row a value of `name`, with its counts by severity; the severest first."""
    rows: dict[Any, dict[str, int]] = {}
    for group in groups:
        rows.setdefault(group[name], {})[group["severity"]] = group["count"]
    order = ("critical", "high", "medium", "low", "info")
    found = [
        {"value": value, "counts": counts, "total": sum(counts.values())}
        for value, counts in rows.items()
    ]
    return sorted(found, key=lambda row: tuple(-row["counts"].get(each, 0) for each in order))


async def _triage(look: Look) -> str:
    """Decide about the findings that are ticked, or about all that match, of which the visitor
    was shown how many they are."""
    wanted: dict[str, Any] = {"ids": list(look.form.get("finding", ()))}
    if shown := look.sent("all"):
        count = int(shown) if shown.isascii() and shown.isdigit() and len(shown) < 10 else 0
        wanted = {"filter": _asked(look), "count": count}
    elif not wanted["ids"]:
        raise MissingFieldError("finding")
    await look.api.send("POST", f"{LIST}/bulk", {**wanted, "triage": decision(look)})
    return look.visit.here


VIEWS = (View("/findings", "findings.html", _gather, _triage),)
PASSAGES = (Passage("/findings/export", f"{LIST}/export"),)
