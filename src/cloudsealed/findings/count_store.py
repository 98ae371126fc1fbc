"""How many findings there are of each kind, kept by every write of findings in its transaction.

A kind is one value of each column of KEY. Writers of a tenant's findings take turns
(`storage.tenancy`), so counts are exact and their rows are never fought over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.findings.listing import LISTING
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.keyset import Residual, counted, refuse_strangers
from cloudsealed.storage.schema import finding_counts as table
from cloudsealed.storage.schema import findings

KEY = tuple(c.name for c in table.primary_key if c.name != "tenant_id")
_VALUES = itemgetter(*KEY)
_SIZES = (1, 10, 100, 500, 1_000)

_TENANT = table.c.tenant_id == bindparam("tenant")
_KIND = [
    func.coalesce(findings.c[name], "") if name == "triage" else findings.c[name] for name in KEY
]
_ADDED = postgresql_insert(table)  # SQLite reads the same words
_ADD = _ADDED.on_conflict_do_update(
    index_elements=list(table.primary_key), set_={"count": table.c.count + _ADDED.excluded.count}
)
_DROP_EMPTY = table.delete().where(
    _TENANT, *(table.c[name] == bindparam(f"old_{name}") for name in KEY), table.c.count == 0
)
_DROP = table.delete().where(_TENANT)
_KEPT = select(*(table.c[name] for name in KEY), table.c.count).where(_TENANT)
_STORED = select(findings.c.id, *_KIND).where(findings.c.tenant_id == bindparam("tenant"))
_FRESH = (
    select(*_KIND, func.count()).where(findings.c.tenant_id == bindparam("tenant")).group_by(*_KIND)
)
_FILL = table.insert().from_select(
    ["tenant_id", *KEY, "count"],
    select(findings.c.tenant_id, *_KIND, func.count())
    .where(findings.c.tenant_id == bindparam("tenant"))
    .group_by(findings.c.tenant_id, *_KIND),
)


def kind(row: Mapping[str, Any]) -> Row:
    """Return the kind of a row of findings; of its columns only triage, the last, may be null."""
    values: Row = _VALUES(row)
    return values if values[-1] is not None else (*values[:-1], "")


def kinds(connection: Connection, *, tenant: str, idents: Sequence[str]) -> dict[str, Row]:
    """Return the kinds of stored findings by id; at most 1,000 ids."""
    size = next(size for size in _SIZES if len(idents) <= size)
    padded = [*idents, *[""] * (size - len(idents))]
    values = {f"id_{index}": ident for index, ident in enumerate(padded)}
    rows = connection.all(_kinds_of(size), {"tenant": tenant, **values})
    return {row[0]: tuple(row[1:]) for row in rows}


@lru_cache(maxsize=len(_SIZES))
def _kinds_of(size: int) -> Select[Any]:
    wanted = findings.c.id.in_([bindparam(f"id_{index}") for index in range(size)])
    return _STORED.where(wanted)


def move(
    connection: Connection, *, tenant: str, before: Iterable[Row], after: Iterable[Row]
) -> None:
    """Count findings as of the kinds `after`, and no longer as of the kinds `before`."""
    change = Counter(after)
    change.subtract(Counter(before))
    changed = sorted((key, count) for key, count in change.items() if count)
    rows = [
        {"tenant_id": tenant, **dict(zip(KEY, key, strict=True)), "count": count}
        for key, count in changed
    ]
    connection.many(_ADD, rows)
    less = [key for key, count in changed if count < 0]
    names = [f"old_{name}" for name in KEY]
    connection.many(
        _DROP_EMPTY, [{"tenant": tenant, **dict(zip(names, key, strict=True))} for key in less]
    )


def answers(filters: Iterable[str], columns: Iterable[str] = ()) -> bool:
    """Say whether counts know these columns, and those that these filters of the list look at."""
    return {*columns, *(LISTING.filter(name).column for name in filters)} <= set(KEY)


def count(
    connection: Connection,
    *,
    tenant: str,
    filters: Mapping[str, tuple[str, ...]],
    columns: tuple[str, ...],
) -> list[Row]:
    """Return (column values …, count) of the findings that `filters` select, sorted by values."""
    refuse_strangers(connection, LISTING, tenant=tenant, filters=filters)
    values = {"tenant": tenant, **LISTING.values(filters)}
    return connection.all(_counting(counted(filters), columns), values)


@lru_cache(maxsize=256)
def _counting(shape: Residual, columns: tuple[str, ...]) -> Select[Any]:
    grouped = [table.c[name] for name in columns]
    where = LISTING.conditions(table, shape)
    total = cast(func.sum(table.c.count), BigInteger)
    counted = select(*grouped, total).where(_TENANT, *where)
    return counted.group_by(*grouped).order_by(*grouped)


def wrong(connection: Connection, *, tenant: str) -> int:
    """Return how many kinds are not counted as they are; exact in the tenant's turn."""
    kept = set(connection.all(_KEPT, {"tenant": tenant}))
    fresh = set(connection.all(_FRESH, {"tenant": tenant}))
    return len({row[:-1] for row in kept ^ fresh})


def recount(connection: Connection, *, tenant: str) -> None:
    """Count all anew, in the database; call it in the tenant's turn."""
    connection.run(_DROP, {"tenant": tenant})
    connection.run(_FILL, {"tenant": tenant})
