"""Rows of findings, their episodes and the findings of an audit. The only SQL of findings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, func, select

from cloudsealed.findings import cell_store as cells
from cloudsealed.findings import count_store as counts
from cloudsealed.findings import text_store, trend_store
from cloudsealed.findings.by_id_store import SIZES, binds, by_ids, padded
from cloudsealed.findings.codec import LOADED, decode, encode, kind
from cloudsealed.findings.delta_store import Compared, changed
from cloudsealed.findings.listing import LISTING
from cloudsealed.findings.model import Finding, FindingNotFoundError, Moment
from cloudsealed.findings.pin_store import Line, Pin, ident_of, pinned_rows
from cloudsealed.kit.batches import batches
from cloudsealed.kit.cursor import Position
from cloudsealed.storage import objects
from cloudsealed.storage.database import Connection, Database, Row
from cloudsealed.storage.keyset import (
    SCAN_ROWS,
    SCAN_SECONDS,
    Listing,
    Rows,
    fetch,
    page_of,
    refuse_strangers,
)
from cloudsealed.storage.schema import audit_blocks, episodes, findings
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import FindingStatus

BLOCK_LINES = 1_000
_BLOCK = "findings"

_TENANT = findings.c.tenant_id == bindparam("tenant")
_LOADED = select(*(findings.c[name] for name in LOADED), cells.settled(findings)).where(_TENANT)
_ONE = _LOADED.where(findings.c.id == bindparam("ident"))
_SERVED = select(*LISTING.shown(findings)).where(_TENANT, findings.c.id == bindparam("ident"))
_CELL = _LOADED.where(
    findings.c.policy_id == bindparam("policy"),
    findings.c.account == bindparam("account"),
    findings.c.region == bindparam("region"),
)
_UNRESOLVED = _LOADED.where(
    findings.c.connection_id == bindparam("connection"),
    findings.c.status != FindingStatus.RESOLVED.value,
).limit(BLOCK_LINES)
_UNDECIDED = (
    _LOADED.where(findings.c.status == bindparam("status"), findings.c.id > bindparam("after"))
    .order_by(findings.c.id)
    .limit(BLOCK_LINES)
)
_KEPT = ("tenant_id", "id")
_UPDATE = (
    findings.update()
    .where(_TENANT, findings.c.id == bindparam("ident"))
    .values({c.name: bindparam(f"new_{c.name}") for c in findings.c if c.name not in _KEPT})
)
_EXTEND_EPISODE = (
    episodes.update()
    .where(
        episodes.c.tenant_id == bindparam("tenant"),
        episodes.c.finding_id == bindparam("ident"),
        episodes.c.sequence == bindparam("number"),
    )
    .values(last_audit_id=bindparam("audit"), last_at=bindparam("moment"))
)
_HISTORY = (
    select(*(c for c in episodes.c if c.name not in ("tenant_id", "finding_id")))
    .where(
        episodes.c.tenant_id == bindparam("tenant"),
        episodes.c.finding_id == bindparam("ident"),
        episodes.c.sequence > bindparam("after"),
    )
    .order_by(episodes.c.sequence)
    .limit(bindparam("most"))
)
_INSERT_BLOCK = audit_blocks.insert()
_BLOCKS = (
    select(audit_blocks.c.digest)
    .where(
        audit_blocks.c.tenant_id == bindparam("tenant"),
        audit_blocks.c.audit_id == bindparam("audit"),
        audit_blocks.c.kind == _BLOCK,
        audit_blocks.c.header < bindparam("after"),  # header: the lowest id in the block
    )
    .order_by(audit_blocks.c.key.desc())
)


def load_cell(connection: Connection, *, tenant: str, cell: cells.Cell) -> dict[str, Finding]:
    """Return every finding of one cell by fingerprint, whatever its status."""
    values = {"tenant": tenant, "policy": cell.policy_id, "account": cell.account}
    values["region"] = cell.region
    rows = map(_finding, connection.all(_CELL, values))
    return {finding.fingerprint: finding for finding in rows}


def load(connection: Connection, *, tenant: str, fingerprints: Sequence[str]) -> dict[str, Finding]:
    """Return the findings with these fingerprints, by fingerprint."""
    if not fingerprints:
        return {}
    values = {f"print_{index}": value for index, value in enumerate(fingerprints)}
    rows = connection.all(_with_prints(len(fingerprints)), {"tenant": tenant, **values})
    return {finding.fingerprint: finding for finding in map(_finding, rows)}


def load_ids(connection: Connection, *, tenant: str, idents: Sequence[str]) -> list[Finding]:
    """Return the findings that there are of at most 1,000 ids."""
    size, values = padded(idents)
    rows = connection.all(_with_ids(size), {"tenant": tenant, **values})
    return list(map(_finding, rows))


def _finding(row: Row) -> Finding:
    *loaded, settled = row
    return decode(dict(zip(LOADED, loaded, strict=True)), settled)


@lru_cache(maxsize=len(SIZES))
def _with_ids(size: int) -> Select[Any]:
    return _LOADED.where(findings.c.id.in_(binds("id", size)))


@lru_cache(maxsize=64)  # or each batch would be compiled anew, and kept
def _with_prints(count: int) -> Select[Any]:
    return _LOADED.where(findings.c.fingerprint.in_(binds("print", count)))


def insert(connection: Connection, *, tenant: str, new: Sequence[Finding]) -> None:
    """Add findings, each with its first episode; call it in the tenant's turn."""
    rows = [encode(tenant, finding) for finding in new]
    connection.add(findings, rows)
    counts.move(connection, tenant=tenant, before=(), after=map(counts.kind, rows))
    connection.add(episodes, [_episode(tenant, finding, 1) for finding in new])
    text_store.insert(connection, tenant=tenant, new=new)


