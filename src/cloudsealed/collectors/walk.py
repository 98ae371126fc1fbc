"""From a row and a place to snapshots: the one traversal, live and from a ledger alike.

It asks for each unit and derives from the answers alone; asked again with stored answers it
yields the same. It holds one page of resources at a time. It refuses to store, to retry and to
read a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cloudsealed.collectors.asking import following, gap_of, parameters_of
from cloudsealed.collectors.draft import draft_of
from cloudsealed.collectors.enrichment import enrich
from cloudsealed.collectors.model import (
    Answer,
    Caller,
    CallRequest,
    Gap,
    Listing,
    MapCalls,
    Place,
    Row,
    Snapshot,
    Unit,
    unit_of,
)
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import CallOutcome

Derived = Snapshot | Listing


def walk(
    row: Row, place: Place, caller: Caller, map_calls: MapCalls | None = None
) -> Iterator[Derived]:
    """Yield a snapshot for every resource of `row` in `place`, and its Listing at the end.

    Pages of a list are asked for one after the other; the enriching calls of one page of resources
    are handed to `map_calls` together, which may run them in parallel but answers in order.
    """
    ask = map_calls or (lambda requests: map(caller.call, requests))
    seen = _Seen()
    for page in _listed(row, place, caller, seen):
        drafts = [draft_of(row, place, item, unit) for item, unit in page]
        for stage in row.stages:
            enrich(stage, row, place, drafts, ask)
        there = [draft for draft in drafts if not draft.gone]
        seen.resources += len(there)
        seen.gone += [draft.native_id for draft in drafts if draft.gone]
        yield from (draft.snapshot(row, place) for draft in there)
    yield seen.listing(row, place)


@dataclass(slots=True)
class _Seen:
    """How the list calls of a walk went."""

    units: list[Unit] = field(default_factory=list)
    called_at: datetime | None = None
    gap: Gap | None = None
    resources: int = 0
    gone: list[str] = field(default_factory=list)

    def next(self, request: CallRequest, answer: Answer) -> CallRequest | None:
        """Take note of an answer; return the request of the next page, if one is to be made."""
        after = following(request, answer)
        gap = gap_of(request, answer, after)
        self.units.append(request.unit)
        if request.gone and answer.outcome is CallOutcome.GONE:  # the parent, and what was in it
            return None
        self.called_at = self.called_at or answer.called_at
        self.gap = self.gap or gap
        return after if gap is None else None

    def listing(self, row: Row, place: Place) -> Listing:
        found = CallOutcome.OK if self.resources else CallOutcome.EMPTY
        return Listing(
            provider=place.provider,
            account=place.account,
            region=place.region,
            type=row.type,
            complete=self.gap is None,
            outcome=self.gap.outcome if self.gap else found,
            resources=self.resources,
            units=tuple(self.units),
            called_at=self.called_at,
            gap=self.gap,
            gone=tuple(self.gone),
        )


_Page = list[tuple[Mapping[str, Any], Unit | None]]


def _listed(row: Row, place: Place, caller: Caller, seen: _Seen) -> Iterator[_Page]:
    """Yield the items of each page of the row's list, with the call that named them."""
    if row.operation is None:
        yield [({"AccountId": place.account}, None)]
        return
    for parent in _parents(row, place, caller, seen):
        inherited = {name: read(path, parent) for name, path in row.inherit.items()}
        request = _list_request(row, row.operation, place, inherited)
        while request is not None:
            answer = caller.call(request)
            items = read(row.items, answer.document) if answer.document else None
            yield [({**inherited, **item}, request.unit) for item in items or ()]
            request = seen.next(request, answer)


def _parents(row: Row, place: Place, caller: Caller, seen: _Seen) -> Iterator[Mapping[str, Any]]:
    if row.parent is None:
        yield {}
        return
    for page in _listed(RESOURCE_TYPES[row.parent], place, caller, seen):
        yield from (item for item, _ in page)


def _list_request(
    row: Row, operation: str, place: Place, inherited: Mapping[str, Any]
) -> CallRequest | None:
    parameters = parameters_of(row.params, row.constants, inherited, place)
    if parameters is None:
        return None
    unit = unit_of(place, row.service, operation, parameters)
    return CallRequest(
        unit=unit, items=row.items, gone=row.gone, secret_paths=row.secret_paths
    )  # fmt: skip
