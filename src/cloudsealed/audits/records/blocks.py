"""Blocks: what an audit derived and judged, immutable and compressed, a row each.

A block holds the lines of one kind, account, region and key: snapshots by resource type,
observations by policy. Its header is what can be known without opening it. The lines are stored in
parts, so that a block of a million lines is never whole in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage import forgetting, objects
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import audit_blocks

PART_LINES = 5_000
SNAPSHOTS = "snapshots"
OBSERVATIONS = "observations"
SEEN, FAILED = "seen", "failed"
"""What an account's shard leaves to the seal: the resources that it saw, the findings that fail."""

_THIS = (
    audit_blocks.c.tenant_id == bindparam("tenant"),
    audit_blocks.c.audit_id == bindparam("audit"),
)
_LIST = (
    select(
        audit_blocks.c.key,
        audit_blocks.c.account,
        audit_blocks.c.region,
        audit_blocks.c.digest,
        audit_blocks.c.lines,
        audit_blocks.c.header,
    )
    .where(*_THIS, audit_blocks.c.kind == bindparam("which"))
    .order_by(audit_blocks.c.key, audit_blocks.c.account, audit_blocks.c.region)
)
_AT_ONCE = 500
_FIRST_OF = _LIST.limit(_AT_ONCE)
_NEXT_OF = _FIRST_OF.where(
    tuple_(audit_blocks.c.key, audit_blocks.c.account, audit_blocks.c.region)
    > tuple_(bindparam("name"), bindparam("acct"), bindparam("place"))
)
_LINES = select(func.coalesce(func.sum(audit_blocks.c.lines), 0)).where(
    *_THIS, audit_blocks.c.kind == bindparam("which")
)
_OF_ACCOUNT = _LIST.where(audit_blocks.c.account == bindparam("acct"))
_BETWEEN = _LIST.where(
    audit_blocks.c.key >= bindparam("first"), audit_blocks.c.key <= bindparam("last")
)
_ONE = select(audit_blocks.c.digest, audit_blocks.c.lines, audit_blocks.c.header).where(
    *_THIS,
    audit_blocks.c.kind == bindparam("which"),
    audit_blocks.c.account == bindparam("acct"),
    audit_blocks.c.region == bindparam("place"),
    audit_blocks.c.key == bindparam("name"),
)
_BEFORE = select(func.coalesce(func.sum(audit_blocks.c.lines), 0)).where(
    *_THIS,
    audit_blocks.c.kind == bindparam("which"),
    tuple_(audit_blocks.c.key, audit_blocks.c.account, audit_blocks.c.region)
    < tuple_(bindparam("name"), bindparam("acct"), bindparam("place")),
)
_insert = insert(audit_blocks)
_PUT = _insert.on_conflict_do_update(
    index_elements=["tenant_id", "audit_id", "kind", "account", "region", "key"],
    set_={name: _insert.excluded[name] for name in ("digest", "lines", "header")},
)
_FORGET = audit_blocks.delete().where(*_THIS, audit_blocks.c.kind == bindparam("which"))


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place and header; its lines are read when asked for."""

    kind: str
    key: str
    account: str
    region: str
    parts: tuple[str, ...]
    count: int
    header: Mapping[str, Any]


class Spool:
    """Lines on their way into a block: what is whole parts leaves memory with `flush`."""

    def __init__(self, tenant: str, month: str) -> None:
        """`month` is that in which the lines are stored."""
        self._tenant = tenant
        self._month = month
        self._lines: list[bytes] = []
        self.parts: list[str] = []
        self.count = 0

    @classmethod
    def of(cls, tenant: str, month: str, lines: Iterable[Any]) -> Spool:
        """Return a spool that has taken some lines."""
        spool = cls(tenant, month)
        for line in lines:
            spool.add(line)
        return spool

    def add(self, line: Any) -> None:
        """Take a line, as JSON values."""
        self._lines.append(canonical(line))
        self.count += 1

    @property
    def is_full(self) -> bool:
        """Whether there is a part to store."""
        return len(self._lines) >= PART_LINES

    def flush(self, connection: Connection) -> None:
        """Store what is there as parts."""
        for lines in batches(self._lines, PART_LINES):
            data = b"\n".join(lines)
            self.parts.append(objects.put(connection, self._tenant, data, self._month))
        self._lines.clear()


def put(
    connection: Connection,
    *,
    tenant: str,
    audit_id: str,
    kind: str,
    key: str,
    account: str,
    region: str,
    lines: Spool,
    header: Mapping[str, Any],
) -> None:
    """Write a block over the one that an interrupted run may have left."""
    lines.flush(connection)
    row = {
        "tenant_id": tenant,
        "audit_id": audit_id,
        "kind": kind,
        "account": account,
        "region": region,
        "key": key,
        "digest": " ".join(lines.parts),
        "lines": lines.count,
        "header": orjson.dumps(header).decode(),
    }
    connection.run(_PUT, row)


def forget(connection: Connection, *, tenant: str, audit_id: str, kinds: Iterable[str]) -> None:
    """Drop the blocks of some kinds."""
    for kind in kinds:
        connection.run(_FORGET, {"tenant": tenant, "audit": audit_id, "which": kind})


def forget_left(database: Database, *, tenant: str, audit_id: str, most: int) -> int:
    """Drop blocks that were left to a seal which was never made, as `forget` does; return how
    many."""
    gone = 0
    for kind in (SEEN, FAILED):
        scope = {"tenant_id": tenant, "audit_id": audit_id, "kind": kind}
        gone += forgetting.forget(database, audit_blocks, most=most - gone, **scope)
    return gone


class Blocks:
    """Reads the blocks of one audit."""

    def __init__(self, database: Database, *, tenant: str, audit_id: str) -> None:
        self._database = database
        self._tenant = tenant
        self._scope = {"tenant": tenant, "audit": audit_id}

    def all(self, kind: str, account: str | None = None) -> list[Block]:
        """Return the blocks of a kind, or those of one account, in the order of key, account,
        region."""
        if account is None:
            return self._blocks(_LIST, kind, {})
        return self._blocks(_OF_ACCOUNT, kind, {"acct": account})

    def each(self, kind: str) -> Iterator[Block]:
        """Yield the blocks of a kind in the same order; a few are in memory."""
        statement, after = _FIRST_OF, dict[str, str]()
        while found := self._blocks(statement, kind, after):
            yield from found
            last = found[-1]
            statement = _NEXT_OF
            after = {"name": last.key, "acct": last.account, "place": last.region}

    def count(self, kind: str) -> int:
        """Return how many lines the blocks of a kind have."""
        with self._database.read() as connection:
            row = connection.first(_LINES, {**self._scope, "which": kind})
        return int(row[0]) if row else 0

    def between(self, kind: str, first: str, last: str) -> list[Block]:
        """Return the blocks of a kind whose key is one of `first` to `last`, in the same order."""
        return self._blocks(_BETWEEN, kind, {"first": first, "last": last})

    def _blocks(self, statement: Select[Any], kind: str, bound: Mapping[str, str]) -> list[Block]:
        with self._database.read() as connection:
            rows = connection.all(statement, {**self._scope, "which": kind, **bound})
        return [
            Block(kind, row[0], row[1], row[2], tuple(row[3].split()), row[4], orjson.loads(row[5]))
            for row in rows
        ]

    def find(self, kind: str, key: str, account: str, region: str) -> Block | None:
        """Return one block, or None when the audit has no such one."""
        place = {"which": kind, "acct": account, "place": region, "name": key}
        with self._database.read() as connection:
            row = connection.first(_ONE, {**self._scope, **place})
        if row is None:
            return None
        parts = tuple(row[0].split())
        return Block(kind, key, account, region, parts, row[1], orjson.loads(row[2]))

    def before(self, block: Block) -> int:
        """Return how many lines of its kind the blocks before it have, in the order of `all`."""
        place = {"which": block.kind, "acct": block.account, "place": block.region}
        with self._database.read() as connection:
            row = connection.first(_BEFORE, {**self._scope, **place, "name": block.key})
        return int(row[0]) if row else 0

    def raw_lines(self, block: Block) -> Iterator[bytes]:
        """Yield a block's lines as stored: the leaves of the audit's tree."""
        for address in block.parts:
            with self._database.read() as connection:
                data = objects.get(connection, self._tenant, address)
            yield from data.split(b"\n")

    def line_with(self, block: Block, member: str, value: bytes) -> tuple[int, bytes] | None:
        """Return the number from 0 and the bytes of the first line whose member has a value.

        `value` is canonical JSON; only lines that hold its bytes are parsed.
        """
        sought, wanted = b'"%b":%b' % (member.encode(), value), orjson.loads(value)
        for number, line in enumerate(self.raw_lines(block)):
            if sought in line and orjson.loads(line)[member] == wanted:
                return number, line
        return None

    def lines(self, block: Block) -> Iterator[Any]:
        """Yield a block's lines."""
        yield from map(orjson.loads, self.raw_lines(block))
