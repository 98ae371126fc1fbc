"""Lists: pages that are followed to as many objects as are asked for.

People get a table, the worst first, and how many more there are. Programs get the JSON of a page,
in the order of the API when it is all of them: only in that order a walk shows every object once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from cloudsealed.cli.client import show
from cloudsealed.cli.client.asked import Asked
from cloudsealed.cli.client.columns import COLUMNS, Column
from cloudsealed.cli.client.send import AnswerError
from cloudsealed.cli.client.table import Operation
from cloudsealed.cli.exchange import ServerError

_LARGEST: Final = 200
COUNTED: Final = 1_000
"""How many objects beyond those shown are counted, to say how many more there are."""
_COUNTED_PAGES: Final = 10
_WANTED: Final = "-severity"
Page = Mapping[str, Any]


@dataclass(slots=True)
class Walk:
    """A list of the server, followed page by page. `next` is where it goes on, None at the end."""

    operation: Operation
    asked: Asked
    ask: Callable[[Asked], Any]
    pages: int = 0
    next: str | None = None
    _sort: str = field(default="", init=False)

    def sort(self, name: str) -> None:
        """Wish for an order, unless another is asked for; where the filters allow none, there is
        none."""
        known = self.operation.parameter("sort")
        if known is not None and name in known.choices and not self._has("sort", "cursor"):
            self._sort = name

    @property
    def order(self) -> str:
        """The order that the server is asked for, empty for its own."""
        return self._sort or next((v for n, v in self.asked.query if n == "sort"), "")

    def show(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """Ask for what these show alone; return those to show, which are others where parts are
        asked for."""
        if self._has("fields"):
            named = (value for name, value in self.asked.query if name == "fields")
            return tuple(Column(path, folds=True) for text in named for path in text.split(","))
        if columns and self.operation.parameter("fields"):
            paths = ",".join(column.path for column in columns)
            self.asked = replace(self.asked, query=[*self.asked.query, ("fields", paths)])
        return columns

    def _has(self, *names: str) -> bool:
        return any(name in names for name, _value in self.asked.query)

    def objects(self, most: int | None) -> Iterator[Any]:
        """Yield the objects, `most` or all; the pages that are asked for are no larger."""
        left = most
        while left is None or left > 0:
            page = self._page(_LARGEST if left is None else min(left, _LARGEST))
            yield from page["data"]
            left = None if left is None else left - len(page["data"])
            if self.next is None:
                return

    def _page(self, limit: int) -> Page:
        query = [pair for pair in self.asked.query if pair[0] != "cursor" or self.pages == 0]
        query += [("cursor", self.next)] if self.next else []
        query += [("sort", self._sort)] if self._sort else []
        try:
            page = self.ask(replace(self.asked, query=[*query, ("limit", str(limit))]))
        except AnswerError as error:
            if error.code != "invalid_sort" or not self._sort or self.pages:
                raise
            self._sort = ""
            return self._page(limit)
        if not isinstance(page, dict) or not isinstance(page.get("data"), list):
            raise ServerError("What was answered is no page of a list: is it CloudSealed?")
        self.pages += 1
        self.next = page.get("next_cursor")
        return page


def show_json(walk: Walk, limit: int | None) -> None:
    """Write the page that all that was asked for makes."""
    if limit is not None:
        walk.sort(_WANTED)
    show.page(
        walk.objects(limit), lambda: {"next_cursor": walk.next, "has_more": walk.next is not None}
    )


def show_table(walk: Walk, limit: int | None) -> None:
    """Show a table, and say how many more there are, as far as that is soon told."""
    if limit is not None:
        walk.sort(_WANTED)
    is_filtered = bool(walk.asked.query)
    columns = walk.show(COLUMNS.get(walk.operation.object, ()))
    found = list(_rows(walk, limit))
    if walk.next is None and not walk.order:
        found.sort(key=_rank(walk.operation))
    shown = found if limit is None else found[:limit]
    show.table(shown, columns or _first(shown))
    if len(shown) < len(found):
        more = "" if walk.next is None else "over "
        show.note(f"{len(shown)} of {more}{len(found)}: more with --limit N, all with --all")
    elif not shown:
        show.note("There are none" + (" like that" if is_filtered else ""))


def _rows(walk: Walk, limit: int | None) -> Iterator[Any]:
    """Yield all that a table is made of: what is shown, and what is counted besides."""
    if limit is None:
        yield from walk.objects(None)
        return
    enough = 0
    for number, item in enumerate(walk.objects(limit + COUNTED)):
        if number < limit:
            enough = walk.pages
        elif walk.pages > enough + _COUNTED_PAGES:
            return
        yield item


def _rank(operation: Operation) -> Callable[[Any], int]:
    """Return the order of rows by severity, the worst first; other rows stay as they are."""
    known = operation.parameter(_WANTED.removeprefix("-"))
    words = known.choices if known else ()

    def rank(item: Mapping[str, Any]) -> int:
        word = item.get("severity")
        return -words.index(word) if word in words else 1

    return rank


def _first(items: list[Any]) -> tuple[Column, ...]:
    """Return columns for objects that no table is made for: their first plain values."""
    first = items[0] if items else {}
    plain = (name for name, value in first.items() if not isinstance(value, dict | list))
    return tuple(Column(name) for name in islice(plain, 6))
