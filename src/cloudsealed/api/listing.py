"""Lists: from `limit`, `cursor`, `sort` and filters to one page, in the shape that all lists have.

The answer is exactly {"data", "next_cursor", "has_more"}, joined from objects that are bytes already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict
from urllib.parse import urlencode

from cloudsealed.api.errors import InvalidCursorError, InvalidLimitError, InvalidSortError
from cloudsealed.api.query import Given, Parameter, read_filter
from cloudsealed.kit import cursor
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.filters import Filter, with_negations
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.keyset import Listing, Page

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
_LIMIT = re.compile(r"[0-9]{1,3}")

LIMIT = Parameter("limit", "How many objects a page holds at most, 1 to 200", default="50")
CURSOR = Parameter(
    "cursor",
    "Where the page begins: `next_cursor` of the page before it",
    example="eyJpZCI6ImZuZF8wMUo4WlE0WDdNMk41UDhSMVQ0VjZXOVlBQyJ9",
)


Filters = Mapping[str, tuple[str, ...]]


class PageArguments(TypedDict):
    """What a noun's `list` takes besides the tenant."""

    filters: Filters
    sort: str
    after: Position | None
    limit: int


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list route can be asked: its filters and sorts, and which index serves which.

    `table` is None for a list in an order of its own.
    """

    filters: tuple[Filter, ...] = ()
    table: Listing | None = None

    @classmethod
    def of(cls, table: Listing, *, without: Sequence[str] = ()) -> Listed:
        """Return the route's view of a noun's listing, some of its filters left out."""
        kept = [item for item in table.filters if item.is_public and item.name not in without]
        return cls(with_negations(kept), table)

    @property
    def sorts(self) -> tuple[str, ...]:
        """Every sort, the default first."""
        return (*self.table.sorts, *self.table.arranged) if self.table is not None else ()

    @property
    def parameters(self) -> dict[str, Filter | Parameter]:
        """Every query parameter by name."""
        found: dict[str, Filter | Parameter] = {"limit": LIMIT, "cursor": CURSOR}
        if len(self.sorts) > 1:
            found["sort"] = Parameter("sort", "Order, descending", self.sorts, default="-id")
        return found | {item.name: item for item in self.filters}

    def asked(self, given: Given) -> tuple[Filters, str]:
        """Return the filters of a query and its order; raises a 422 for the first bad one."""
        filters = {
            item.name: read_filter(item, given[item.name])
            for item in self.filters
            if item.name in given
        }
        return filters, _sort(self, filters, _only(given, "sort"))


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk through a list: what every page of it has in common."""

    tenant: str
    path: str
    given: Given
    filters: Filters
    sort: str

    @property
    def context(self) -> str:
        """What its cursors are signed with."""
        filters = {name: sorted(values) for name, values in self.filters.items()}
        return canonical([self.tenant, self.path, filters, self.sort]).decode()


class Pages:
    """Reads what a page is asked for and writes the answer, with the server's cursor keys."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys.live("cursors")

    def read(
        self, listed: Listed, given: Given, *, tenant: str, path: str
    ) -> tuple[Walk, PageArguments]:
        """Return the walk and this page of it; raises a 422 for the first bad parameter."""
        limit = _limit(_only(given, "limit"))
        filters, sort = listed.asked(given)
        walk = Walk(tenant, path, given, filters, sort)
        after = self._after(walk, _only(given, "cursor"))
        page = PageArguments(filters=filters, sort=sort, after=after, limit=limit)
        return walk, page

    def answer(self, walk: Walk, page: Page, base: str) -> tuple[bytes, dict[str, str]]:
        """Return the body of a page and its headers; `base` is what absolute links begin with."""
        data = b",".join(page.items)
        if page.next is None:
            return b'{"data":[' + data + b'],"next_cursor":null,"has_more":false}', {}
        text = cursor.encode(page.next, key=self._keys[0].secret, context=walk.context)
        body = b'{"data":[' + data + b'],"next_cursor":"' + text.encode() + b'","has_more":true}'
        query = urlencode({**walk.given, "cursor": text}, doseq=True)
        return body, {"Link": f'<{base}{walk.path}?{query}>; rel="next"'}

    def _after(self, walk: Walk, text: str | None) -> Position | None:
        if text is None:
            return None
        keys = tuple(key.secret for key in self._keys)
        position = cursor.decode(text, keys=keys, context=walk.context)
        if position is None:
            message = "cursor must be the next_cursor of a page of this list with the same filters"
            raise InvalidCursorError("cursor", message)
        return position


def _only(given: Given, name: str) -> str | None:
    return given[name][0] if name in given else None


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= LARGEST_LIMIT:
        message = f"limit must be a whole number from 1 to {LARGEST_LIMIT}"
        raise InvalidLimitError("limit", message)
    return int(text)


def _sort(listed: Listed, filters: Mapping[str, tuple[str, ...]], asked: str | None) -> str:
    table, sort = listed.table, "-id" if asked is None else asked
    if table is None:
        return sort
    if sort not in listed.sorts:
        raise InvalidSortError("sort", f"sort must be one of: {', '.join(listed.sorts)}")
    pinned = any(item.pins and item.name in filters for item in listed.filters)
    if not table.allows(filters, sort) or (pinned and sort != "-id"):
        raise InvalidSortError("sort", f"sort {sort} cannot be served together with these filters")
    return sort
