"""Content-addressed, compressed bytes, once a tenant: provider answers, snapshots, blocks."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import sha256
from cloudsealed.storage.database import Connection
from cloudsealed.storage.schema import objects

_PUT = postgresql_insert(objects).on_conflict_do_nothing()  # SQLite reads the same words
_GET = select(objects.c.data).where(
    objects.c.tenant_id == bindparam("tenant"), objects.c.digest == bindparam("address")
)
_AT_ONCE = 100
_GET_MANY = select(objects.c.digest, objects.c.data).where(
    objects.c.tenant_id == bindparam("tenant"),
    objects.c.digest.in_([bindparam(f"address_{index}") for index in range(_AT_ONCE)]),
)
_LEVEL = 6


class ObjectMissingError(LookupError):
    """An address holds nothing: retention dropped it, or the store is damaged."""


def pack(tenant: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """Return the address of `data` and its row; compression happens here, outside transactions."""
    address = sha256(data)
    return address, {"tenant_id": tenant, "digest": address, "data": zlib.compress(data, _LEVEL)}


def put_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store packed rows, each once."""
    connection.many(_PUT, list({row["digest"]: row for row in rows}.values()))


def put(connection: Connection, tenant: str, data: bytes) -> str:
    """Store `data`; return its address."""
    address, row = pack(tenant, data)
    put_many(connection, [row])
    return address


def get(connection: Connection, tenant: str, address: str) -> bytes:
    """Return the bytes at `address`; raises ObjectMissingError."""
    row = connection.first(_GET, {"tenant": tenant, "address": address})
    if row is None:
        raise ObjectMissingError(address)
    return zlib.decompress(row[0])


def get_many(connection: Connection, tenant: str, addresses: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes at each address that holds some, in a query a hundred."""
    found: dict[str, bytes] = {}
    for batch in batches(sorted(set(addresses)), _AT_ONCE):
        filled = [*batch, *batch[-1:] * (_AT_ONCE - len(batch))]  # one statement for every number
        values = {f"address_{index}": address for index, address in enumerate(filled)}
        rows = connection.all(_GET_MANY, {"tenant": tenant, **values})
        found |= {address: zlib.decompress(data) for address, data in rows}
    return found