def update(
    connection: Connection, *, tenant: str, changed: Sequence[tuple[Finding, Finding]]
) -> None:
    """Write findings over what they were when this turn of the tenant read them."""
    for batch in batches(changed, BLOCK_LINES):
        rows = [encode(tenant, new) for _old, new in batch]
        connection.many(_UPDATE, [_over(row) for row in rows])
        before = (counts.kind(kind(old)) for old, _new in batch)
        counts.move(connection, tenant=tenant, before=before, after=map(counts.kind, rows))
        renamed = [new for old, new in batch if text_store.words(old) != text_store.words(new)]
        text_store.update(connection, tenant=tenant, changed=renamed)


def overwrite(connection: Connection, *, tenant: str, changed: Sequence[Finding]) -> None:
    """Write findings over whatever they are; call it in the tenant's turn."""
    for batch in batches(changed, BLOCK_LINES):
        rows = [encode(tenant, finding) for finding in batch]
        before = counts.kinds(connection, tenant=tenant, idents=[row["id"] for row in rows])
        connection.many(_UPDATE, [_over(row) for row in rows])
        text_store.update(connection, tenant=tenant, changed=batch)
        after = [counts.kind(row) for row in rows if row["id"] in before]
        counts.move(connection, tenant=tenant, before=before.values(), after=after)


def _over(row: Mapping[str, Any]) -> dict[str, Any]:
    new = {f"new_{name}": value for name, value in row.items() if name not in _KEPT}
    return {"tenant": row["tenant_id"], "ident": row["id"], **new}


def record_episodes(
    connection: Connection, *, tenant: str, told: Sequence[tuple[Finding, bool]]
) -> None:
    """Extend the last episode of each finding to its audit, or begin the next one if it `begins`.

    A finding may come several times, as what it was and then as what it is.
    """
    for batch in batches(told, BLOCK_LINES):
        size, values = padded(list({finding.id: None for finding, _begins in batch}))
        rows = connection.all(_last_episodes(size), {"tenant": tenant, **values})
        last: dict[str, int] = dict(rows)
        begun, extended = [], []
        for finding, begins in batch:
            number = last.get(finding.id, 0)
            if begins or not number:
                last[finding.id] = number + 1
                begun.append(_episode(tenant, finding, number + 1))
                continue
            moment = {"audit": finding.looked.audit_id, "moment": finding.looked.at}
            extended.append({"tenant": tenant, "ident": finding.id, "number": number, **moment})
        connection.add(episodes, begun)
        connection.many(_EXTEND_EPISODE, extended)


