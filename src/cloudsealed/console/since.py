"""What opened, closed and re-opened since a day, over all that a visitor may see.

A finding that was re-opened more than once is one finding, and one that opened and closed since is
among both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from cloudsealed.console.counts import Counted
from cloudsealed.console.language import worded
from cloudsealed.console.look import Look, Query
from cloudsealed.vocabulary import FindingStatus

_SUMMARY = "/v1/findings/summary"
_ASKED = (FindingStatus.OPEN, FindingStatus.RESOLVED)
"""What asks, or asked, for attention: what is suppressed, or yields to another, does not."""

KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    worded("Opened"): ("first_seen_after", _ASKED),
    worded("Closed"): ("resolved_after", (FindingStatus.RESOLVED,)),
    worded("Reopened"): ("reopened_after", _ASKED),
}
"""The filter that tells each, and the statuses in which it is told."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How many findings there are of one kind, at least so many unless all were looked at, and the
    query of the list that has them."""

    name: str
    count: int
    complete: bool
    query: str


async def since(look: Look, day: str) -> Counted[list[Moved]] | None:
    """Return what became of findings since a day in UTC, as YYYY-MM-DD; None while that is being
    counted. Raises ApiRefusedError for what is no day."""
    caller = look.visit.me.caller
    key = (caller.tenant_id, caller.scopes, "since", day)
    return await look.counts.of(key, lambda: _counted(look, day))


async def _counted(look: Look, day: str) -> list[Moved]:
    moment = f"{day}T00:00:00Z" if len(day) == 10 else day
    found = []
    for name, (filter_name, statuses) in KINDS.items():
        asked: Query = {filter_name: [moment], "status": statuses}
        summary = await look.api.value(_SUMMARY, group_by="severity", **asked)
        query = urlencode(asked, doseq=True)
        found.append(Moved(name, summary["total"], summary["complete"], query))
    return found
