"""Related resources: joined once an audit by an index, never fetched by an expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.judging.idle import Idleness
from cloudsealed.audits.records.blocks import Block
from cloudsealed.audits.records.reasons import EVERYTHING, Reason, gap_document, underived_reason
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.collectors.model import GLOBAL, Gap, Place, unit_of
from cloudsealed.collectors.paths import names_in, read
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import CallOutcome

_INDEXES = 64
_MOST_CANDIDATES = 100
"""Resources of which each may be a related one; of more, none is named."""
_PARTS = ("type", "from", "key", "scope")
Snapshot = Mapping[str, Any]


@dataclass(slots=True)
class Found:
    """The related snapshots, and with `reasons` why they may not be all.

    Each of `perhaps` may be another, and if it `is_open` there may be others that nobody saw.
    `unread` are the attributes that some of all these lack.
    """

    snapshots: Sequence[Snapshot]
    unread: frozenset[str] = frozenset()
    reasons: Sequence[Reason] = ()
    perhaps: Sequence[Snapshot] = ()
    is_open: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, of each snapshot what a rule is given."""
        return {
            "snapshots": [_judged(each) for each in self.snapshots],
            "unread": sorted(self.unread),
            "reasons": self.reasons,
            "perhaps": [_judged(each) for each in self.perhaps],
            "is_open": self.is_open,
        }


def found_of(document: Mapping[str, Any]) -> Found:
    """Return what `Found.as_dict` described."""
    return Found(**{**document, "unread": frozenset(document["unread"])})


def _judged(snapshot: Snapshot) -> dict[str, Any]:
    return {name: snapshot[name] for name in ("document", "unread")}


@dataclass(frozen=True, slots=True)
class _Index:
    """The resources of a type: `whole` is all of them, and why there may be others; `undecided` are
    those whose key is not known, `doubts` why it is not."""

    whole: Found
    by_key: Mapping[str, list[Snapshot]]
    undecided: list[Snapshot]
    doubts: list[Reason]


class Relations:
    """Answers which resources a policy's relation means for one resource."""

    def __init__(self, snapshots: Snapshots, listings: Sequence[Block], extent: Extent) -> None:
        self._snapshots = snapshots
        self._listings = listings
        self._extent = extent
        self._index = lru_cache(maxsize=_INDEXES)(self._build)
        self._idleness = Idleness(snapshots, listings, extent)
        self._asked: Snapshot | None = None
        self._answers: dict[tuple[str | None, ...], Found] = {}

    def of(
        self, snapshot: Snapshot, relations: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Found]:
        """Return what each of a policy's relations (type, from, key, scope) joins to `snapshot`.

        Policies of a resource ask the same of it again and again, so the answers of the last one
        that was asked about are kept.
        """
        if self._asked is not snapshot:
            self._asked = snapshot
            self._answers = {}
        found: dict[str, Found] = {}
        for name, relation in relations.items():
            asked = tuple(relation.get(part) for part in _PARTS)
            if asked not in self._answers:
                self._answers[asked] = self._of(snapshot, relation)
            found[name] = self._answers[asked]
        return found

    def _of(self, snapshot: Snapshot, relation: Mapping[str, Any]) -> Found:
        scope, kind = relation.get("scope"), relation["type"]
        far = scope == "account" or GLOBAL in (RESOURCE_TYPES[kind].scope, snapshot["region"])
        region = None if scope is None or far else snapshot["region"]
        idle = scope == "idle_regions"
        index = self._index(kind, relation["key"], snapshot["account"], region, idle)
        if relation["from"] is None:
            return index.whole
        unread = snapshot["unread"]
        lacking = (names_in(relation["from"]) | {EVERYTHING}) & unread.keys() if unread else ()
        if lacking:
            return _anything(index, [unread[name] for name in sorted(lacking)])
        return _joined(index, _texts(read(relation["from"], snapshot["document"])))

    def _build(
        self, kind: str, key: str | None, account: str, region: str | None, idle: bool
    ) -> _Index:
        listings = [
            b
            for b in self._listings
            if b.key == kind and b.account == account and region in (None, b.region)
        ]
        known: list[Snapshot] = []
        perhaps: list[Snapshot] = []
        gaps = self._extent.left_out(kind, account, region, {b.region for b in listings})
        held: list[Reason] = []
        for block in listings:
            may_hold = self._idleness.doubts(account, block.region) if idle else ()
            if may_hold is not None:
                (perhaps if may_hold else known).extend(s for _, s in self._snapshots.of(block))
                held += may_hold
                gaps += [gap] if (gap := block.header["gap"]) else []
                gaps += [_nowhere(block)] if region is not None and _is_unsupported(block) else []
        unread = frozenset[str]().union(*(each["unread"] for each in (*known, *perhaps)))
        whole = Found(known, unread, [*gaps, *held], perhaps, is_open=bool(gaps))
        by_key: dict[str, list[Snapshot]] = {}
        undecided, doubts = list(perhaps), list[Reason]()
        for snapshot in known if key else ():
            values, doubt = _keys(snapshot, key or "")
            for value in values:
                by_key.setdefault(value, []).append(snapshot)
            if doubt is not None:
                undecided.append(snapshot)
                doubts.append(doubt)
        return _Index(whole, by_key, undecided, doubts)


def _is_unsupported(listing: Block) -> bool:
    return bool(listing.header["outcome"] == CallOutcome.UNSUPPORTED)


def _nowhere(listing: Block) -> Reason:
    """Return why nothing is said of what is related in a region that has no such thing."""
    row = RESOURCE_TYPES[listing.key]
    place = Place(listing.account, listing.region)
    unit = unit_of(place, row.service, row.operation or "", {})
    return gap_document(Gap(unit, CallOutcome.UNSUPPORTED))


def _keys(snapshot: Snapshot, key: str) -> tuple[list[str], Reason | None]:
    """Return what a resource is joined by, or why that is not known."""
    lacking = (names_in(key) | {EVERYTHING}) & snapshot["unread"].keys()
    if lacking:
        return [], snapshot["unread"][min(lacking)]
    try:
        return _texts(read(key, snapshot["document"])), None
    except Exception as error:  # whom it would join is not known
        return [], underived_reason(type(error).__name__)


def _joined(index: _Index, wanted: Sequence[str]) -> Found:
    if not wanted:
        return Found(())
    matched = {id(target): target for key in wanted for target in index.by_key.get(key, ())}
    found, whole = list(matched.values()), index.whole
    if not whole.is_open and not index.undecided:
        return Found(found, whole.unread)
    reasons = [*whole.reasons, *index.doubts]
    return Found(found, whole.unread, reasons, index.undecided, whole.is_open)


def _anything(index: _Index, reasons: list[Reason]) -> Found:
    """What is joined by something that was not read: any resource may be, and none must."""
    whole = index.whole
    candidates = [*whole.snapshots, *whole.perhaps]
    if not candidates and not whole.is_open:
        return Found(())
    few = len(candidates) <= _MOST_CANDIDATES
    perhaps = candidates if few else ()
    reasons = [*reasons, *whole.reasons]
    return Found((), whole.unread, reasons, perhaps, not few or whole.is_open)


def _texts(found: Any) -> list[str]:
    values = found if isinstance(found, list) else [found]
    return list(dict.fromkeys(str(value) for value in values if value is not None))
