"""From the ledger to snapshots: a pure traversal of stored answers, a block a type and place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.ledger import StoredCalls
from cloudsealed.audits.records.reasons import gap_document
from cloudsealed.audits.records.snapshots import snapshot_document
from cloudsealed.audits.shard_store import Lease
from cloudsealed.audits.steps.collisions import ERROR, MOST_TOLD, Collision, settled
from cloudsealed.audits.steps.plan import Task
from cloudsealed.collectors.draft import underived
from cloudsealed.collectors.model import Gap, Listing, Snapshot
from cloudsealed.collectors.walk import walk
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import rfc3339
from cloudsealed.storage import objects
from cloudsealed.vocabulary import CallOutcome

_BATCH = 500


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
