"""Content-addressed, compressed bytes, once a tenant: provider answers, snapshots, blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import objects

_insert = postgresql_insert(objects)  # SQLite reads the same words
_PUT = _insert.on_conflict_do_update(
    index_elements=["tenant_id", "digest"],
    set_={"used_in": _insert.excluded.used_in},
    where=objects.c.used_in < _insert.excluded.used_in,
)
_GET = select(objects.c.data).where(
    objects.c.tenant_id == bindparam("tenant"), objects.c.digest == bindparam("address")
)
_UNUSED = (
    select(objects.c.digest)
    .where(objects.c.tenant_id == bindparam("tenant"), objects.c.used_in < bindparam("month"))
    .limit(bindparam("most"))
)
_AT_ONCE = 500
_LISTED_AT_ONCE = 20_000
"""Each list begins anew, and on PostgreSQL steps over what was dropped before."""
_DROP = objects.delete().where(
    objects.c.tenant_id == bindparam("tenant"),
    objects.c.digest.in_([bindparam(f"address_{index}") for index in range(_AT_ONCE)]),
    # Not a column, so that no planner takes the index of months, and looks at all that is unused.
    objects.c.used_in.concat("") < bindparam("month"),
)
_GOT_AT_ONCE = 100
_GET_MANY = select(objects.c.digest, objects.c.data).where(
    objects.c.tenant_id == bindparam("tenant"),
    objects.c.digest.in_([bindparam(f"address_{index}") for index in range(_GOT_AT_ONCE)]),
)
_LEVEL = 6
MOST: Final = 1_000_000
"""How many are dropped together, unless it is said."""


class EvidenceExpiredError(CloudSealedError):
    """What was asked for rests on evidence older than evidence is kept; the seal is left."""

    code = "evidence_expired"
    status = 410
    remedy = (
        "Take a newer audit, or a bundle that was downloaded before; "
        "`CLOUDSEALED_RETENTION_DAYS` says how long."
    )

    def __init__(self, name: str) -> None:
        """`name` is the audit's id, or the address that holds nothing."""
        super().__init__(f"The evidence is older than evidence is kept: {name}; the seal remains")


def month_of(moment: datetime) -> str:
    """Return the month that what is put at a moment is marked with."""
    return moment.strftime("%Y-%m")


def pack(tenant: str, data: bytes, month: str) -> tuple[str, dict[str, Any]]:
    """Return the address of `data` and its row; compression happens here, outside transactions.

    `month` is that of the use, 2026-11: what no month has used for long enough is dropped.
    """
    address = sha256(data)
    packed = zlib.compress(data, _LEVEL)
    return address, {"tenant_id": tenant, "digest": address, "used_in": month, "data": packed}


def put_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store packed rows, each once; one that is there is marked with its month of use."""
    connection.many(_PUT, list({row["digest"]: row for row in rows}.values()))


def put(connection: Connection, tenant: str, data: bytes, month: str) -> str:
    """Store `data`; return its address."""
    address, row = pack(tenant, data, month)
    put_many(connection, [row])
    return address


def get(connection: Connection, tenant: str, address: str) -> bytes:
    """Return the bytes at `address`; raises EvidenceExpiredError."""
    row = connection.first(_GET, {"tenant": tenant, "address": address})
    if row is None:
        raise EvidenceExpiredError(address)
    return zlib.decompress(row[0])


def unpack(data: bytes) -> bytes:
    """Return the bytes of a row's `data`, where a statement of another noun has read it."""
    return zlib.decompress(data)


def drop_unused(database: Database, tenant: str, *, before: str, most: int = MOST) -> int:
    """Drop what was last used in a month before `before`, `most` at most; return how many. Fewer
    than `most` were all.

    Each is judged again as it goes, so that one which is put meanwhile stays.
    """
    bound = {"tenant": tenant, "month": before}
    dropped = 0
    while dropped < most:
        wanted = min(_LISTED_AT_ONCE, most - dropped)
        with database.read() as connection:
            found = connection.all(_UNUSED, {**bound, "most": wanted})
        if not found:
            break
        for addresses in batches([address for (address,) in found], _AT_ONCE):
            with database.write() as connection:
                connection.run(_DROP, {**bound, **_filled(addresses, _AT_ONCE)})
        dropped += len(found)
    return dropped


def get_many(connection: Connection, tenant: str, addresses: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes at each address that holds some, in a query a hundred."""
    found: dict[str, bytes] = {}
    for batch in batches(sorted(set(addresses)), _GOT_AT_ONCE):
        rows = connection.all(_GET_MANY, {"tenant": tenant, **_filled(batch, _GOT_AT_ONCE)})
        found |= {address: zlib.decompress(data) for address, data in rows}
    return found


def _filled(addresses: Sequence[str], size: int) -> dict[str, str]:
    """Return what a statement of `size` addresses is bound to: one statement for every number."""
    filled = [*addresses, *[addresses[-1]] * (size - len(addresses))]
    return {f"address_{index}": address for index, address in enumerate(filled)}
