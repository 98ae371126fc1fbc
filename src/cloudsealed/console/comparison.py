"""Two audits side by side: scores, counts, and what became of findings between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.console.asking import ApiRefusedError
from cloudsealed.console.look import Look
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import DeltaKind, Dimension, Outcome

AGAINST = "against"
_FIRST = 20  # findings of each kind of delta


async def compared(
    look: Look, audit: Mapping[str, Any], other: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what differs between two completed audits: rows (name, then, now) of scores and
    counts, and the policies whose failures differ."""
    return {
        "scores": [(name.value, _score(other, name), _score(audit, name)) for name in Dimension],
        "counts": _counts(other, audit),
        "policies": await _policies(look, audit, other),
    }


def _score(audit: Mapping[str, Any], name: Dimension) -> int | None:
    score: int | None = audit["dimensions"][name]["score"] if audit["dimensions"] else None
    return score


def _counts(
    then: Mapping[str, Any], now: Mapping[str, Any]
) -> list[tuple[str, int | None, int | None]]:
    counts = [(audit["counts"] or {}) for audit in (then, now)]
    outcomes = [(name.value, counts[0].get(name), counts[1].get(name)) for name in Outcome]
    return [("resources", then["resources"], now["resources"]), *outcomes]


async def _policies(
    look: Look, audit: Mapping[str, Any], other: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """Return the policies that fail for another number of resources, those that moved most first;
    None when the evidence of one of the two is gone."""
    if "expired" in (audit["evidence"], other["evidence"]):
        return None
    now, then = await _fails(look, audit["id"]), await _fails(look, other["id"])
    nothing = ("", 0)
    rows: list[dict[str, Any]] = [
        {
            "key": key,
            "title": now.get(key, nothing)[0] or then.get(key, nothing)[0],
            "then": then.get(key, nothing)[1],
            "now": now.get(key, nothing)[1],
        }
        for key in now | then
    ]
    moved = [row for row in rows if row["then"] != row["now"]]
    return sorted(moved, key=lambda row: (-abs(row["now"] - row["then"]), row["key"]))


async def _fails(look: Look, ident: str) -> dict[str, tuple[str, int]]:
    """Return the title of each policy of an audit, and of how many resources it fails."""
    found: dict[str, tuple[str, int]] = {}
    cursor = None
    while True:  # a tenant has some pages of policies at most
        page = await look.api.value(f"/v1/audits/{ident}/cells", limit="200", cursor=cursor)
        for row in page["data"]:
            found[row["policy"]["key"]] = (row["title"], sum(c["fail"] for c in row["cells"]))
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def before(look: Look, ident: str) -> str | None:
    """Return the audit that the API compares one with, for what became of findings since; None
    where there is none, or its evidence is gone."""
    try:
        summary = await look.api.value(
            "/v1/findings/summary", audit=ident, delta=DeltaKind.NEW.value, group_by="severity"
        )
    except ApiRefusedError as error:
        if error.status != EvidenceExpiredError.status:
            raise
        return None
    found: str | None = (summary["compared"] or {}).get("before_id")
    return found


async def deltas(
    look: Look, audit: Mapping[str, Any], against: str
) -> list[tuple[str, Sequence[Mapping[str, Any]], bool]] | None:
    """Return the findings of each kind of delta since an audit, and whether there are more; None
    where the evidence of one of the two is gone.

    Raises ApiRefusedError where that audit is the later one.
    """
    found = []
    asked = {"audit": audit["id"], "against": against, "limit": str(_FIRST)}
    for kind in DeltaKind:
        try:
            page = await look.api.get("/v1/findings", **asked, delta=kind.value)
        except ApiRefusedError as error:
            if error.status != EvidenceExpiredError.status:
                raise
            return None
        found.append((kind.value, page["data"], page["has_more"]))
    return found


def is_later(refusal: ApiRefusedError) -> bool:
    """Say whether what was refused is to compare with an audit that began later."""
    return refusal.code == f"invalid_{AGAINST}_filter"
