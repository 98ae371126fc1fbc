"""Which regions of an account are idle: they hold nothing but what every account has in each.

What a provider puts there by itself, and what only watches over a region, rows call `given`; what
another account owns is not its own. A bucket, which a global list names, is in the region that it
says. Refuses to guess: where a list was not read and nothing else was found, a region is idle
perhaps, and the reasons are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.records.blocks import Block
from cloudsealed.audits.records.reasons import EVERYTHING, Reason
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.collectors.model import GLOBAL, Row
from cloudsealed.collectors.paths import names_in, read
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import CallOutcome

_GUARD = "`true`"
_SETTLED = (CallOutcome.UNSUPPORTED, CallOutcome.DENIED_BY_ORGANIZATION)
"""How a list ends where the account has and can make no such thing in a region."""


class Idleness:
    """Looks at the lists of an audit; the answer for each region is found once."""

    def __init__(self, snapshots: Snapshots, listings: Sequence[Block], extent: Extent) -> None:
        self._snapshots = snapshots
        self._listings = listings
        self._extent = extent
        self.doubts = cache(self._doubts)
        self._located = cache(self._locate)

    def _doubts(self, account: str, region: str) -> tuple[Reason, ...] | None:
        """Return why a region may hold something: () of one that is idle, None of one that does
        hold something, or that the organisation denies to the account."""
        reasons: list[Reason] = []
        for found in self._looked_at(account, region):
            if found is None:
                return None
            reasons.append(found)
        return tuple(reasons)

    def _looked_at(self, account: str, region: str) -> Iterator[Reason | None]:
        """Yield None for something that the region holds, else why there may be something."""
        here = [b for b in self._listings if (b.account, b.region) == (account, region)]
        for block in sorted(here, key=lambda b: bool(RESOURCE_TYPES[b.key].given)):
            yield from _of_list(block)
            yield from self._of_resources(block)
        listed = {block.key for block in here}
        for kind, row in RESOURCE_TYPES.items():
            if row.located is not None:
                regions, doubts = self._located(account, kind)
                yield from [None] if region in regions else doubts
            elif row.scope != GLOBAL and not _is_nothing(row) and kind not in listed:
                yield from self._extent.left_out(kind, account, region, ())

    def _of_resources(self, block: Block) -> Iterator[Reason | None]:
        row = RESOURCE_TYPES[block.key]
        if _is_nothing(row):
            return
        own = (s for _, s in self._snapshots.of(block) if s["owner"] == s["account"])
        for snapshot in own:
            unread = _unread(row.given, snapshot) if row.given else None
            if unread or not row.given or not read(row.given, snapshot["document"]):
                yield unread

    def _locate(self, account: str, kind: str) -> tuple[frozenset[str], list[Reason]]:
        """Return the regions in which the resources of a global list are, and why there may be
        others."""
        blocks = [b for b in self._listings if (b.key, b.account) == (kind, account)]
        reasons = [found for block in blocks for found in _of_list(block) if found is not None]
        reasons += self._extent.left_out(kind, account, None, {b.region for b in blocks})
        regions = set()
        for snapshot in (s for block in blocks for _, s in self._snapshots.of(block)):
            located = RESOURCE_TYPES[kind].located or ""
            if region := read(located, snapshot["document"]):
                regions.add(region)
            elif unread := _unread(located, snapshot):
                reasons.append(unread)
        return frozenset(regions), reasons


def _is_nothing(row: Row) -> bool:
    """Whether what a row brings is never a holding: a place's settings, or what watches over it."""
    return row.operation is None or row.given == _GUARD


def _of_list(block: Block) -> Iterator[Reason | None]:
    """Yield why a list may lack something, None of a region that is denied."""
    gap = block.header["gap"]
    if gap and not _is_nothing(RESOURCE_TYPES[block.key]) and gap["outcome"] not in _SETTLED:
        yield None if gap["outcome"] == CallOutcome.REGION_DENIED else gap


def _unread(path: str, snapshot: Mapping[str, Any]) -> Reason | None:
    """Return why what a path reads of a resource is not known."""
    lacking = (names_in(path) | {EVERYTHING}) & snapshot["unread"].keys()
    return snapshot["unread"][min(lacking)] if lacking else None
