"""Every row by its resource type. It refuses to hold a type twice or a parent that has no row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType

from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.kubernetes.rows import ROWS as KUBERNETES
from cloudsealed.collectors.model import GLOBAL, Place, Row


def _by_type(rows: Iterable[Row]) -> Mapping[str, Row]:
    table: dict[str, Row] = {}
    for row in rows:
        if row.type in table:
            raise ValueError(f"two rows for {row.type}")
        table[row.type] = row
    missing = {row.parent for row in table.values() if row.parent} - table.keys()
    if missing:
        raise ValueError(f"parents without a row: {sorted(missing)}")
    return MappingProxyType(table)


RESOURCE_TYPES: Mapping[str, Row] = _by_type((*AWS, *KUBERNETES))
"""Every resource type, provider by provider, in the order in which a service is first seen."""


@cache
def services() -> frozenset[str]:
    """Return every service that is collected, by the name that types have in their second part."""
    return frozenset(row.service_name for row in RESOURCE_TYPES.values())


def rows_of(types: Iterable[str] | None = None) -> tuple[Row, ...]:
    """Return the rows of `types`, all of them for None; raises KeyError for an unknown type."""
    if types is None:
        return tuple(RESOURCE_TYPES.values())
    return tuple(RESOURCE_TYPES[name] for name in sorted(set(types)))


def places(row: Row, account: str, partition: str, regions: Iterable[str]) -> Iterator[Place]:
    """Yield where `row` is collected: once for a global service, else in each region."""
    for region in (GLOBAL,) if row.scope == GLOBAL else regions:
        yield Place(account, region, partition, row.provider)