@lru_cache(maxsize=len(SIZES))
def _last_episodes(size: int) -> Select[Any]:
    return (
        select(episodes.c.finding_id, func.max(episodes.c.sequence))
        .where(
            episodes.c.tenant_id == bindparam("tenant"),
            episodes.c.finding_id.in_(binds("id", size)),
        )
        .group_by(episodes.c.finding_id)
    )


def _episode(tenant: str, finding: Finding, number: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant,
        "finding_id": finding.id,
        "sequence": number,
        "outcome": finding.last_observation,
        "severity": finding.severity.rank,
        "first_audit_id": finding.looked.audit_id,
        "last_audit_id": finding.looked.audit_id,
        "first_at": finding.looked.at,
        "last_at": finding.looked.at,
    }


def pin_to_audit(
    connection: Connection, *, tenant: str, audit: str, idents: Sequence[str | Pin], month: str
) -> None:
    """Record which findings failed in an audit, each with what it says of it, in blocks of
    descending ids, and how many of each kind; call it in the tenant's turn."""
    for block in batches(sorted(idents, key=ident_of, reverse=True), BLOCK_LINES):
        row = {
            "tenant_id": tenant,
            "audit_id": audit,
            "kind": _BLOCK,
            "account": "",
            "region": "",
            "key": ident_of(block[0]),
            "digest": objects.put(connection, tenant, orjson.dumps(block), month),
            "lines": len(block),
            "header": ident_of(block[-1]),
        }
        connection.run(_INSERT_BLOCK, row)
    trend_store.keep(
        connection, tenant=tenant, audit=audit, idents=[*map(ident_of, idents)], month=month
    )


def _tallied(rows: Rows) -> tuple[list[Row], bool]:
    tally = Counter(tuple("" if v is None else v for v in row[2:]) for row in rows.rows)
    return [(*key, number) for key, number in sorted(tally.items())], rows.next is None


def _failing(connection: Connection, tenant: str, audit: str, below: str) -> Iterator[Line]:
    """Yield the lines below an id of what failed in an audit, descending; a block at a time is
    read."""
    for (address,) in connection.all(_BLOCKS, {"tenant": tenant, "audit": audit, "after": below}):
        lines: list[Line] = orjson.loads(objects.get(connection, tenant, address))
        yield from (line for line in lines if ident_of(line) < below)


