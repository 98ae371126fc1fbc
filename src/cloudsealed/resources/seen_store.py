"""What an audit saw of resources, in the order of their ids: the pinned list, and what narrows it.

The only SQL of that list. A line of it is [id, address of the snapshot]; everything else that is
shown is what the snapshot and its list say, so no later audit changes it. An audit that has not
completed has no list, and one whose evidence retention dropped is said to have none left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.kit.batches import batches
from cloudsealed.kit.cursor import Position
from cloudsealed.resources.history import Seen, Version, versions
from cloudsealed.resources.history import public as public_version
from cloudsealed.resources.model import Identity, NotSeenError, Resource, public
from cloudsealed.resources.naming import owner_of
from cloudsealed.resources.store import LISTING
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.filters import NOT, OWNER_TAGS, PAIR
from cloudsealed.storage.keyset import SCAN_ROWS, SCAN_SECONDS, Page, refuse_strangers
from cloudsealed.storage.schema import audit_blocks, audits, resources
from cloudsealed.vocabulary import AuditKind, AuditStatus, ResourceState

BLOCK_LINES = 1_000
_BLOCK, _LISTING = "resources", "snapshots"
_READ = 100  # snapshots at once
_THIS = (
    audit_blocks.c.tenant_id == bindparam("tenant"),
    audit_blocks.c.audit_id == bindparam("audit"),
)
_insert = insert(audit_blocks)
_PUT = _insert.on_conflict_do_update(
    index_elements=list(audit_blocks.primary_key),
    set_={name: _insert.excluded[name] for name in ("digest", "lines", "header")},
)
_AUDIT = select(audits.c.status, audits.c.expired_at).where(
    audits.c.tenant_id == bindparam("tenant"), audits.c.id == bindparam("audit")
)
_BLOCKS = (
    select(audit_blocks.c.digest)
    .where(
        *_THIS,
        audit_blocks.c.kind == _BLOCK,
        audit_blocks.c.header < bindparam("after"),  # header: the lowest id in the block
    )
    .order_by(audit_blocks.c.key.desc())
)
_HEADER = select(audit_blocks.c.header).where(
    *_THIS,
    audit_blocks.c.kind == _LISTING,
    audit_blocks.c.account == bindparam("acct"),
    audit_blocks.c.region == bindparam("place"),
    audit_blocks.c.key == bindparam("name"),
)
_COMPLETED = (
    select(audits.c.id)
    .where(
        audits.c.tenant_id == bindparam("tenant"),
        audits.c.status == AuditStatus.COMPLETED.value,
        audits.c.kind != AuditKind.REANALYSIS.value,
        audits.c.deleted_at.is_(None),
        audits.c.id < bindparam("after"),
    )
    .order_by(audits.c.id.desc())
    .limit(_READ)
)
_ABOUT = select(audit_blocks.c.digest).where(
    *_THIS,
    audit_blocks.c.kind == _BLOCK,
    audit_blocks.c.key >= bindparam("ident"),
    audit_blocks.c.header <= bindparam("ident"),
)
_FIRST_SEEN = select(resources.c.id, resources.c.first_seen_at).where(
    resources.c.tenant_id == bindparam("tenant"),
    resources.c.id.in_([bindparam(f"id_{index}") for index in range(_READ)]),
)

_DIGEST = 32  # bytes of a snapshot's address
Line = tuple[str, str]
Row = Mapping[str, Any]
Place = Mapping[str, str]
"""`name` (the type), `acct` and `place` of a list: where a resource is listed."""


def packed(ident: str, address: str) -> bytes:
    """Return a line in as few bytes as it takes: an audit holds one for all that it saw."""
    return ident.encode() + bytes.fromhex(address)


def unpacked(line: bytes) -> Line:
    """Return the line that was packed."""
    return line[:-_DIGEST].decode(), line[-_DIGEST:].hex()


def blocks_of(lines: Iterable[bytes]) -> Iterator[list[Line]]:
    """Yield packed lines in blocks of descending ids, each to be written by `pin_block`."""
    for block in batches(sorted(lines, reverse=True), BLOCK_LINES):
        yield [unpacked(line) for line in block]


def pin_block(
    connection: Connection, *, tenant: str, audit: str, block: Sequence[Line], month: str
) -> None:
    """Record what an audit saw, over the block that an interrupted run may have left."""
    row = {
        "tenant_id": tenant,
        "audit_id": audit,
        "kind": _BLOCK,
        "account": "",
        "region": "",
        "key": block[0][0],
        "digest": objects.put(connection, tenant, orjson.dumps(block), month),
        "lines": len(block),
        "header": block[-1][0],
    }
    connection.run(_PUT, row)


class SeenStore:
    """Reads the pinned lists; `owner_tags`, in lower case, are those that name an owner."""

    def __init__(self, database: Database, owner_tags: Sequence[str] = OWNER_TAGS) -> None:
        self._database = database
        self._owner_tags = owner_tags

    def page(
        self,
        *,
        tenant: str,
        audit: str,
        filters: Mapping[str, tuple[str, ...]],
        after: Position | None,
        limit: int,
    ) -> Page:
        """Return a page of what an audit saw, as public JSON; raises EvidenceExpiredError."""
        with self._database.read() as connection:
            rows = self._rows(connection, tenant, audit, filters, after.id if after else "~")
            return _collected(rows, filters, limit)

    def count(
        self, *, tenant: str, audit: str, filters: Mapping[str, tuple[str, ...]]
    ) -> tuple[list[Row], bool]:
        """Return what an audit saw that `filters` select, as it is shown and with its `owner`, and
        whether every resource was looked at; raises EvidenceExpiredError."""
        found, ends = list[Row](), time.monotonic() + SCAN_SECONDS
        with self._database.read() as connection:
            rows = self._rows(connection, tenant, audit, filters, "~")
            for scanned, (_ident, row, _shown) in enumerate(rows, start=1):
                if _is_spent(scanned - 1, ends):
                    return found, False
                if matches(row, filters):
                    found.append(row)
        return found, True

    def _rows(
        self,
        connection: Connection,
        tenant: str,
        audit: str,
        filters: Mapping[str, tuple[str, ...]],
        start: str,
    ) -> Iterator[tuple[str, Row, bytes]]:
        found = connection.first(_AUDIT, {"tenant": tenant, "audit": audit})
        if found is None or found[0] != AuditStatus.COMPLETED:
            return iter(())
        if found[1] is not None:
            raise objects.EvidenceExpiredError(audit)
        refuse_strangers(connection, LISTING, tenant=tenant, filters=filters)
        return _Audit(connection, tenant, audit, self._owner_tags).rows(start)

    def seen(self, *, tenant: str, ident: str, place: Place, audit: str) -> tuple[Seen, Row]:
        """Return what an audit saw of a resource, and the snapshot; raises NotSeenError."""
        with self._database.read() as connection:
            found = _Looked(connection, tenant, ident, place).in_audit(audit)
            if found is None:
                raise NotSeenError(ident, audit)
            try:
                snapshot = objects.get(connection, tenant, found.snapshot)
            except objects.EvidenceExpiredError:
                raise NotSeenError(ident, audit) from None
        return found, orjson.loads(snapshot)

    def history(
        self, *, tenant: str, ident: str, place: Place, after: Position | None, limit: int
    ) -> Page:
        """Return a page of a resource's versions, as public JSON. Audits whose evidence retention
        dropped say nothing any more.

        Where the bound of a page's reading ends within a version, the next page goes on with it.
        """
        with self._database.read() as connection:
            seen = _Looked(connection, tenant, ident, place)
            found: list[Version] = []
            for version in versions(seen.since(after.id if after else "~")):
                found.append(version)
                if len(found) > limit:
                    break
            # The last is what the one before it is compared with, and may go on.
            more = len(found) > limit or (seen.bounded and len(found) > 1)
            shown = found[:-1] if more else found
            items = list(seen.shown(shown, found))
        if more:
            return Page(items, Position(shown[-1].first.audit_id))
        return Page(items, Position(seen.last) if seen.bounded else None)


class _Looked:
    """What audits saw of one resource, as it is looked for; `bounded` says that more were left."""

    def __init__(self, connection: Connection, tenant: str, ident: str, place: Place) -> None:
        self._connection = connection
        self._tenant = tenant
        self._ident = ident
        self._place = place
        self.last = ""
        self.bounded = False

    def since(self, after: str) -> Iterator[Seen]:
        """Yield what each audit below `after` saw, the newest first."""
        ends = time.monotonic() + SCAN_SECONDS
        while found := self._connection.all(_COMPLETED, {"tenant": self._tenant, "after": after}):
            for (audit,) in found:
                after = self.last = audit
                if (seen := self.in_audit(audit)) is not None:
                    yield seen
                if time.monotonic() > ends:
                    self.bounded = True
                    return

    def in_audit(self, audit: str) -> Seen | None:
        """Return what one audit saw; None when it did not, or nothing is kept of it."""
        bound = {"tenant": self._tenant, "audit": audit}
        row = self._connection.first(_ABOUT, {**bound, "ident": self._ident})
        header = self._connection.first(_HEADER, {**bound, **self._place})
        if row is None or header is None:
            return None
        try:
            lines = dict(orjson.loads(objects.get(self._connection, self._tenant, row[0])))
        except objects.EvidenceExpiredError:
            return None
        if self._ident not in lines:
            return None
        return Seen(audit, lines[self._ident], orjson.loads(header[0])["observed_at"])

    def shown(self, wanted: Sequence[Version], found: Sequence[Version]) -> Iterator[bytes]:
        """Yield the public JSON of versions, the first of those that were found."""
        data = objects.get_many(
            self._connection, self._tenant, (each.last.snapshot for each in found)
        )
        snapshots = {address: orjson.loads(each) for address, each in data.items()}
        for number, version in enumerate(wanted):
            before = found[number + 1] if number + 1 < len(found) else None
            earlier = snapshots.get(before.last.snapshot) if before else None
            snapshot = snapshots.get(version.last.snapshot)
            if snapshot is not None:
                yield orjson.dumps(public_version(version, snapshot, before, earlier))


def _collected(
    rows: Iterator[tuple[str, Row, bytes]], filters: Mapping[str, tuple[str, ...]], limit: int
) -> Page:
    items: list[bytes] = []
    last, ends = "", time.monotonic() + SCAN_SECONDS
    narrows = filters.keys() > {"audit"}  # else every row is shown, and `limit` bounds the reading
    for scanned, (ident, row, shown) in enumerate(rows, start=1):
        if matches(row, filters):
            if len(items) == limit:
                return Page(items, Position(last))
            items.append(shown)
            last = ident
        if narrows and _is_spent(scanned, ends):
            return Page(items, Position(ident))
    return Page(items, None)


def _is_spent(scanned: int, ends: float) -> bool:
    """Say whether a page has read as much as it may."""
    return scanned >= SCAN_ROWS or (
        scanned > 0 and scanned % _READ == 0 and time.monotonic() > ends
    )


class _Audit:
    """One audit's list, as it is walked through."""

    def __init__(
        self, connection: Connection, tenant: str, audit: str, owner_tags: Sequence[str]
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._audit = audit
        self._owner_tags = owner_tags
        self._headers: dict[tuple[str, str, str], Row] = {}

    def rows(self, start: str) -> Iterator[tuple[str, Row, bytes]]:
        """Yield (id, what is shown as values, and as JSON) of each resource below `start`."""
        bound = {"tenant": self._tenant, "audit": self._audit, "after": start}
        for (address,) in self._connection.all(_BLOCKS, bound):
            data = objects.get(self._connection, self._tenant, address)
            lines = [line for line in orjson.loads(data) if line[0] < start]
            for batch in batches(lines, _READ):
                yield from self._shown(batch)

    def _shown(self, lines: Sequence[Line]) -> Iterator[tuple[str, Row, bytes]]:
        found = objects.get_many(self._connection, self._tenant, (line[1] for line in lines))
        values = dict.fromkeys((f"id_{index}" for index in range(_READ)), "")
        values |= {f"id_{index}": line[0] for index, line in enumerate(lines)}
        rows = self._connection.all(_FIRST_SEEN, {"tenant": self._tenant, **values})
        first = {row[0]: row[1] for row in rows}
        for ident, address in lines:
            if address not in found:
                raise objects.EvidenceExpiredError(self._audit)
            snapshot = orjson.loads(found[address])
            shown = public(self._resource(ident, address, snapshot, first.get(ident)))
            owner = owner_of(snapshot["tags"], self._owner_tags)
            yield ident, {**orjson.loads(shown), "owner": owner}, shown

    def _resource(
        self, ident: str, address: str, snapshot: Row, first_seen_at: str | None
    ) -> Resource:
        header = self._header(snapshot["type"], snapshot["account"], snapshot["region"])
        names = ("provider", "account", "region", "type", "native_id")
        at, owner = header["observed_at"], snapshot.get("owner")
        return Resource(
            id=ident,
            identity=Identity(*(snapshot[name] for name in names)),
            connection_id=header["connection_id"],
            name=snapshot["name"],
            tags=snapshot["tags"],
            relations=snapshot["relations"],
            state=ResourceState.PRESENT,
            snapshot=address,
            audit_id=self._audit,
            observed_at=at,
            first_seen_at=first_seen_at or at,
            last_seen_at=at,
            owner_account=None if owner == snapshot["account"] else owner,
        )

    def _header(self, kind: str, account: str, region: str) -> Row:
        place = kind, account, region
        if place not in self._headers:
            bound = {"tenant": self._tenant, "audit": self._audit}
            where = {"name": kind, "acct": account, "place": region}
            found = self._connection.first(_HEADER, {**bound, **where})
            assert found is not None, "what an audit saw is of one of its lists"
            self._headers[place] = orjson.loads(found[0])
        return self._headers[place]


def matches(row: Row, filters: Mapping[str, tuple[str, ...]]) -> bool:
    """Say whether a resource as it is shown passes the filters of the list."""
    return all(_passes(row, name, values, filters) for name, values in filters.items())


def _passes(
    row: Row, name: str, values: tuple[str, ...], filters: Mapping[str, tuple[str, ...]]
) -> bool:
    if name == f"tag{NOT}":  # none of them; of `tag` all different keys
        return not any(_tagged(row, (value,)) for value in values)
    if name.endswith(NOT):
        return not _passes(row, name.removesuffix(NOT), values, filters)
    if name in ("tag_key", "tag_value") and {"tag_key", "tag_value"} <= filters.keys():
        keys, texts = filters["tag_key"], filters["tag_value"]
        return any(row["tags"].get(key) in texts for key in keys)
    return _TESTS[name](row, values)


def _is(name: str) -> Callable[[Row, tuple[str, ...]], bool]:
    return lambda row, values: row[name] in values


def _tagged(row: Row, values: tuple[str, ...]) -> bool:
    pairs = [tuple(map(unquote, value.partition(PAIR)[::2])) for value in values]
    had = {key for key, text in pairs if row["tags"].get(key) == text}
    return had == {key for key, _text in pairs}


_TESTS: Mapping[str, Callable[[Row, tuple[str, ...]], bool]] = {
    **{name: _is(name) for name in ("type", "account", "region", "provider", "native_id", "state")},
    "connection": _is("connection_id"),
    "audit": lambda row, values: True,
    "name": lambda row, values: any(v.lower() in (row["name"] or "").lower() for v in values),
    "owner": _is("owner"),
    "search": lambda row, values: any(
        v.lower() in f"{row['name'] or ''}\n{row['native_id']}".lower() for v in values
    ),
    "service": lambda row, values: row["type"].split(".")[1] in values,
    "tag": _tagged,
    "tag_key": lambda row, values: any(key in values for key in row["tags"]),
    "tag_value": lambda row, values: any(text in values for text in row["tags"].values()),
}
"""How each filter is judged on what an audit saw, whatever became of it."""
