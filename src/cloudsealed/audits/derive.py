"""From the ledger to snapshots: a pure traversal of stored answers, a block a type and place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import orjson

from cloudsealed.audits import blocks
from cloudsealed.audits.collisions import ERROR, MOST_TOLD, Collision, settled
from cloudsealed.audits.ledger import StoredCalls
from cloudsealed.audits.model import Scope, Target
from cloudsealed.audits.store import Lease
from cloudsealed.collectors.asked import NotAsked, without
from cloudsealed.collectors.draft import today, underived
from cloudsealed.collectors.model import (
    NOT_ASKED,
    TOO_MANY,
    Gap,
    Listing,
    Place,
    Row,
    Snapshot,
    Unit,
)
from cloudsealed.collectors.permissions import action_of
from cloudsealed.collectors.registry import RESOURCE_TYPES, places
from cloudsealed.collectors.walk import walk
from cloudsealed.findings.model import fingerprint
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import CallOutcome

_BATCH = 500
EVERYTHING = "*"
"""Under this name in `unread` stands why nothing is known of a resource but its id."""


@dataclass(frozen=True, slots=True)
class Task:
    """One type to collect in one place, through one connection."""

    connection_id: str
    place: Place
    row: Row


def tasks_of(
    targets: Iterable[Target], scope: Scope, not_asked: NotAsked = MappingProxyType({})
) -> list[Task]:
    """Return what an audit collects, in a fixed order; an account reached twice counts once."""
    rows = [
        without(row, not_asked.get(row.type, ()))
        for row in RESOURCE_TYPES.values()
        if _in_scope(row, scope)
    ]
    found: dict[tuple[str, str, str], Task] = {}
    for target in targets:
        if target.account is None:
            continue
        for row in rows:
            for place in places(row, target.account, target.partition, target.regions):
                key = (place.account, place.region, row.type)
                found.setdefault(key, Task(target.connection_id, place, row))
    return list(found.values())


def _in_scope(row: Row, scope: Scope) -> bool:
    """Say whether a type is in scope; regions narrow regional services only."""
    wanted_service = scope.services is None or row.service_name in scope.services
    return wanted_service and (scope.resource_types is None or row.type in scope.resource_types)


def derive(
    *,
    lease: Lease,
    tasks: Sequence[Task],
    stored: StoredCalls,
    clock: str,
    done: Callable[[int], None],
) -> None:
    """Write the block of snapshots of every task."""
    for task in tasks:
        found = _walked(lease, task, stored)
        if stored.listed_again(task.row, task.place):
            found = _fuller(found, _walked(lease, task, stored, again=True))
        with lease.write() as connection:
            lines, collisions = settled(
                connection, found.lines, tenant=lease.tenant, month=lease.month
            )
            blocks.put(
                connection,
                tenant=lease.tenant,
                audit_id=lease.audit_id,
                kind=blocks.SNAPSHOTS,
                key=task.row.type,
                account=task.place.account,
                region=task.place.region,
                lines=blocks.Spool.of(lease.tenant, lease.month, lines),
                header=_header(task, found.listing, clock, collisions),
            )
        done(len(found.lines))


@dataclass(slots=True)
class _Walked:
    """What a walk found: the native id and the address of each resource, and how its list ended."""

    lines: list[list[str]]
    listing: Listing


def _walked(lease: Lease, task: Task, stored: StoredCalls, *, again: bool = False) -> _Walked:
    """Store the snapshots that a walk of the ledger gives."""
    lines: list[list[str]] = []
    listing: Listing | None = None
    for batch in batches(walk(task.row, task.place, stored, again=again), _BATCH):
        packed = []
        for item in batch:
            if isinstance(item, Listing):
                listing = item
                continue
            address, row = objects.pack(lease.tenant, _stored(task, item), lease.month)
            packed.append(row)
            lines.append([item.native_id, address])
        with lease.write() as connection:
            objects.put_many(connection, packed)
    assert listing is not None, "a walk ends with its listing"
    return _Walked(lines, listing)


def _fuller(first: _Walked, second: _Walked) -> _Walked:
    """Return what counts of a list that was asked for twice: the fuller answer. It is whole only if
    both are, so that an answer that could not be confirmed resolves nothing."""
    fuller = second if len(second.lines) >= len(first.lines) else first
    broken = next((each.listing for each in (first, second) if not each.listing.complete), None)
    if broken is None or not fuller.listing.complete:
        return fuller
    return _Walked(
        fuller.lines,
        replace(fuller.listing, complete=False, outcome=broken.outcome, gap=broken.gap),
    )


def _stored(task: Task, snapshot: Snapshot) -> bytes:
    """Return a snapshot as it is stored; of one that no JSON of ours can hold, its id and why."""
    try:
        return canonical(snapshot_document(snapshot))
    except Exception as error:
        failed = underived(snapshot, task.row, task.place, type(error).__name__)
        return canonical(snapshot_document(failed))


def _header(
    task: Task, listing: Listing, clock: str, collisions: Sequence[Collision]
) -> dict[str, Any]:
    if collisions:  # what a list says of an id that several have it says of none of them
        gap = Gap(listing.units[0], CallOutcome.FAILED, ERROR)
        listing = replace(
            listing, complete=False, outcome=CallOutcome.FAILED, gap=listing.gap or gap
        )
    return {
        "connection_id": task.connection_id,
        "named_by": task.row.native_id,
        "complete": listing.complete,
        "outcome": listing.outcome,
        "observed_at": rfc3339(listing.called_at) if listing.called_at else clock,
        "gap": gap_document(listing.gap) if listing.gap else None,
        **({"gone": sorted(listing.gone)} if listing.gone else {}),
        **({"collisions": [asdict(each) for each in collisions[:MOST_TOLD]]} if collisions else {}),
    }


def gap_document(gap: Gap) -> dict[str, Any]:
    """Return why something could not be read, with its IAM action and whether that cures it."""
    unit = gap.unit
    if gap.error_code in _WHY_NOT_ASKED:
        return not_asked_reason(unit, gap.error_code)
    return {
        "kind": "call",
        "service": unit.service,
        "operation": unit.operation,
        "account": unit.account,
        "region": unit.region,
        "parameters": orjson.loads(unit.parameters),
        "outcome": gap.outcome,
        "error_code": gap.error_code,
        "curable": gap.curable,
        "action": action_of(unit.service, unit.operation),
    }


_WHY_NOT_ASKED = {
    NOT_ASKED: "no policy read it at the time, or a setting says so",
    TOO_MANY: "it would be a call for each of too many",
}


def not_asked_reason(unit: Unit, why: str = NOT_ASKED) -> dict[str, Any]:
    """Return why something was left out: by a setting, since nothing read it at the time, or since
    it would be too many calls."""
    message = f"{unit.action} was not asked: {_WHY_NOT_ASKED[why]}"
    return {
        "kind": NOT_ASKED,
        "service": unit.service,
        "operation": unit.operation,
        "account": unit.account,
        "region": unit.region,
        "message": message,
    }


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


def underived_reason(error: str) -> dict[str, Any]:
    """Return why nothing that rests on a resource can be judged: what went wrong deriving it."""
    message = f"The resource could not be derived from its answers: {error}"
    return {"kind": "derivation_error", "error": error, "message": message}


def _source(unit: Unit) -> list[Any]:
    return [unit.service, unit.operation, unit.parameters, unit.page]


class Snapshots:
    """Reads the snapshots that an audit derived."""

    def __init__(self, database: Database, *, tenant: str, audit_id: str) -> None:
        self._database = database
        self._tenant = tenant
        self._blocks = blocks.Blocks(database, tenant=tenant, audit_id=audit_id)
        self._named_earlier = lru_cache(maxsize=64)(self._is_named_earlier)

    def listings(self) -> list[blocks.Block]:
        """Return every type's block in every place."""
        return self._blocks.all(blocks.SNAPSHOTS)

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
            provider="aws",
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
