"""Reads findings by their ids, those that pass some filters. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select

from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.keyset import Listing, Residual, counted
from cloudsealed.storage.schema import findings

MOST = 1_000  # ids at a time
SIZES = (10, 100, MOST)
_TENANT = findings.c.tenant_id == bindparam("tenant")


@lru_cache(maxsize=64)
def _names(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}_{index}" for index in range(count))


def binds(name: str, count: int) -> tuple[ColumnElement[Any], ...]:
    """Return so many parameters of one name, numbered."""
    return tuple(map(bindparam, _names(name, count)))


def padded(idents: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Return how many parameters `id_…` bind some ids, and these: they come in few sizes, so that
    few statements are compiled and kept."""
    size = next((size for size in SIZES if len(idents) <= size), len(idents))
    return size, dict(zip_longest(_names("id", size), idents, fillvalue=""))


def by_ids(
    connection: Connection,
    listing: Listing,
    tenant: str,
    idents: Sequence[str],
    residual: Mapping[str, tuple[str, ...]],
    *,
    order: str = "id",
    also: ColumnElement[bool] | None = None,
    values: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Return (id, value of the column `order`, *columns of the listing), by descending id.

    `residual` is prepared; `also` is a further condition, one object for each meaning, bound to
    `values`.
    """
    bound: dict[str, Any] = {"tenant": tenant, **listing.values(residual), **(values or {})}
    size, ids = padded(idents)
    statement = _statement(listing, size, counted(residual), order, also)
    return connection.all(statement, {**bound, **ids})


@lru_cache(maxsize=256)
def _statement(
    listing: Listing, size: int, residual: Residual, order: str, also: ColumnElement[bool] | None
) -> Select[Any]:
    """Return the statement for so many ids and so many values of each further filter."""
    where = [*listing.conditions(findings, residual), *([] if also is None else [also])]
    wanted = findings.c.id.in_(binds("id", size))
    columns = (findings.c.id, findings.c[order].label("sort_value"), *listing.shown(findings))
    return select(*columns).where(_TENANT, wanted, *where).order_by(findings.c.id.desc())
