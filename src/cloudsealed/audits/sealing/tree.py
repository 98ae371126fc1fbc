"""Rows of an audit's Merkle tree: kept at sealing, so that a proof reads a few and no leaf.

The only SQL of trees. It refuses to know what the leaves are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.audits.shard_store import Lease
from cloudsealed.kit.merkle import Grower, proof_from
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.forgetting import forget
from cloudsealed.storage.schema import seal_rows

_BATCH = 64
_insert = insert(seal_rows)
_PUT = _insert.on_conflict_do_update(
    index_elements=["tenant_id", "audit_id", "level", "number"],
    set_={"hashes": _insert.excluded.hashes},
)
_GET = select(seal_rows.c.hashes).where(
    seal_rows.c.tenant_id == bindparam("tenant"),
    seal_rows.c.audit_id == bindparam("audit"),
    seal_rows.c.level == bindparam("at_level"),
    seal_rows.c.number == bindparam("at_number"),
)


def forget_tree(database: Database, *, tenant: str, audit_id: str, most: int) -> int:
    """Drop rows of an audit's tree as `forget` does; return how many. The seal has its root."""
    return forget(database, seal_rows, most=most, tenant_id=tenant, audit_id=audit_id)


class KeptTree:
    """Grows an audit's tree and writes its rows over those that an interrupted run may have left.

    Rows are written in batches, each a transaction fenced by the audit's lease.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._rows: list[dict[str, Any]] = []
        self._grower = Grower(self._keep)
        self.add: Callable[[bytes], None] = self._grower.add

    def finish(self) -> bytes:
        """Write what is left; return the root."""
        root = self._grower.finish()
        self._write()
        return root

    def _keep(self, level: int, number: int, hashes: bytes) -> None:
        self._rows.append(
            {
                "tenant_id": self._lease.tenant,
                "audit_id": self._lease.audit_id,
                "level": level,
                "number": number,
                "hashes": hashes,
            }
        )
        if len(self._rows) == _BATCH:
            self._write()

    def _write(self) -> None:
        with self._lease.write() as connection:
            connection.many(_PUT, self._rows)
        self._rows.clear()


def path_of(
    database: Database, *, tenant: str, audit_id: str, index: int, size: int
) -> list[bytes]:
    """Return the audit path of the leaf at `index` of an audit's `size` leaves."""
    with database.read() as connection:
        return proof_from(_reader(connection, tenant, audit_id), index, size)


def _reader(connection: Connection, tenant: str, audit_id: str) -> Callable[[int, int], bytes]:
    def read(level: int, number: int) -> bytes:
        place = {"at_level": level, "at_number": number}
        row = connection.first(_GET, {"tenant": tenant, "audit": audit_id, **place})
        assert row is not None  # a sealed audit has every row of its tree
        return bytes(row[0])

    return read
