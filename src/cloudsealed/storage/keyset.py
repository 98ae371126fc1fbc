"""Keyset pagination over any table, from declared filters: never OFFSET, never a sort in memory.

A listing declares its filters. Those with `sorts` are *driving*: an index of the table serves them
together with each of those sorts. Every other filter narrows rows while they are read, so a page
reads at most `SCAN_ROWS` rows or `SCAN_SECONDS` and may hold fewer than `limit` while more remain.
One that an index can refute is asked before anything is read: what matches nothing ends at once.
What a filter takes and means is `storage.filters`'.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    case,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.sql import ClauseElement

from cloudsealed.kit.cursor import Position
from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.filters import NOT, Filter, UnknownValueError, with_negations

SCAN_ROWS = 20_000
SCAN_SECONDS = 0.05
LED = 50  # values that one filter gives a driving one
_CHUNK = 1_000
_ALL, _NONE = "~", ""  # above and below every id

Filters = Mapping[str, tuple[str, ...]]
Residual = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A noun's list: its table, the columns that a page reads, its filters, driving ones first.

    `sorts` maps each sort's public name to its column; `-id` is always there. `prepare` puts what
    a condition looks at in the place of the values that were given. `computed` are columns that
    the table has not, by name. `arranged` are sorts that no index serves: the noun reads its whole
    list for them, which must be short.
    """

    table: Table
    columns: tuple[str, ...]
    filters: tuple[Filter, ...]
    sorts: Mapping[str, str] = field(default_factory=lambda: {"-id": "id"})
    unfiltered_sorts: tuple[str, ...] = ("-id",)
    hidden: Callable[[Table], ColumnElement[bool]] | None = None
    prepare: Callable[[Filters], Filters] = lambda filters: filters
    computed: Mapping[str, Callable[[FromClause], ColumnElement[Any]]] = field(default_factory=dict)
    arranged: tuple[str, ...] = ()
    _by_name: Mapping[str, Filter] = field(init=False)

    def __post_init__(self) -> None:
        known = {item.name: item for item in with_negations(self.filters)}
        object.__setattr__(self, "_by_name", known)

    def filter(self, name: str) -> Filter:
        """Return the filter called `name`, or the negation."""
        return self._by_name[name]

    def shown(self, table: FromClause) -> list[ColumnElement[Any]]:
        """Return the columns that a page reads of `table`: its own, and those of `computed`."""
        return [
            self.computed[name](table) if name in self.computed else table.c[name]
            for name in self.columns
        ]

    def conditions(self, table: FromClause, residual: Residual) -> list[ColumnElement[bool]]:
        """Return the conditions of so many values of each filter, bound as `values` names them."""
        return [self.filter(name).matches(table, _binds(name, count)) for name, count in residual]

    def values(self, filters: Filters) -> dict[str, Any]:
        """Return what `conditions` are bound to."""
        return {
            f"{name}_{index}": self.filter(name).convert(value)
            for name, given in filters.items()
            for index, value in enumerate(given)
        }

    def driving(self, names: Mapping[str, Any], sort: str) -> Filter | None:
        """Return the filter whose index serves this list, or None for the table's own."""
        return next((f for f in self.filters if f.name in names and sort in f.sorts), None)

    def allows(self, names: Mapping[str, Any], sort: str) -> bool:
        """Say whether `sort` can be served under these filters."""
        served = (*self.unfiltered_sorts, *self.arranged)
        return sort in served or self.driving(names, sort) is not None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one page, and where the next begins; None when there is none."""

    rows: list[Row]
    next: Position | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of ready JSON objects, and where the next begins."""

    items: list[bytes]
    next: Position | None


def numbered(rows: Sequence[tuple[int, bytes]], limit: int) -> Page:
    """Return the page of (number, object) that one row more than `limit` was read for; a number is
    the id by which the next page begins."""
    more = len(rows) > limit
    kept = rows[:limit]
    return Page([item for _number, item in kept], Position(str(kept[-1][0])) if more else None)


def ordered(items: Mapping[str, Mapping[str, Any]], *, after: Position | None, limit: int) -> Page:
    """Return a page of objects of the program's own, in the order of their names."""
    names = sorted(name for name in items if after is None or name > after.id)
    following = Position(names[limit - 1]) if len(names) > limit else None
    return Page([orjson.dumps(items[name]) for name in names[:limit]], following)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What decides a statement's text; two queries of one shape share one compiled statement."""

    driving: str
    residual: Residual
    sort: str
    resumed: bool