class FindingStore:
    """Reads findings, and writes people's triage."""

    def __init__(self, database: Database, listing: Listing = LISTING) -> None:
        self._database = database
        self._listing = listing

    def page(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str,
        after: Position | None,
        limit: int,
        deadline: float | None = None,
        compared: Compared = Compared(),
    ) -> Rows:
        """Return one page; rows are (id, sort value, *columns of LISTING). Filtered by `delta` they
        are of the audits `compared`."""
        with self._database.read(deadline) as connection:
            if "delta" in filters:
                return changed(
                    connection,
                    self._listing,
                    partial(_failing, connection, tenant),
                    tenant=tenant,
                    filters=filters,
                    compared=compared,
                    after=after,
                    limit=limit,
                )
            if "audit" in filters:
                return self._pinned(connection, self._listing, tenant, filters, after, limit)
            return self._listed(
                connection,
                self._listing,
                tenant=tenant,
                filters=filters,
                sort=sort,
                after=after,
                limit=limit,
            )

    def served(self, *, tenant: str, ident: str, deadline: float | None = None) -> Row:
        """Return the columns of LISTING of one finding; raises FindingNotFoundError."""
        with self._database.read(deadline) as connection:
            row = connection.first(_SERVED, {"tenant": tenant, "ident": ident})
        if row is None:
            raise FindingNotFoundError(ident)
        return row

    def get(self, *, tenant: str, ident: str) -> Finding:
        """Return one finding; raises FindingNotFoundError."""
        with self._database.read() as connection:
            return self._one(connection, tenant, ident)

    def replace(self, *, tenant: str, ident: str, change: Any) -> Finding:
        """Apply `change`, a function from finding to finding, to one row in one transaction."""
        with turn(self._database, tenant=tenant) as connection:
            old = self._one(connection, tenant, ident)
            changed: Finding = change(old)
            update(connection, tenant=tenant, changed=[(old, changed)])
        return changed

    def unresolved(self, *, tenant: str, connection_id: str) -> list[Finding]:
        """Return some of the findings of a connection that are not resolved."""
        with self._database.read() as connection:
            rows = connection.all(_UNRESOLVED, {"tenant": tenant, "connection": connection_id})
        return list(map(_finding, rows))

    def undecided(self, *, tenant: str) -> Iterator[list[Finding]]:
        """Yield batches of all that is open or suppressed, each once, by id: also what becomes the
        other of the two meanwhile."""
        after = ""
        while True:
            with self._database.read() as connection:
                rows = [
                    row
                    for status in (FindingStatus.OPEN, FindingStatus.SUPPRESSED)
                    for row in connection.all(
                        _UNDECIDED, {"tenant": tenant, "status": status.value, "after": after}
                    )
                ]
            batch = sorted(map(_finding, rows), key=lambda each: each.id)[:BLOCK_LINES]
            if not batch:
                return
            after = batch[-1].id
            yield batch

    def history(self, *, tenant: str, ident: str, after: int = 0, most: int = 1_000) -> list[Row]:
        """Return at most `most` of a finding's episodes after one's number, oldest first."""
        values = {"tenant": tenant, "ident": ident, "after": after, "most": most}
        with self._database.read() as connection:
            finding = self._one(connection, tenant, ident)
            rows = connection.all(_HISTORY, values)
        if rows and len(rows) < most:  # the last goes on as long as the cell says the same
            *first, audit, began, ended = rows[-1]
            last = max(finding.looked, Moment(ended, audit))
            rows[-1] = (*first, last.audit_id, began, last.at)
        return rows

    def count(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        columns: tuple[str, ...],
        compared: Compared = Compared(),
    ) -> tuple[list[Row], bool]:
        """Return (column values …, count) in order, and whether every finding was looked at.

        What the kept counts cannot tell is counted from findings, within the bound of one page.
        """
        with self._database.read() as connection:
            if counts.answers(filters, columns):
                return counts.count(
                    connection, tenant=tenant, filters=filters, columns=columns
                ), True
            rows = self._scanned(connection, tenant, filters, columns, compared)
        return _tallied(rows)

    def count_of_audit(
        self,
        *,
        tenant: str,
        audit: str,
        filters: Mapping[str, tuple[str, ...]],
        columns: tuple[str, ...],
        compared: Compared = Compared(),
    ) -> tuple[list[Row], bool]:
        """Return what `count` does, of what failed in an audit: as it was when the audit ended where
        its kept counts can tell, else as it is now."""
        with self._database.read() as connection:
            if counts.answers(filters, columns):
                kept = trend_store.count(
                    connection, tenant=tenant, audit=audit, filters=filters, columns=columns
                )
                if kept is not None:
                    return kept, True
            pinned = {**filters, "audit": (audit,)}
            return _tallied(self._scanned(connection, tenant, pinned, columns, compared))

    def _scanned(
        self,
        connection: Connection,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        columns: tuple[str, ...],
        compared: Compared,
    ) -> Rows:
        listing = _counted(self._listing, columns)
        if "delta" in filters:
            return changed(
                connection,
                listing,
                partial(_failing, connection, tenant),
                tenant=tenant,
                filters=filters,
                compared=compared,
                after=None,
                limit=SCAN_ROWS,
            )
        if "audit" in filters:
            return self._pinned(connection, listing, tenant, filters, None, SCAN_ROWS)
        return self._listed(
            connection,
            listing,
            tenant=tenant,
            filters=filters,
            sort="-id",
            after=None,
            limit=SCAN_ROWS,
        )

    def _listed(
        self,
        connection: Connection,
        listing: Listing,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str,
        after: Position | None,
        limit: int,
    ) -> Rows:
        """Return a page as `fetch` does; of the few that a text's index names where it can."""
        wanted = text_store.searched_for(filters)
        named = (
            text_store.candidates(connection, self._database.name, tenant=tenant, wanted=wanted)
            if wanted
            else None
        )
        if named is None:
            return fetch(
                connection,
                listing,
                tenant=tenant,
                filters=filters,
                sort=sort,
                after=after,
                limit=limit,
            )
        residual = listing.prepare(filters)
        refuse_strangers(connection, listing, tenant=tenant, filters=residual)
        rows = by_ids(connection, listing, tenant, named, residual, order=listing.sorts[sort])
        return page_of(rows, sort=sort, after=after, limit=limit)

    def of_audit(self, *, tenant: str, audit: str) -> Iterable[Row]:
        """Yield (id, *columns of LISTING) of every finding that failed in an audit."""
        yield from self.by_ids(tenant=tenant, idents=self.ids_of_audit(tenant=tenant, audit=audit))

    def ids_of_audit(self, *, tenant: str, audit: str) -> Iterator[str]:
        """Yield the ids of the findings that failed in an audit, in descending order."""
        with self._database.read() as connection:
            blocks = connection.all(_BLOCKS, {"tenant": tenant, "audit": audit, "after": "~"})
        for (address,) in blocks:
            with self._database.read() as connection:
                lines = orjson.loads(objects.get(connection, tenant, address))
            yield from map(ident_of, lines)

    def by_ids(self, *, tenant: str, idents: Iterable[str]) -> Iterator[Row]:
        """Yield (id, *columns of LISTING) of the findings with these ids."""
        for batch in batches(idents, BLOCK_LINES):
            with self._database.read() as connection:
                rows = by_ids(connection, self._listing, tenant, batch, {})
            yield from ((row[0], *row[2:]) for row in rows)

    def _one(self, connection: Connection, tenant: str, ident: str) -> Finding:
        row = connection.first(_ONE, {"tenant": tenant, "ident": ident})
        if row is None:
            raise FindingNotFoundError(ident)
        return _finding(row)

    def _pinned(
        self,
        connection: Connection,
        listing: Listing,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        after: Position | None,
        limit: int,
    ) -> Rows:
        start = after.id if after else "~"
        residual = LISTING.prepare({n: values for n, values in filters.items() if n != "audit"})
        refuse_strangers(connection, LISTING, tenant=tenant, filters=residual)
        audit = filters["audit"][0]
        found: list[Row] = []
        scanned, last, ends = 0, start, time.monotonic() + SCAN_SECONDS
        for (address,) in connection.all(
            _BLOCKS, {"tenant": tenant, "audit": audit, "after": start}
        ):
            lines = orjson.loads(objects.get(connection, tenant, address))
            there = [line for line in lines if ident_of(line) < start]
            for part in batches(there, min(max(limit + 1, 100), BLOCK_LINES)):
                if scanned >= SCAN_ROWS or (scanned and time.monotonic() > ends):
                    return Rows(found, Position(last))
                found += pinned_rows(connection, listing, tenant, part, residual)
                scanned, last = scanned + len(part), ident_of(part[-1])
                if len(found) > limit:
                    return Rows(found[:limit], Position(found[limit - 1][0]))
        return Rows(found, None)


@lru_cache(maxsize=256)
def _counted(listing: Listing, columns: tuple[str, ...]) -> Listing:
    return replace(listing, columns=columns)
