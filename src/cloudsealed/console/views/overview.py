"""The overview: where the estate stands, what moved, what matters first, and what was not read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.charts import Point, shares, trend
from cloudsealed.console.language import words_of
from cloudsealed.console.look import Look, View
from cloudsealed.console.since import since
from cloudsealed.vocabulary import Dimension, Severity

_AUDITS = 12  # that a trend shows
_LATEST = 5  # of any state
_FIRST = 8  # findings that matter first
_DELTAS = ("new", "fixed", "reopened", "changed")


async def _gather(look: Look) -> Mapping[str, Any]:
    audits = await _audits(look)
    newest = audits[0] if audits else None
    connections = None
    if look.may(Scope.CONNECTIONS_READ):
        connections = (await look.api.value("/v1/connections", limit="200"))["data"]
    if newest is None:
        running = await look.api.value("/v1/audits", limit="1")
        return {
            "newest": None,
            "running": running["data"],
            "connections": connections,
            "may_connect": look.may(Scope.CONNECTIONS_WRITE),
            "may_start": look.may(Scope.AUDITS_WRITE),
        }
    caller = look.visit.me.caller
    key = (caller.tenant_id, caller.scopes, "overview", newest["id"])
    counted = await look.counts.of(key, lambda: _count(look, audits))
    first = await look.api.get("/v1/findings", status="open", sort="-severity", limit=str(_FIRST))
    path = f"/v1/audits/{newest['id']}/coverage"
    coverage = await look.counts.of((*key[:2], path), lambda: look.api.value(path))
    latest = await look.api.value("/v1/audits", limit=str(_LATEST))
    day = look.one("since")
    return {
        "newest": newest,
        "latest": latest["data"],
        "entered": {each["connection_id"]: each["error"] for each in newest["accounts"]},
        "connections": connections,
        "audits": audits,
        "dimensions": _dimensions(look, audits, counted.value.open if counted else None),
        "counted": counted,
        "day": day,
        "since": await since(look, day) if day else None,
        "first": first["data"],
        "coverage": coverage.value if coverage else None,
    }


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the overview counts: findings by dimension and severity, and how many are in what an
    audit moved; the frameworks with their controls by status."""

    open: Mapping[str, Any]
    moved: Sequence[tuple[str, int]]
    frameworks: Sequence[Mapping[str, Any]]


async def _count(look: Look, audits: Sequence[Mapping[str, Any]]) -> _Counted:
    wanted = {"group_by": ["dimension", "severity"], "status": "open"}
    return _Counted(
        await look.api.value("/v1/findings/summary", **wanted),
        [(name, await _moved(look, name)) for name in _DELTAS] if audits[1:] else [],
        await _frameworks(look, audits[0]),
    )


async def _audits(look: Look) -> Sequence[Mapping[str, Any]]:
    """Return the newest audits that ended well, the newest first."""
    page = await look.api.get("/v1/audits", status="completed", limit=str(_AUDITS))
    found: list[Mapping[str, Any]] = page["data"]
    return found


async def _moved(look: Look, delta: str) -> int:
    summary = await look.api.value("/v1/findings/summary", delta=delta, group_by="severity")
    count: int = summary["total"]
    return count


async def _frameworks(look: Look, audit: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the frameworks of what an audit looked at, with their controls by status."""
    if not look.may(Scope.POLICIES_READ):
        return []
    providers = {each["provider"] for each in audit["accounts"]}
    listed = (await look.api.value("/v1/frameworks", limit="200"))["data"]
    found: list[Mapping[str, Any]] = []
    for each in (item for item in listed if item["provider"] in providers):
        whole = await look.api.value(f"/v1/frameworks/{each['key']}", audit=audit["id"])
        found.append({**each, "counts": whole["counts"]})
    return found


def _dimensions(
    look: Look, audits: Sequence[Mapping[str, Any]], counted: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    words = words_of(look.visit.taste.language)
    found = []
    for name in Dimension:
        points = [
            Point(audit["finished_at"][:10], audit["dimensions"][name]["score"])
            for audit in reversed(audits)
        ]
        groups = counted["groups"] if counted else ()
        held = {g["severity"]: g["count"] for g in groups if g["dimension"] == name}
        counts = [(each.value, held.get(each, 0)) for each in reversed(Severity)]
        title = words.t("{name}: score over the audits", name=words.said(name))
        found.append(
            {
                "name": name.value,
                "score": points[-1].value,
                "before": points[-2].value if points[1:] else None,
                "points": points,
                "chart": trend(points, title=title, most=100),
                "counts": counts,
                "open": sum(held.values()) if counted else None,
                "shares": shares(counts, title=words.t("Open findings by severity")),
            }
        )
    return found


VIEWS = (View("/overview", "overview.html", _gather),)