def fetch(
    connection: Connection,
    listing: Listing,
    *,
    tenant: str,
    filters: Filters,
    sort: str,
    after: Position | None,
    limit: int,
) -> Rows:
    """Return one page in descending order of `sort`, then id.

    Each row is (id, sort value, *columns). `filters` were checked: known names, known values.
    """
    filters = listing.prepare(filters)
    refuse_strangers(connection, listing, tenant=tenant, filters=filters)
    filters = _led(connection, listing, filters, tenant=tenant, sort=sort)
    driving = listing.driving(filters, sort)
    others = {n: v for n, v in filters.items() if driving is None or n != driving.name}
    residual = counted(others)
    shape = _Shape(driving.name if driving else "", residual, sort, after is not None)
    base = {"tenant": tenant, **listing.values(others), **_resumed(after)}
    if not all(_may_match(connection, listing, name, count, base) for name, count in residual):
        return Rows([], None)
    chunk = min(limit + 1, _CHUNK)
    values = [driving.convert(v) for v in filters[driving.name]] if driving else [None]
    statement = statement_for(listing, shape)
    grouped = driving is not None and driving.column == listing.sorts[sort]
    scans = [
        _scan(connection, statement, _bounded(base, v, grouped=grouped), shape, chunk)
        for v in values
    ]
    return _collect(
        heapq.merge(*scans, key=lambda row: (row[1], row[0]), reverse=True), limit, sort
    )


def _led(
    connection: Connection, listing: Listing, filters: Filters, *, tenant: str, sort: str
) -> Filters:
    """Return filters with the values of a driving one that another's index leaves over, if they are
    few: what few rows have is then found without walking past the others."""
    for name, given in filters.items():
        leads = listing.filter(name).leads
        if leads is None or leads[1] in filters or sort not in listing.filter(leads[1]).sorts:
            continue
        values = {"tenant": tenant, "most": LED + 1, **listing.values({name: given})}
        rows = connection.all(_leading(listing, name, len(given)), values)
        if len(rows) <= LED:
            return {**filters, leads[1]: tuple({row[0] for row in rows})}
    return filters


@lru_cache(maxsize=100)
def _leading(listing: Listing, name: str, count: int) -> Select[Any]:
    item = listing.filter(name)
    assert item.probe is not None
    assert item.leads is not None
    column = item.probe.c[item.leads[0]]
    asked = _asking(listing, item.probe, name, count).with_only_columns(column)
    return asked.limit(bindparam("most"))


def counted(filters: Filters) -> Residual:
    """Return how many values each filter has: all that a statement's text depends on."""
    return tuple(sorted((name, len(values)) for name, values in filters.items()))


def refuse_strangers(
    connection: Connection, listing: Listing, *, tenant: str, filters: Filters
) -> None:
    """Raise UnknownValueError for a value of a closed set that is neither known to the program nor
    in a row of the tenant."""
    for name, given in filters.items():
        item = listing.filter(name.removesuffix(NOT))
        if item.known is None:
            continue
        for value in set(given).difference(item.known()):
            asked = {"tenant": tenant, f"{item.name}_0": item.convert(value)}
            if connection.first(_held(listing, item.name), asked) is None:
                raise UnknownValueError(name, value, item.known())


@lru_cache(maxsize=100)
def _held(listing: Listing, name: str) -> Select[Any]:
    probe = listing.filter(name).probe
    return _asking(listing, listing.table if probe is None else probe, name, 1)


def _may_match(
    connection: Connection, listing: Listing, name: str, count: int, values: Mapping[str, Any]
) -> bool:
    """Say whether any row may pass one filter, by a single look into its index."""
    probe = _probe(listing, name, count)
    return probe is None or connection.first(probe, values) is not None


@lru_cache(maxsize=1000)
def _probe(listing: Listing, name: str, count: int) -> Select[Any] | None:
    item = listing.filter(name)
    table = listing.table if item.sorts else item.probe
    return None if table is None else _asking(listing, table, name, count)


def _asking(listing: Listing, table: Table, name: str, count: int) -> Select[Any]:
    item, binds = listing.filter(name), _binds(name, count)
    asked = item.asks(table, binds) if item.asks is not None else item.matches(table, binds)
    tenant = table.c.tenant_id == bindparam("tenant")
    return select(literal_column("1")).where(tenant, asked).limit(1)


def _binds(name: str, count: int) -> tuple[ColumnElement[Any], ...]:
    return tuple(bindparam(f"{name}_{index}") for index in range(count))


class Paged:
    """The reading of pages that every noun's store has; a store names its `listing`."""

    listing: Listing

    def __init__(self, database: Database) -> None:
        self.database = database

    def page(
        self,
        *,
        tenant: str,
        filters: Filters,
        sort: str,
        after: Position | None,
        limit: int,
        deadline: float | None = None,
    ) -> Rows:
        """Return one page; rows are (id, sort value, *columns of the listing)."""
        with self.database.read(deadline) as connection:
            return fetch(
                connection,
                self.listing,
                tenant=tenant,
                filters=filters,
                sort=sort,
                after=after,
                limit=limit,
            )


def _bounded(base: dict[str, Any], value: str | int | None, *, grouped: bool) -> dict[str, Any]:
    """Return one stream's parameters. Where the driving column is also the sort, a stream is one
    group of equal values, ordered by id: a group before the cursor's is over, one behind it whole.
    """
    parameters = {**base, "driving": value}
    if grouped and "after_id" in base and value != base["after_value"]:
        parameters["after_id"] = _ALL if value < base["after_value"] else _NONE
    return parameters


