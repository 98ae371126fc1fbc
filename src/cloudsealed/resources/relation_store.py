"""Reads resources by what they are tied to: the SQL of relations, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, bindparam, case, func, or_, select

from cloudsealed.resources.store import ResourceStore
from cloudsealed.storage import objects
from cloudsealed.storage.database import Row
from cloudsealed.storage.keyset import SCAN_ROWS
from cloudsealed.storage.schema import resources
from cloudsealed.vocabulary import ResourceState

_TENANT = resources.c.tenant_id == bindparam("tenant")
_CALLED = select(
    resources.c.id,
    resources.c.native_id,
    resources.c.account,
    resources.c.region,
    case((resources.c.state == ResourceState.PRESENT.value, 1), else_=0),
    resources.c.snapshot,
    resources.c.type,
    resources.c.name,
).where(_TENANT)


def _numbered(name: str, count: int) -> list[ColumnElement[str]]:
    return [bindparam(f"{name}_{index}") for index in range(count)]


def _bound(name: str, values: Sequence[str]) -> dict[str, str]:
    return {f"{name}_{index}": value for index, value in enumerate(values)}


@lru_cache(maxsize=64)
def _named(count: int) -> Select[Any]:
    """Return the statement for resources with one of so many native ids."""
    return _CALLED.where(resources.c.native_id.in_(_numbered("native", count)))


@lru_cache(maxsize=64)
def _around(kinds: int, regions: int) -> Select[Any]:
    """Return the statement for the resources of so many types in so many regions of an account."""
    return (
        select(resources.c.doc)
        .where(
            _TENANT,
            resources.c.provider == bindparam("cloud"),
            resources.c.account == bindparam("account"),
            resources.c.region.in_(_numbered("region", regions)),
            resources.c.type.in_(_numbered("kind", kinds)),
        )
        .limit(bindparam("most"))
    )


@lru_cache(maxsize=128)
def _ending(count: int, kinds: int, regions: int) -> Select[Any]:
    """Return the statement for resources of so many types in an account, and in one of so many
    regions or in any for none, whose native id ends in one of so many texts."""
    length = func.length(resources.c.native_id)
    endings: list[ColumnElement[bool]] = [
        func.substr(resources.c.native_id, length - bindparam(f"size_{index}")).in_(
            [bindparam(f"part_{index}"), bindparam(f"item_{index}")]
        )
        for index in range(count)
    ]
    near = [resources.c.region.in_(_numbered("region", regions))] if regions else []
    return _CALLED.where(
        resources.c.provider == bindparam("cloud"),
        resources.c.account == bindparam("account"),
        resources.c.type.in_(_numbered("kind", kinds)),
        *near,
        or_(*endings),
    )


class RelationStore(ResourceStore):
    """Reads resources, and what they are tied to."""

    def called(self, *, tenant: str, targets: Sequence[str]) -> list[Row]:
        """Return (id, native id, account, region, whether it is there, snapshot, type, name) of the
        resources whose native id is one of `targets`."""
        values = {"tenant": tenant, **_bound("native", targets)}
        with self.database.read() as connection:
            return connection.all(_named(len(targets)), values)

    def ending_in(
        self,
        *,
        tenant: str,
        provider: str,
        account: str,
        regions: Sequence[str],
        kinds: Sequence[str],
        targets: Sequence[str],
    ) -> list[Row]:
        """Return the same of the resources of an account, in some regions or in any for none, whose
        native id ends in one of `targets`."""
        values: dict[str, Any] = {"tenant": tenant, "cloud": provider, "account": account}
        values |= {**_bound("kind", kinds), **_bound("region", regions)}
        for index, target in enumerate(targets):
            values |= {
                f"size_{index}": len(target),
                f"part_{index}": f"/{target}",
                f"item_{index}": f":{target}",
            }
        with self.database.read() as connection:
            return connection.all(_ending(len(targets), len(kinds), len(regions)), values)

    def snapshots(self, *, tenant: str, addresses: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the snapshots at each address that still holds one."""
        with self.database.read() as connection:
            found = objects.get_many(connection, tenant, addresses)
        return {address: orjson.loads(data) for address, data in found.items()}

    def around(
        self,
        *,
        tenant: str,
        provider: str,
        account: str,
        regions: Sequence[str],
        kinds: Sequence[str],
    ) -> tuple[list[bytes], bool]:
        """Return the public JSON of the resources of some types in an account, in some regions or
        in any for none, and whether that is all: no more are read than for one page."""
        if not regions:
            filters = {"type": tuple(kinds), "account": (account,)}
            page = self.page(
                tenant=tenant, filters=filters, sort="-id", after=None, limit=SCAN_ROWS
            )
            return [bytes(row[2]) for row in page.rows], page.next is None
        values: dict[str, Any] = {"tenant": tenant, "cloud": provider, "account": account}
        values |= {**_bound("kind", kinds), **_bound("region", regions), "most": SCAN_ROWS + 1}
        with self.database.read() as connection:
            rows = connection.all(_around(len(kinds), len(regions)), values)
        return [bytes(row[0]) for row in rows[:SCAN_ROWS]], len(rows) <= SCAN_ROWS
