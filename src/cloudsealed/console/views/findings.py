"""Findings: a table with facets, grouped as one likes, and decisions about many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from cloudsealed.auth.model import Scope
from cloudsealed.console.decisions import decision
from cloudsealed.console.facets import counted, labeled
from cloudsealed.console.language import worded, words_of
from cloudsealed.console.look import Look, Passage, View
from cloudsealed.console.saved import Savable, act, saved
from cloudsealed.findings.bodies import MOST_MATCHING
from cloudsealed.kit.errors import MissingFieldError
from cloudsealed.vocabulary import (
    DeltaKind,
    Dimension,
    FindingStatus,
    Severity,
    TriageState,
    ViewOf,
)

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
    "age": worded("Age"),
    "savings": worded("Savings a month"),
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
    "against": worded("Compared with"),
    "tag": worded("Tag"),
    "tag_key": worded("Tag"),
    "tag_value": worded("Tag's value"),
    "name": worded("Name"),
    "first_seen_after": worded("First seen after"),
    "first_seen_before": worded("First seen before"),
    "resolved_after": worded("Resolved after"),
    "resolved_before": worded("Resolved before"),
    "reopened_after": worded("Reopened after"),
}
_FILTERS = (*FACETS, *OTHERS)
NEGATED = tuple(f"{name}_not" for name in (*FACETS, "resource", "control", "tag", "tag_key"))
GROUPS = {
    "policy": worded("Policy"),
    "resource": worded("Resource"),
    "account": worded("Account"),
    "region": worded("Region"),
    "service": worded("Service"),
    "owner": worded("Owner"),
}
LABELS = {
    "age": {
        "under_1d": worded("Last 24 hours"),
        "1d_to_7d": worded("1 to 7 days"),
        "7d_to_30d": worded("7 to 30 days"),
        "30d_to_90d": worded("30 to 90 days"),
        "over_90d": worded("Over 90 days"),
    },
    "savings": {
        "under_10": worded("Under 10"),
        "10_to_100": worded("10 to 100"),
        "100_to_1000": worded("100 to 1000"),
        "over_1000": worded("1000 and more"),
    },
}
"""What people call the values of a facet; those of _SAID are the product's own words."""

EVERY = {"status": tuple(FindingStatus)}
"""What a list has where no status is asked for; counts would have the open ones alone."""

_SAID = {
    "severity": Severity,
    "status": FindingStatus,
    "dimension": Dimension,
    "triage": TriageState,
    "delta": DeltaKind,
}
_GROUPED = "200"  # values of a group that are shown
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
SAVABLE = Savable(
    ViewOf.FINDINGS, (*_FILTERS, *NEGATED), tuple(GROUPS), tuple(COLUMNS), _SHOWN_AT_FIRST
)


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
        asked = {"group_by": [group, "severity"], "top": _GROUPED}
        groups = await look.api.get(SUMMARY, **asked, **{**EVERY, **filters})
    names = FACETS if await _has_money(look) else [name for name in FACETS if name != "savings"]
    facets = await counted(look, SUMMARY, names, (*_FILTERS, *NEGATED), assumed=EVERY)
    labels = _labels(look)
    return {
        "page": page,
        "groups": _by_severity(group, groups["groups"]) if groups else None,
        "group": group,
        "saved": await saved(look, SAVABLE),
        "values": groups["values"] if groups else 0,
        "resources": {each["id"]: each for each in (groups and groups["resources"]) or ()},
        "facets": facets and labeled(facets, labels),
        "labels": labels,
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
    """Return a row a value of `name`, with its counts by severity, in the order of groups."""
    rows: dict[Any, dict[str, int]] = {}
    for group in groups:
        rows.setdefault(group[name], {})[group["severity"]] = group["count"]
    return [
        {"value": value, "counts": counts, "total": sum(counts.values())}
        for value, counts in rows.items()
    ]


def _labels(look: Look) -> dict[str, dict[str, str]]:
    """Return what people call the values of facets."""
    words = words_of(look.visit.taste.language)
    said = {name: {each.value: words.said(each) for each in found} for name, found in _SAID.items()}
    named = {
        name: {v: words.t(text) for v, text in texts.items()} for name, texts in LABELS.items()
    }
    return {**said, **named}


async def _has_money(look: Look) -> bool:
    """Say whether any finding saves something: where none does, there is nothing to choose."""
    caller = look.visit.me.caller
    key = (caller.tenant_id, caller.scopes, LIST, "savings")
    found = await look.counts.of(
        key, lambda: look.api.value(LIST, sort="-monthly_savings", limit="1")
    )
    first = found.value["data"][:1] if found else ()
    return any(each["monthly_savings"] is not None for each in first)


async def _act(look: Look) -> str:
    return await act(look, SAVABLE) or await _triage(look)


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


VIEWS = (View("/findings", "findings.html", _gather, _act),)
PASSAGES = (Passage("/findings/export", f"{LIST}/export"),)