def _collect(rows: Iterator[Row], limit: int, sort: str) -> Rows:
    found: list[Row] = []
    ends = time.monotonic() + SCAN_SECONDS
    for scanned, row in enumerate(rows, start=1):
        if row[2]:
            if len(found) == limit:
                return Rows(found, _position(found[-1], sort))
            found.append((row[0], row[1], *row[3:]))
        if scanned >= SCAN_ROWS or (scanned % 256 == 0 and time.monotonic() > ends):
            return Rows(found, _position(row, sort))
    return Rows(found, None)


def page_of(rows: Sequence[Row], *, sort: str, after: Position | None, limit: int) -> Rows:
    """Return a page of the rows of a whole list, few enough to be in memory, in any order."""
    ordered = sorted(rows, key=lambda row: (row[1], row[0]), reverse=True)
    if after is not None:
        start = (after.id if sort == "-id" else after.value, after.id)
        ordered = [row for row in ordered if (row[1], row[0]) < start]
    more = len(ordered) > limit
    return Rows(ordered[:limit], _position(ordered[limit - 1], sort) if more else None)


def _position(row: Row, sort: str) -> Position:
    return Position(row[0]) if sort == "-id" else Position(row[0], row[1])


def _scan(
    connection: Connection,
    statements: tuple[ClauseElement, ClauseElement],
    base: dict[str, Any],
    shape: _Shape,
    chunk: int,
) -> Iterator[Row]:
    """Yield rows, read in chunks that grow: few are read where the first already fill a page."""
    first, resumed = statements
    parameters = base
    statement = resumed if shape.resumed else first
    while True:
        rows = connection.all(statement, {**parameters, "chunk": chunk})
        yield from rows
        if len(rows) < chunk:
            return
        parameters = {**parameters, "after_id": rows[-1][0], "after_value": rows[-1][1]}
        statement, chunk = resumed, min(4 * chunk, _CHUNK)


def _resumed(after: Position | None) -> dict[str, Any]:
    if after is None:
        return {}
    return {"after_id": after.id, "after_value": after.id if after.value is None else after.value}


@lru_cache(maxsize=1000)
def statement_for(listing: Listing, shape: _Shape) -> tuple[Select[Any], Select[Any]]:
    """Return the statement of a walk's first page, and that of a later one."""
    return _statement(listing, shape, resumed=False), _statement(listing, shape, resumed=True)


def _statement(listing: Listing, shape: _Shape, *, resumed: bool) -> Select[Any]:
    table = listing.table
    order = table.c[listing.sorts[shape.sort]]
    by_id = order.name == "id"
    where = [table.c.tenant_id == bindparam("tenant")]
    if shape.driving:
        item = listing.filter(shape.driving)
        where.append(table.c[item.column] == bindparam("driving"))
        by_id = by_id or order.name == item.column
    if resumed and by_id:
        where.append(table.c.id < bindparam("after_id"))
    elif resumed:
        where.append(
            tuple_(order, table.c.id) < tuple_(bindparam("after_value"), bindparam("after_id"))
        )
    match = _match(listing, shape)
    columns = listing.shown(table)
    shown = columns if match is None else [case((match, column), else_=None) for column in columns]
    flag = (case((match, 1), else_=0) if match is not None else literal_column("1")).label(
        "matches"
    )
    ordering = [table.c.id.desc()] if by_id else [order.desc(), table.c.id.desc()]
    statement = select(table.c.id, order.label("sort_value"), flag, *shown)
    return statement.where(*where).order_by(*ordering).limit(bindparam("chunk"))


def _match(listing: Listing, shape: _Shape) -> ColumnElement[bool] | None:
    conditions = [listing.hidden(listing.table)] if listing.hidden else []
    conditions += listing.conditions(listing.table, shape.residual)
    return and_(*conditions) if conditions else None


@dataclass(frozen=True, slots=True)
class Plan:
    """How SQLite serves one row of a listing's declared table; `index` None is a scan."""

    filter: str
    sort: str
    index: str | None
    sorts: bool


def plans(database: Database, listing: Listing, *, tenant: str) -> Iterator[Plan]:
    """Yield the plan of a later page of every declared driving filter and sort (SQLite only)."""
    declared = [(item.name, sort) for item in listing.filters for sort in item.sorts]
    for name, sort in [("", sort) for sort in listing.unfiltered_sorts] + declared:
        _first, statement = statement_for(listing, _Shape(name, (), sort, resumed=True))
        values = {"tenant": tenant, "driving": "x", "after_id": "x", "after_value": 0, "chunk": 51}
        with database.read() as connection:
            detail = " ".join(row[3] for row in connection.explain(statement, values))
        used = re.search(r"USING (?:COVERING )?INDEX (\w+)", detail)
        yield Plan(name, sort, used[1] if used else None, "TEMP B-TREE" in detail)
