"""What a list says of all resources of a row, held until each of them is come to.

A list is asked for with the first resource, page by page; of each of its items what a resource may
be told is held as bytes, equal ones once. What it could not say is left to the calls for single
resources, and why. It refuses to take a list that broke off for one that lacks a resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import orjson

from cloudsealed.collectors.asking import turned
from cloudsealed.collectors.draft import Draft
from cloudsealed.collectors.model import (
    CIRCUIT_OPEN,
    Caller,
    CallRequest,
    Document,
    Enrich,
    Gap,
    Place,
    Together,
    Unit,
    unit_of,
)
from cloudsealed.collectors.paths import read
from cloudsealed.collectors.providers import provider_of
from cloudsealed.vocabulary import CallOutcome


@dataclass(slots=True)
class Held:
    """One list in one place: by key, what it fills and the page that said so."""

    list: Together
    first: Unit
    gap: Gap | None = None
    last: Unit | None = None
    _items: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    _joined: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _values: dict[bytes, bytes] = field(default_factory=dict)

    def tell(self, draft: Draft) -> None:
        """Fill a draft from the list that was read; what it could not say for a reason of its own
        is named in `draft.untold`. Of what is not this account's it says nothing."""
        key = read(self.list.of, draft.document)
        values, units = self._said_of(str(key))
        if key is None or values is None:
            if self.gap is not None:
                draft.untold.update(dict.fromkeys(self.list.fills, self.gap))
        elif not values and self.list.lacking is None:
            draft.gone = True
        else:
            draft.document |= {name: each for name, each in values.items() if each is not None}
            draft.sources |= dict.fromkeys(self.list.fills, units)

    def _said_of(self, key: str) -> tuple[Document | None, tuple[Unit, ...]]:
        """Return what the list says, None when it broke off before it did, and where."""
        if key not in self._items:
            lacking = None if self.gap or self._is_anothers(key) else self.list.lacking or {}
            return lacking, (self.last,) if self.last else ()
        found, page = self._items[key]
        values = orjson.loads(found)
        for name in self.list.joins:
            there = [self._joined.get((name, str(each))) for each in values[name] or ()]
            if self.gap is not None and None in there:
                return None, ()
            values[name] = [orjson.loads(each) for each in there if each is not None]
        return values, (replace(self.first, page=page),)

    def _is_anothers(self, key: str) -> bool:
        """Say whether a key is the ARN of something in another account."""
        parts = key.split(":")
        return parts[0] == "arn" and len(parts) > 4 and parts[4] not in ("", self.first.account)

    def read(self, caller: Caller) -> None:
        """Ask for the list, once. What a caller raises ends it."""
        if self.last is not None:
            return
        members = _listing_members(self.first.provider, self.list.service, self.list.operation)
        request: CallRequest | None = CallRequest(self.first, fills=members)
        while request is not None:
            answer = caller.call(request)
            self.last = request.unit
            after, gap = turned(request, answer)
            if answer.document is None:
                gap = gap or Gap(request.unit, answer.outcome, answer.error_code)
            try:
                self._keep(answer.document or {}, request.unit.page)
            except Exception as error:  # what is in an answer must not end more than its list
                gap = gap or Gap(request.unit, CallOutcome.FAILED, type(error).__name__)
            self.gap = self.gap or gap
            request = after

    def _keep(self, document: Document, page: int) -> None:
        for key, values in _by_key(document, self.list.items, self.list.key, self.list.fills):
            self._items[key] = (self._values.setdefault(values, values), page)
        for name, (items, key_path, value) in self.list.joins.items():
            for key, values in _by_key(document, items, key_path, value):
                self._joined[name, key] = values


def _by_key(
    document: Document, items: str, key: str, wanted: Mapping[str, str] | str
) -> Iterator[tuple[str, bytes]]:
    """Yield the key of each item and, as bytes, what is wanted of it: a path, or several by name.
    Raises LookupError for an item without a key."""
    for item in read(items, document) or ():
        if (found := read(key, item)) is None:
            raise LookupError(key)
        if isinstance(wanted, str):
            yield str(found), orjson.dumps(read(wanted, item))
        else:
            values = {name: read(path, item) for name, path in wanted.items()}
            yield str(found), orjson.dumps(values)


@cache
def _listing_members(provider: str, service: str, operation: str) -> tuple[str, ...]:
    """Return the members of an answer that are lists: one of them is in each that is one."""
    shape = provider_of(provider).shape_of(service, operation) or {}
    return tuple(name for name, member in shape.items() if isinstance(member, list))


class Lists:
    """The lists of one walk, and which of the calls in their place were refused too."""

    def __init__(self, lists: Iterable[Together], place: Place, caller: Caller, page: int) -> None:
        """`page` is the number of their first pages."""
        self._caller = caller
        self._held = [
            Held(each, unit_of(place, each.service, each.operation, each.constants, page))
            for each in lists
        ]
        self._refused: set[str] = set()

    def tell(self, drafts: Iterable[Draft]) -> None:
        """Fill drafts from the lists, which are asked for with the first."""
        for held in self._held:
            for draft in drafts:
                held.read(self._caller)
                if not draft.gone:
                    with draft.alone():
                        held.tell(draft)

    def allows(self, call: Enrich, gap: Gap) -> bool:
        """Say whether a call may stand in for a list with this gap: not where nobody answers or
        asks for patience, and not when it was refused to the one that tried."""
        passes = gap.outcome is CallOutcome.THROTTLED or gap.error_code == CIRCUIT_OPEN
        return not passes and call.operation not in self._refused

    def refuse(self, call: Enrich) -> None:
        """Take note that a call in place of a list was refused."""
        self._refused.add(call.operation)
