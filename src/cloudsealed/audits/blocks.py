"""Blocks: what an audit derived and judged, immutable and compressed, a row each.

A block holds the lines of one kind, account, region and key: snapshots by resource type,
observations by policy. Its header is what can be known without opening it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.kit.canonical import canonical
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import audit_blocks

SNAPSHOTS = "snapshots"
OBSERVATIONS = "observations"

_THIS = (
    audit_blocks.c.tenant_id == bindparam("tenant"),
    audit_blocks.c.audit_id == bindparam("audit"),
)
_LIST = (
    select(
        audit_blocks.c.key, audit_blocks.c.account, audit_blocks.c.region, audit_blocks.c.digest,
        audit_blocks.c.lines, audit_blocks.c.header,
    )
    .where(*_THIS, audit_blocks.c.kind == bindparam("which"))
    .order_by(audit_blocks.c.key, audit_blocks.c.account, audit_blocks.c.region)
)  # fmt: skip
_ONE = select(audit_blocks.c.digest, audit_blocks.c.lines, audit_blocks.c.header).where(
    *_THIS,
    audit_blocks.c.kind == bindparam("which"),
    audit_blocks.c.account == bindparam("acct"),
    audit_blocks.c.region == bindparam("place"),
    audit_blocks.c.key == bindparam("name"),
)
_insert = insert(audit_blocks)
_PUT = _insert.on_conflict_do_update(
    index_elements=["tenant_id", "audit_id", "kind", "account", "region", "key"],
    set_={name: _insert.excluded[name] for name in ("digest", "lines", "header")},
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place and header; its lines are read when asked for."""

    kind: str
    key: str
    account: str
    region: str
    digest: str
    count: int
    header: Mapping[str, Any]


def put(
    connection: Connection, *, tenant: str, audit_id: str, kind: str, key: str, account: str,
    region: str, lines: Sequence[Any], header: Mapping[str, Any],
) -> None:  # fmt: skip
    """Write a block over the one that an interrupted run may have left."""
    data = b"\n".join(canonical(line) for line in lines)
    row = {
        "tenant_id": tenant,
        "audit_id": audit_id,
        "kind": kind,
        "account": account,
        "region": region,
        "key": key,
        "digest": objects.put(connection, tenant, data),
        "lines": len(lines),
        "header": orjson.dumps(header).decode(),
    }
    connection.run(_PUT, row)


class Blocks:
    """Reads the blocks of one audit."""

    def __init__(self, database: Database, *, tenant: str, audit_id: str) -> None:
        self._database = database
        self._tenant = tenant
        self._scope = {"tenant": tenant, "audit": audit_id}

    def all(self, kind: str) -> list[Block]:
        """Return the blocks of a kind in the order of key, account, region."""
        with self._database.read() as connection:
            rows = connection.all(_LIST, {**self._scope, "which": kind})
        return [
            Block(kind, row[0], row[1], row[2], row[3], row[4], orjson.loads(row[5]))
            for row in rows
        ]

    def find(self, kind: str, key: str, account: str, region: str) -> Block | None:
        """Return one block, or None when the audit has no such one."""
        place = {"which": kind, "acct": account, "place": region, "name": key}
        with self._database.read() as connection:
            row = connection.first(_ONE, {**self._scope, **place})
        if row is None:
            return None
        return Block(kind, key, account, region, row[0], row[1], orjson.loads(row[2]))

    def raw_lines(self, block: Block) -> list[bytes]:
        """Return a block's lines as stored: the leaves of the audit's tree."""
        with self._database.read() as connection:
            data = objects.get(connection, self._tenant, block.digest)
        return data.split(b"\n") if data else []

    def lines(self, block: Block) -> Iterator[Any]:
        """Yield a block's lines."""
        yield from map(orjson.loads, self.raw_lines(block))
