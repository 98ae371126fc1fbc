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

from cloudsealed.collectors.asked import asked
from cloudsealed.collectors.asking import parameters_of, turned
from cloudsealed.collectors.draft import Draft, draft_of
from cloudsealed.collectors.enrichment import complete
from cloudsealed.collectors.model import (
    AGAIN,
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
from cloudsealed.collectors.together import Lists
from cloudsealed.vocabulary import CallOutcome

Derived = Snapshot | Listing
_Page = list[tuple[Mapping[str, Any], Unit | None]]


def walk(
    row: Row,
    place: Place,
    caller: Caller,
    map_calls: MapCalls | None = None,
    *,
    again: bool = False,
) -> Iterator[Derived]:
    """Yield a snapshot for every resource of `row` in `place`, and its Listing at the end.

    Pages of a list are asked for one after the other; the enriching calls of one page of resources
    are handed to `map_calls` together, which may run them in parallel but answers in order; lists
    that say the same of all resources are asked for before them. With `again` the lists are asked
    for a second time, under pages of their own.
    """
    ask = map_calls or (lambda requests: map(caller.call, requests))
    seen = _Seen(AGAIN if again else 0)
    made = asked(row)
    lists = Lists(made.lists, place, caller, seen.first_page)
    for page in _listed(row, place, caller, seen):
        drafts = [draft for item, unit in page if (draft := seen.draft(row, place, item, unit))]
        complete(drafts, row, place, made, lists, ask)
        there = [draft for draft in drafts if not draft.gone]
        seen.resources += len(there)
        seen.gone += [ident for draft in drafts if draft.gone for ident in draft.idents]
        yield from (draft.snapshot(row, place) for draft in there)
    yield seen.listing(row, place)


@dataclass(slots=True)
class _Seen:
    """How the list calls of a walk went."""

    first_page: int
    units: list[Unit] = field(default_factory=list)
    called_at: datetime | None = None
    gap: Gap | None = None
    resources: int = 0
    unsupported: bool = False
    gone: list[str] = field(default_factory=list)

    def next(self, request: CallRequest, answer: Answer) -> CallRequest | None:
        """Take note of an answer; return the request of the next page, if one is to be made."""
        after, gap = turned(request, answer)
        self.units.append(request.unit)
        if request.gone and answer.outcome is CallOutcome.GONE:  # the parent, and what was in it
            return None
        self.called_at = self.called_at or answer.called_at
        if answer.outcome is CallOutcome.UNSUPPORTED:
            self.unsupported = True
            return None
        self.gap = self.gap or gap
        return after

    def draft(
        self, row: Row, place: Place, item: Mapping[str, Any], unit: Unit | None
    ) -> Draft | None:
        """Return the draft of an item; for one without an id, take note that the list is not whole,
        so that nothing is gone because of it."""
        try:
            return draft_of(row, place, item, unit)
        except Exception as error:  # what is in an item must not end more than the item
            self.gap = self.gap or _unread(unit, error)
            return None

    def items(
        self, row: Row, inherited: Mapping[str, Any], request: CallRequest, answer: Answer
    ) -> _Page:
        """Return the items of an answer, each with what it inherits and the call that named it."""
        try:
            found = read(row.items, answer.document) if answer.document else None
            return [({**inherited, **item}, request.unit) for item in found or ()]
        except Exception as error:  # what is in an answer must not end more than its list
            self.gap = self.gap or _unread(request.unit, error)
            return []

    def _outcome(self) -> CallOutcome:
        if self.gap is not None:
            return self.gap.outcome
        if self.unsupported:
            return CallOutcome.UNSUPPORTED
        return CallOutcome.OK if self.resources else CallOutcome.EMPTY

    def listing(self, row: Row, place: Place) -> Listing:
        return Listing(
            provider=place.provider,
            account=place.account,
            region=place.region,
            type=row.type,
            complete=self.gap is None and not self.unsupported,
            outcome=self._outcome(),
            resources=self.resources,
            units=tuple(self.units),
            called_at=self.called_at,
            gap=self.gap,
            gone=tuple(self.gone),
        )


def _unread(unit: Unit | None, error: Exception) -> Gap | None:
    """Return the gap of a list whose answer cannot be read; a singleton has no list."""
    return Gap(unit, CallOutcome.FAILED, type(error).__name__) if unit else None


def _listed(row: Row, place: Place, caller: Caller, seen: _Seen) -> Iterator[_Page]:
    """Yield the items of each page of the row's list, with the call that named them."""
    if row.operation is None:
        yield [({"AccountId": place.account}, None)]
        return
    for parent, named_by in _parents(row, place, caller, seen):
        try:
            inherited = {name: read(path, parent) for name, path in row.inherit.items()}
            request = _list_request(row, row.operation, place, inherited, seen.first_page)
        except Exception as error:  # of this parent nothing is known, and of others all
            seen.gap = seen.gap or _unread(named_by, error)
            continue
        while request is not None:
            answer = caller.call(request)
            yield seen.items(row, inherited, request, answer)
            request = seen.next(request, answer)


def _parents(
    row: Row, place: Place, caller: Caller, seen: _Seen
) -> Iterator[tuple[Mapping[str, Any], Unit | None]]:
    if row.parent is None:
        yield {}, None
        return
    for page in _listed(RESOURCE_TYPES[row.parent], place, caller, seen):
        yield from page


def _list_request(
    row: Row, operation: str, place: Place, inherited: Mapping[str, Any], page: int
) -> CallRequest | None:
    parameters = parameters_of(row.params, row.constants, inherited, place)
    if parameters is None:
        return None
    unit = unit_of(place, row.service, operation, parameters, page)
    return CallRequest(
        unit=unit,
        items=row.items,
        gone=row.gone,
        omits_empty=row.omits_empty,
        secret_paths=row.secret_paths,
    )
