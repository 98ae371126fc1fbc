"""Keyset pagination over any table, from declared filters: never OFFSET, never a sort in memory.

A listing declares its filters. Those with `sorts` are *driving*: an index of the table serves them
together with each of those sorts. Every other filter narrows rows while they are read, so a page
reads at most `SCAN_ROWS` rows or `SCAN_SECONDS` and may hold fewer than `limit` while more remain.
One that an index can refute is asked before anything is read: what matches nothing ends at once.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    bindparam,
    case,
    literal_column,
    or_,
    select,
    tuple_,
)  # fmt: skip
from sqlalchemy.sql import ClauseElement

from cloudsealed.kit.cursor import Position
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.storage.database import Connection, Database, Row

SCAN_ROWS = 20_000
SCAN_SECONDS = 0.05
_CHUNK = 1_000
_ESCAPE = "/"  # before a character of LIKE that means itself
_ALL, _NONE = "~", ""  # above and below every id

Condition = Callable[[Table, tuple[ColumnElement[Any], ...]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter of a list.

    `choices` are the only values an enum takes; `prefix` the ids' that it takes; `convert` turns a
    value into what the column holds. `condition` replaces equality with the column. `probe` is a
    column, indexed after the tenant, that has every value which the filter can match: by default
    that of a driving filter.
    """

    name: str
    description: str
    column: str = ""
    choices: tuple[str, ...] = ()
    kind: str = "text"  # enum, id, text, time
    prefix: str = ""
    convert: Callable[[str], str | int] = str
    condition: Condition | None = None
    sorts: tuple[str, ...] = ()
    probe: ColumnElement[Any] | None = None
    deprecated: Deprecation | None = None

    @property
    def is_multiple(self) -> bool:
        """Whether a comma list of values is taken: enums and ids only."""
        return self.kind in ("enum", "id")


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A noun's list: its table, the columns that a page reads, its filters, driving ones first.

    `sorts` maps each sort's public name to its column; `-id` is always there.
    """

    table: Table
    columns: tuple[str, ...]
    filters: tuple[Filter, ...]
    sorts: Mapping[str, str] = field(default_factory=lambda: {"-id": "id"})
    unfiltered_sorts: tuple[str, ...] = ("-id",)
    hidden: Callable[[Table], ColumnElement[bool]] | None = None

    def filter(self, name: str) -> Filter | None:
        """Return the filter called `name`."""
        return next((item for item in self.filters if item.name == name), None)

    def driving(self, names: Mapping[str, Any], sort: str) -> Filter | None:
        """Return the filter whose index serves this list, or None for the table's own."""
        return next((f for f in self.filters if f.name in names and sort in f.sorts), None)

    def allows(self, names: Mapping[str, Any], sort: str) -> bool:
        """Say whether some index serves `sort` under these filters."""
        return sort in self.unfiltered_sorts or self.driving(names, sort) is not None


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


@dataclass(frozen=True, slots=True)
class _Shape:
    """What decides a statement's text; two queries of one shape share one compiled statement."""

    driving: str
    residual: tuple[tuple[str, int], ...]
    sort: str
    resumed: bool


def fetch(
    connection: Connection,
    listing: Listing,
    *,
    tenant: str,
    filters: Mapping[str, tuple[str, ...]],
    sort: str,
    after: Position | None,
    limit: int,
) -> Rows:
    """Return one page in descending order of `sort`, then id.

    Each row is (id, sort value, *columns). `filters` were checked: known names, known values.
    """
    driving = listing.driving(filters, sort)
    residual = tuple(
        sorted((n, len(v)) for n, v in filters.items() if driving is None or n != driving.name)
    )
    shape = _Shape(driving.name if driving else "", residual, sort, after is not None)
    base = _parameters(listing, tenant, filters, residual, after)
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


def _may_match(
    connection: Connection, listing: Listing, name: str, count: int, values: Mapping[str, Any]
) -> bool:
    """Say whether any row may pass one filter, by a single look into its index."""
    probe = _probe(listing, name, count)
    return probe is None or connection.first(probe, values) is not None


@lru_cache(maxsize=1000)
def _probe(listing: Listing, name: str, count: int) -> Select[Any] | None:
    item = listing.filter(name)
    assert item is not None
    column = listing.table.c[item.column] if item.sorts else item.probe
    if column is None:
        return None
    binds: list[ColumnElement[Any]] = [bindparam(f"{name}_{index}") for index in range(count)]
    tenant = column.table.c.tenant_id == bindparam("tenant")
    return select(literal_column("1")).where(tenant, column.in_(binds)).limit(1)


