"""Lists that lost most of what was known: they are asked again before anything is resolved by them.

A proxy's page, or a service that is not itself, may well look like an empty list. What the second
answer confirms counts, and the audit says so. It refuses to say which of two answers is right: the
ledger keeps both, and deriving takes the fuller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.audits.records.blocks import SNAPSHOTS, Block, Blocks
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.steps.plan import Task
from cloudsealed.collectors.model import Row
from cloudsealed.resources import store as resource_rows
from cloudsealed.storage.database import Database

LEAST = 20
"""Known resources of a type and place below which a list is not asked again."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A list that ended complete and lacks `missing` of the `known` resources of its place."""

    task: Task
    known: int
    missing: int

    @property
    def place(self) -> tuple[str, str, str]:
        """Its type, account and region."""
        return self.task.row.type, self.task.place.account, self.task.place.region

    def remark(self) -> dict[str, Any]:
        """Return what an audit says of a list that stayed so when it was asked again."""
        kind, account, region = self.place
        message = (
            f"{self.missing} of {self.known} known resources of {kind} were gone in"
            f" {account}/{region} at once; asked again, the list stayed so"
        )
        return {
            "kind": "list_shrank",
            "resource_type": kind,
            "account": account,
            "region": region,
            "known": self.known,
            "missing": self.missing,
            "message": message,
        }


def shrunk(
    database: Database, *, tenant: str, audit_id: str, tasks: Iterable[Task]
) -> Iterator[Shrunk]:
    """Yield the tasks whose list lost more than half of at least LEAST known resources."""
    blocks = Blocks(database, tenant=tenant, audit_id=audit_id)
    snapshots = Snapshots(database, tenant=tenant, audit_id=audit_id)
    for task in tasks:
        kind, place = task.row.type, task.place
        block = blocks.find(SNAPSHOTS, kind, place.account, place.region)
        if block is None or not block.header["complete"] or task.row.operation is None:
            continue
        with database.read() as connection:
            known = resource_rows.present_ids(
                connection,
                tenant=tenant,
                provider=place.provider,
                account=place.account,
                region=place.region,
                kind=kind,
            )
        if len(known) < LEAST:
            continue
        listed = set(_listed(blocks, snapshots, block, task.row))
        missing = sum(native_id not in listed for native_id in known)
        if 2 * missing > len(known):
            yield Shrunk(task, len(known), missing)


def _listed(blocks: Blocks, snapshots: Snapshots, block: Block, row: Row) -> Iterator[str]:
    """Yield the native ids that a list named, the former ones too."""
    yield from (native_id for native_id, _address in blocks.lines(block))
    if row.formerly_native_id is not None:
        yield from (found["formerly"] or "" for _address, found in snapshots.of(block))


def remarks(
    before: Iterable[Mapping[str, Any]], still: Iterable[Shrunk]
) -> tuple[Mapping[str, Any], ...]:
    """Return the remarks of an audit with those of the lists that stayed so; each place once."""
    new = {each.place: each.remark() for each in still}
    kept = [
        remark
        for remark in before
        if remark["kind"] != "list_shrank"
        or (remark["resource_type"], remark["account"], remark["region"]) not in new
    ]
    return (*kept, *new.values())
