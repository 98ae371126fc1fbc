"""Snapshots as an audit keeps them: what it saw of each resource, by its address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.reasons import EVERYTHING, gap_document, underived_reason
from cloudsealed.collectors.draft import today
from cloudsealed.collectors.model import Snapshot, Unit
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.findings.model import fingerprint
from cloudsealed.kit.canonical import canonical
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import Provider


def snapshot_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON values: what is stored, addressed and sealed."""
    return {
        "provider": snapshot.provider,
        "account": snapshot.account,
        "region": snapshot.region,
        "type": snapshot.type,
        "native_id": snapshot.native_id,
        "owner": snapshot.owner,
        "formerly": snapshot.formerly,
        "name": snapshot.name,
        "tags": snapshot.tags,
        "document": snapshot.document,
        "relations": {name: list(ids) for name, ids in snapshot.relations.items()},
        "unread": _unread(snapshot),
        "sources": {
            name: [_source(unit) for unit in units] for name, units in snapshot.sources.items()
        },
        "created": snapshot.created,
    }


def _unread(snapshot: Snapshot) -> dict[str, Any]:
    if snapshot.error is None:
        return {name: gap_document(gap) for name, gap in snapshot.unread.items()}
    return {EVERYTHING: underived_reason(snapshot.error)}


def _source(unit: Unit) -> list[Any]:
    return [unit.service, unit.operation, unit.parameters, unit.page]


class Snapshots:
    """Reads the snapshots that an audit derived, of all its accounts or of one."""

    def __init__(
        self, database: Database, *, tenant: str, audit_id: str, account: str | None = None
    ) -> None:
        self._database = database
        self._account = account
        self._tenant = tenant
        self._blocks = blocks.Blocks(database, tenant=tenant, audit_id=audit_id)
        self._named_earlier = lru_cache(maxsize=64)(self._is_named_earlier)

    def listings(self) -> list[blocks.Block]:
        """Return every type's block in every place."""
        return self._blocks.all(blocks.SNAPSHOTS, self._account)

    def each(self, kind: str | None = None) -> Iterator[blocks.Block]:
        """Yield the blocks of every type in every place, or of one type; a few are in memory."""
        if kind is None:
            return self._blocks.each(blocks.SNAPSHOTS)
        return iter(self._blocks.between(blocks.SNAPSHOTS, kind, kind))

    def of(self, block: blocks.Block) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield (address, snapshot) of a block's resources, by native id. Those of an audit from
        before their ids were built as they are now have the ids of now."""
        row = RESOURCE_TYPES[block.key]
        is_earlier = block.header.get("named_by") != row.native_id
        for _native_id, address in self._blocks.lines(block):
            with self._database.read() as connection:
                data = objects.get(connection, self._tenant, address)
            snapshot = orjson.loads(data)
            yield address, today(snapshot, row) if is_earlier else snapshot

    def line_about(self, block: blocks.Block, native_id: str) -> tuple[int, bytes] | None:
        """Return the number and the bytes of the observation of a resource in a block, also of one
        that had another id then."""
        found = self._blocks.line_with(block, "native_id", canonical(native_id))
        if found is not None:
            return found
        last = re.split(r"[/:]", native_id)[-1].encode()  # of an id that is built anew this stays
        for number, raw in enumerate(self._blocks.raw_lines(block)):
            if last in raw and self._named_today(block, orjson.loads(raw)) == native_id:
                return number, raw
        return None

    def print_today(self, block: blocks.Block, line: Mapping[str, Any]) -> str:
        """Return the fingerprint, by the id that its resource has today, of an observation."""
        native_id = self._named_today(block, line)
        if native_id == line["native_id"]:
            return str(line["fingerprint"])
        return fingerprint(
            policy_key=block.key,
            provider=Provider.of_type(line["type"]),
            account=block.account,
            region=block.region,
            native_id=native_id,
        )

    def _named_today(self, block: blocks.Block, line: Mapping[str, Any]) -> str:
        kind = line["type"]
        is_earlier = self._named_earlier(kind, block.account, block.region)
        snapshot = self.at(line["snapshot"]) if is_earlier else None
        return str((today(snapshot, RESOURCE_TYPES[kind]) if snapshot else line)["native_id"])

    def _is_named_earlier(self, kind: str, account: str, region: str) -> bool:
        """Say whether the ids of a list may be built in another way than they are now."""
        row = RESOURCE_TYPES.get(kind)
        if row is None or row.formerly_native_id is None:
            return False
        listing = self._blocks.find(blocks.SNAPSHOTS, kind, account, region)
        return listing is None or listing.header.get("named_by") != row.native_id

    def at(self, address: str) -> dict[str, Any] | None:
        """Return one snapshot by its address; None when retention dropped it."""
        try:
            with self._database.read() as connection:
                found: dict[str, Any] = orjson.loads(objects.get(connection, self._tenant, address))
        except objects.EvidenceExpiredError:
            return None
        return found
