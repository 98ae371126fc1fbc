"""Applies an audit to the present: resources first, then findings, cell by cell.

Each batch is one fenced transaction. Running it again after a crash gives the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cloudsealed.audits.records import cells
from cloudsealed.audits.records.blocks import OBSERVATIONS, SNAPSHOTS, Block, Blocks
from cloudsealed.audits.records.changes import write_changed
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Lease
from cloudsealed.audits.skew import NO_HORIZON
from cloudsealed.audits.steps.cells import BATCH, CellReconciler
from cloudsealed.audits.steps.outcomes import Outcomes, cell_of
from cloudsealed.audits.steps.reconcile import withdrawal
from cloudsealed.collectors.draft import today
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.model import Moment
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.yielding import settled
from cloudsealed.kit.batches import batches
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.yielding import NO_YIELDS, Yields
from cloudsealed.resources import store as resource_rows
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.resources.seen_store import packed
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.tenancy import take_lane
from cloudsealed.vocabulary import Provider, ResourceState


class Applier:
    """Writes what one audit that judged means for the tenant's resources and findings, of all its
    accounts or of the one whose snapshots it is given."""

    def __init__(
        self,
        *,
        database: Database,
        lease: Lease,
        snapshots: Snapshots,
        horizon: str = NO_HORIZON,
        yields: Yields = NO_YIELDS,
        account: str | None = None,
    ) -> None:
        """`horizon` is the present: what is dated after it comes of a clock that ran ahead.
        `yields` are the tenant's own."""
        self._database = database
        self._lease = lease
        self._snapshots = snapshots
        self._tenant = lease.tenant
        self._audit = lease.audit_id
        self._blocks = Blocks(database, tenant=lease.tenant, audit_id=lease.audit_id)
        self._named = {"tenant": lease.tenant, "audit_id": lease.audit_id}
        self._horizon = horizon
        self._yields = yields
        self._account = account
        self._settled: set[Cell] = set()
        self._cells = CellReconciler(
            **self._named,
            blocks=self._blocks,
            outcomes=Outcomes(database=database, horizon=horizon, yields=yields, **self._named),
            lane=self._lane,
            horizon=horizon,
        )

    def resources(self) -> list[bytes]:
        """Bring every resource to its newest snapshot; mark as deleted what complete lists lack;
        return what the audit saw, in packed lines."""
        lines: list[bytes] = []
        for block in self._snapshots.listings():
            moment = (block.header["observed_at"], self._audit)
            with self._lane(block.account) as connection:
                cells.mark(
                    connection,
                    tenant=self._tenant,
                    policy_id=block.key,
                    account=block.account,
                    region=block.region,
                    moment=Moment(*moment),
                )
            seen: set[str] = set()
            for batch in batches(self._snapshots.of(block), BATCH):
                seen |= {snapshot["native_id"] for _address, snapshot in batch}
                lines += self._write_resources(block, batch, moment)
            if block.header["complete"]:
                self._mark_deleted(block, seen, moment)
        return lines

    def findings(self) -> list[Pin]:
        """Reconcile every cell; return the findings that fail in this audit, as it says them."""
        failing: list[Pin] = []
        above = self._yields.above  # what is yielded to comes first, as it has less above it
        for block in sorted(
            self._blocks.all(OBSERVATIONS, self._account),
            key=lambda block: len(above.get(block.key, ())),
        ):
            failing += self._cells.judged(block)
            self._settled.add(cell_of(block))
        return failing

    def settle(self, places: Iterable[tuple[str, str]]) -> None:
        """Let what yields ask for attention or not, where this audit changed only what it yields
        to: call it in the end, with the audit's places."""
        for account, region in places:
            for policy_id, key in self._yields.keys.items():
                cell = Cell(policy_id, account, region)
                if key in self._yields.others and cell not in self._settled:
                    self._settle(cell)

    def _settle(self, cell: Cell) -> None:
        with self._database.read() as connection:
            known = finding_rows.load_cell(connection, tenant=self._tenant, cell=cell)
        for prints in batches(known, BATCH):
            with self._lane(cell.account) as connection:
                now = finding_rows.load(connection, tenant=self._tenant, fingerprints=prints)
                olds = list(now.values())
                news = settled(connection, self._yields, olds, tenant=self._tenant)
                changed = [pair for pair in zip(olds, news, strict=True) if pair[0] != pair[1]]
                write_changed(connection, **self._named, changed=changed)

    def withdraw(
        self, policy_ids: Iterable[str], places: Iterable[tuple[str, str]], at: str
    ) -> None:
        """Resolve the findings of policies that are disabled or deleted, in the audit's places."""
        seen = withdrawal(Moment(at, self._audit))
        for policy_id in policy_ids:
            for account, region in places:
                if self._cells.withdrawn(Cell(policy_id, account, region), seen):
                    self._settled.clear()

    def _write_resources(
        self, block: Block, batch: list[tuple[str, Mapping[str, Any]]], moment: tuple[str, str]
    ) -> list[bytes]:
        """Write a batch of snapshots; return the packed line of each."""
        lines: list[bytes] = []
        with self._lane(block.account) as connection:
            known = self._load(connection, block)
            heirs = self._heirs(block, known, batch)
            gone_at = self._gone_at(connection, block, moment)
            new: list[Resource] = []
            changed: list[Resource] = []
            for address, snapshot in batch:
                row = known.get(snapshot["native_id"]) or heirs.get(snapshot["native_id"])
                if row is not None and self._is_newer(row, moment):
                    lines.append(packed(row["id"], address))
                    changed += _renamed(row, snapshot)
                    continue
                kept = (row["id"], row["first_seen_at"]) if row else (new_id("res"), moment[0])
                kept = (kept[0], min(kept[1], moment[0]))
                lines.append(packed(kept[0], address))
                found = self._resource(block, address, snapshot, *kept)
                (changed if row else new).append(_deleted(found, gone_at) if gone_at else found)
            resource_rows.insert(connection, tenant=self._tenant, new=new)
            resource_rows.update(connection, tenant=self._tenant, changed=changed)
        return lines

    def _heirs(
        self,
        block: Block,
        known: Mapping[str, Mapping[str, Any]],
        batch: list[tuple[str, Mapping[str, Any]]],
    ) -> dict[str, Mapping[str, Any]]:
        """Return, by native id, the rows that resources have under their former ids. Where several
        had one id, its row goes on as that of the one that it was last."""
        found: dict[str, Mapping[str, Any]] = {}
        for _address, snapshot in batch:
            row = known.get(snapshot["formerly"] or "")
            if row is None or row in found.values() or snapshot["native_id"] in known:
                continue
            last = self._snapshots.at(resource_rows.restored(row).snapshot)
            if last is None or today(last, RESOURCE_TYPES[block.key])["native_id"] in (
                snapshot["native_id"],
                snapshot["formerly"],
            ):
                found[snapshot["native_id"]] = row
        return found

    def _mark_deleted(self, block: Block, seen: set[str], moment: tuple[str, str]) -> None:
        with self._lane(block.account) as connection:
            gone = [
                _deleted(resource_rows.restored(row), moment[0])
                for native_id, row in self._load(connection, block).items()
                if native_id not in seen
                and native_id not in block.header.get("gone", ())
                and row["state"] == ResourceState.PRESENT
                and not self._is_newer(row, moment)
            ]
            resource_rows.update(connection, tenant=self._tenant, changed=gone)

    def _is_newer(self, row: Mapping[str, Any], moment: tuple[str, str]) -> bool:
        """Say whether a resource is known from a later moment, unless a clock ran ahead then."""
        known = (row["observed_at"], row["audit_id"])
        return known > moment and known[0] <= self._horizon

    def _gone_at(self, connection: Connection, block: Block, moment: tuple[str, str]) -> str | None:
        """Return when a newer complete listing lacked whatever this one may still write."""
        later = cells.later_than(
            connection,
            tenant=self._tenant,
            policy_id=block.key,
            account=block.account,
            region=block.region,
            moment=Moment(*moment),
            horizon=self._horizon,
        )
        for other in later:
            theirs = Blocks(self._database, tenant=self._tenant, audit_id=other.audit_id)
            listing = theirs.find(SNAPSHOTS, block.key, block.account, block.region)
            if listing is not None and listing.header["complete"]:
                return other.at
        return None

    def _load(self, connection: Connection, block: Block) -> dict[str, dict[str, Any]]:
        return resource_rows.load_cell(
            connection,
            tenant=self._tenant,
            provider=Provider.of_type(block.key),
            account=block.account,
            region=block.region,
            kind=block.key,
        )

    def _resource(
        self,
        block: Block,
        address: str,
        snapshot: Mapping[str, Any],
        ident: str,
        first_seen_at: str,
    ) -> Resource:
        at = block.header["observed_at"]
        names = ("provider", "account", "region", "type", "native_id")
        return Resource(
            id=ident,
            identity=Identity(*(snapshot[name] for name in names)),
            owner_account=None if snapshot["owner"] == snapshot["account"] else snapshot["owner"],
            connection_id=block.header["connection_id"],
            name=snapshot["name"],
            tags=snapshot["tags"],
            relations=snapshot["relations"],
            state=ResourceState.PRESENT,
            snapshot=address,
            audit_id=self._audit,
            observed_at=at,
            first_seen_at=first_seen_at,
            last_seen_at=at,
        )

    @contextmanager
    def _lane(self, account: str) -> Iterator[Connection]:
        """Open a fenced transaction in which no other audit reconciles the account."""
        with self._lease.write() as connection:
            take_lane(connection, tenant=self._tenant, account=account)
            yield connection


def _renamed(row: Mapping[str, Any], snapshot: Mapping[str, Any]) -> list[Resource]:
    """Return a known resource under the id of a snapshot of it; nothing if it has that id."""
    known = resource_rows.restored(row)
    identity = replace(known.identity, native_id=snapshot["native_id"])
    return [] if identity == known.identity else [replace(known, identity=identity)]


def _deleted(resource: Resource, at: str) -> Resource:
    return replace(resource, state=ResourceState.DELETED, observed_at=at)


def spoken_places(blocks: Iterable[Block]) -> Iterator[tuple[str, str]]:
    """Yield every (account, region) of an audit once."""
    yield from sorted({(block.account, block.region) for block in blocks})