class Paged:
    """The reading of pages that every noun's store has; a store names its `listing`."""

    listing: ClassVar[Listing]

    def __init__(self, database: Database) -> None:
        self.database = database

    def page(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], sort: str,
        after: Position | None, limit: int, deadline: float | None = None,
    ) -> Rows:  # fmt: skip
        """Return one page; rows are (id, sort value, *columns of the listing)."""
        with self.database.read(deadline) as connection:
            return fetch(
                connection, self.listing, tenant=tenant, filters=filters, sort=sort, after=after,
                limit=limit,
            )  # fmt: skip


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


def _position(row: Row, sort: str) -> Position:
    return Position(row[0]) if sort == "-id" else Position(row[0], row[1])


def _scan(
    connection: Connection, statements: tuple[ClauseElement, ClauseElement], base: dict[str, Any],
    shape: _Shape, chunk: int,
) -> Iterator[Row]:  # fmt: skip
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


def _parameters(
    listing: Listing, tenant: str, filters: Mapping[str, tuple[str, ...]],
    residual: tuple[tuple[str, int], ...], after: Position | None,
) -> dict[str, Any]:  # fmt: skip
    parameters: dict[str, Any] = {"tenant": tenant}
    for name, _count in residual:
        item = listing.filter(name)
        assert item is not None
        parameters |= {f"{name}_{i}": item.convert(v) for i, v in enumerate(filters[name])}
    if after is not None:
        parameters |= {
            "after_id": after.id,
            "after_value": after.id if after.value is None else after.value,
        }
    return parameters


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
        assert item is not None
        where.append(table.c[item.column] == bindparam("driving"))
        by_id = by_id or order.name == item.column
    if resumed and by_id:
        where.append(table.c.id < bindparam("after_id"))
    elif resumed:
        where.append(
            tuple_(order, table.c.id) < tuple_(bindparam("after_value"), bindparam("after_id"))
        )
    match = _match(listing, shape)
    columns = [table.c[name] for name in listing.columns]
    shown = columns if match is None else [case((match, column), else_=None) for column in columns]
    flag = (case((match, 1), else_=0) if match is not None else literal_column("1")).label(
        "matches"
    )
    ordering = [table.c.id.desc()] if by_id else [order.desc(), table.c.id.desc()]
    statement = select(table.c.id, order.label("sort_value"), flag, *shown)
    return statement.where(*where).order_by(*ordering).limit(bindparam("chunk"))


def _match(listing: Listing, shape: _Shape) -> ColumnElement[bool] | None:
    conditions = [listing.hidden(listing.table)] if listing.hidden else []
    for name, count in shape.residual:
        item = listing.filter(name)
        assert item is not None
        binds: tuple[ColumnElement[Any], ...] = tuple(
            bindparam(f"{name}_{index}") for index in range(count)
        )
        if item.condition is not None:
            conditions.append(item.condition(listing.table, binds))
        else:
            conditions.append(listing.table.c[item.column].in_(binds))
    if not conditions:
        return None
    combined = conditions[0]
    for condition in conditions[1:]:
        combined &= condition
    return combined


def at_least(column: str) -> Condition:
    """Return the condition that a column is at or after the value."""
    return lambda table, values: table.c[column] >= values[0]


def before(column: str) -> Condition:
    """Return the condition that a column is before the value."""
    return lambda table, values: table.c[column] < values[0]


def searching(name: str, description: str, column: str, *, listed: bool = False) -> Filter:
    """Return the filter that a text column contains the value, letter case aside.

    `%` and `_` in the value mean themselves. With `listed` the column is compact JSON and the value
    a whole string of a list in it.
    """
    before = ("[", ",") if listed else ("",)

    def condition(table: Table, values: tuple[ColumnElement[Any], ...]) -> ColumnElement[bool]:
        text = table.c[column]
        return or_(
            *(
                text.icontains(literal_column(f"'{each}'").concat(values[0]), escape=_ESCAPE)
                for each in before
            )
        )

    def convert(value: str) -> str:
        return _escaped(f'"{value}"' if listed else value)

    return Filter(name, description, condition=condition, convert=convert)


def _escaped(text: str) -> str:
    return re.sub(r"([%_/])", rf"{_ESCAPE}\1", text)


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
