"""PostgreSQL, too, serves every declared filter and sort by an index, without a sort."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, text
from sqlalchemy.types import Integer, LargeBinary
from tests.servers import PostgresServer

from cloudsealed.audits.store import LISTING as AUDITS
from cloudsealed.auth.token_store import LISTING as TOKENS
from cloudsealed.connections.schedules.store import LISTING as SCHEDULES
from cloudsealed.connections.store import LISTING as CONNECTIONS
from cloudsealed.findings.listing import LISTING as FINDINGS
from cloudsealed.policies.store import LISTING as POLICIES
from cloudsealed.reports.store import LISTING as REPORTS
from cloudsealed.resources.store import LISTING as RESOURCES
from cloudsealed.storage.keyset import Listing, _Shape, statement_for
from cloudsealed.storage.postgres import PostgresDatabase
from cloudsealed.storage.schema import cell_heads

LISTINGS = (AUDITS, CONNECTIONS, FINDINGS, POLICIES, REPORTS, RESOURCES, SCHEDULES, TOKENS)
ROWS = 6_000
TENANT = "ten_a"


def value(column: Any, number: int) -> Any:
    """Return a value of a row: ids and unique columns differ, the others repeat every few rows."""
    if column.name == "tenant_id":
        return TENANT if number % 10 else "ten_b"
    if isinstance(column.type, LargeBinary):
        return b"{}" * 100
    if isinstance(column.type, Integer):
        return number * 7 % 5
    if column.name.endswith("_at"):
        return f"2026-01-{number * 13 % 28 + 1:02d}T00:00:00.{number % 1000:03d}Z"
    unique = column.primary_key or column.name in ("native_id", "name", "key")
    few = not unique and column.name in _driving(column.table)
    return f"{column.name}-{number * 11 % 6}" if few else f"{column.name}-{number:026d}"


def _driving(table: Table) -> set[str]:
    return {i.column for listing in LISTINGS if listing.table is table for i in listing.filters}


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(postgres.create("test_plans", "migrated"))
    for table in (*(listing.table for listing in LISTINGS), cell_heads):
        rows = [{c.name: value(c, number) for c in table.c} for number in range(ROWS)]
        with database.write() as connection:
            connection.many(table.insert(), rows)
    with database.write() as connection:
        connection.run(text("ANALYZE"))
    yield database
    database.close()
    postgres.drop("test_plans")


def declared(listing: Listing) -> list[tuple[str, str]]:
    driving = [(item.name, sort) for item in listing.filters for sort in item.sorts]
    return [("", sort) for sort in listing.unfiltered_sorts] + driving


CASES = [
    pytest.param(listing, name, sort, id=f"{listing.table.name} {name or 'all'} {sort}")
    for listing in LISTINGS
    for name, sort in declared(listing)
]


@pytest.mark.parametrize(("listing", "name", "sort"), CASES)
def test_first_and_deep_pages_walk_an_index_in_order(
    filled: PostgresDatabase, listing: Listing, name: str, sort: str
) -> None:
    table, order = listing.table, listing.table.c[listing.sorts[sort]]
    item = listing.filter(name) if name else None
    middle = ROWS // 2 + 1
    values = {
        "tenant": TENANT,
        "chunk": 51,
        "driving": value(table.c[item.column], middle) if item else None,
        "after_id": value(table.c.id, middle),
        "after_value": value(order, middle),
    }
    shape = _Shape(name, (), sort, resumed=True)
    for statement in statement_for(listing, shape):
        with filled.read() as connection:
            plan = "\n".join(row[0] for row in connection.explain(statement, values))
        assert "Index" in plan, plan
        assert "Sort" not in plan, plan
        assert "Seq Scan" not in plan, plan
