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
from cloudsealed.audits.records.changes import write_changed, write_opened
from cloudsealed.audits.records.observation import Observation, observation_of
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.skew import NO_HORIZON
from cloudsealed.audits.steps.outcomes import Outcomes
from cloudsealed.audits.steps.reconcile import reconcile, withdrawal
from cloudsealed.audits.store import Lease
from cloudsealed.collectors.draft import today
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, Moment
from cloudsealed.findings.pin_store import Pin
from cloudsealed.findings.yielding import settled
from cloudsealed.kit.batches import batches
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.yielding import NO_YIELDS, Yields
from cloudsealed.resources import store as resource_rows
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.resources.seen_store import blocks_of, packed, pin_block
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.vocabulary import Outcome, ResourceState, Severity

_BATCH = 500


class Applier:
    """Writes what one completed audit means for the tenant's resources and findings."""

    def __init__(
        self,
        *,
        database: Database,
        lease: Lease,
        snapshots: Snapshots,
        horizon: str = NO_HORIZON,
        yields: Yields = NO_YIELDS,
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
        self._settled: set[tuple[str, str, str]] = set()
        self._outcomes = Outcomes(database=database, horizon=horizon, yields=yields, **self._named)

    def resources(self) -> None:
        """Bring every resource to its newest snapshot; mark as deleted what complete lists lack;
        pin what the audit saw."""
        lines: list[bytes] = []
        for block in self._snapshots.listings():
            moment = (block.header["observed_at"], self._audit)
            with self._turn() as connection:
                cells.mark(
                    connection,
                    tenant=self._tenant,
                    policy_id=block.key,
                    account=block.account,
                    region=block.region,
                    moment=Moment(*moment),
                )
            seen: set[str] = set()
            for batch in batches(self._snapshots.of(block), _BATCH):
                seen |= {snapshot["native_id"] for _address, snapshot in batch}
                lines += self._write_resources(block, batch, moment)
            if block.header["complete"]:
                self._mark_deleted(block, seen, moment)
        for pinned in blocks_of(lines):
            with self._lease.write() as connection:
                pin_block(
                    connection,
                    tenant=self._tenant,
                    audit=self._audit,
                    block=pinned,
                    month=self._lease.month,
                )

    def findings(self) -> list[Pin]:
        """Reconcile every cell; return the findings that fail in this audit, as it says them."""
        failing: list[Pin] = []
        above = self._yields.above  # what is yielded to comes first, as it has less above it
        for block in sorted(
            self._blocks.all(OBSERVATIONS), key=lambda block: len(above.get(block.key, ()))
        ):
            failing += self._cell(block)
            self._settled.add((block.header["policy_id"], block.account, block.region))
        return failing

    def settle(self, places: Iterable[tuple[str, str]]) -> None:
        """Let what yields ask for attention or not, where this audit changed only what it yields
        to: call it in the end, with the audit's places."""
        for account, region in places:
            for policy_id, key in self._yields.keys.items():
                place = (policy_id, account, region)
                if key in self._yields.others and place not in self._settled:
                    self._settle(*place)

    def _settle(self, policy_id: str, account: str, region: str) -> None:
        with self._database.read() as connection:
            known = finding_rows.load_cell(
                connection, tenant=self._tenant, policy_id=policy_id, account=account, region=region
            )
        for prints in batches(known, _BATCH):
            with self._turn() as connection:
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
                place = {"policy_id": policy_id, "account": account, "region": region}
                with self._turn() as connection:
                    cells.mark(connection, tenant=self._tenant, moment=seen.moment, **place)
                    known = finding_rows.load_cell(connection, tenant=self._tenant, **place)
                    pairs = [
                        (old, reconcile(self._outcomes.grounded(old, seen), seen))
                        for old in known.values()
                    ]
                    changed = [(old, new) for old, new in pairs if new and new != old]
                    write_changed(connection, **self._named, changed=changed)
                if changed:
                    self._settled.clear()

    def _write_resources(
        self, block: Block, batch: list[tuple[str, Mapping[str, Any]]], moment: tuple[str, str]
    ) -> list[bytes]:
        """Write a batch of snapshots; return the packed line of each."""
        lines: list[bytes] = []
        with self._turn() as connection:
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
        with self._turn() as connection:
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
            provider="aws",
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

    def _cell(self, block: Block) -> list[Pin]:
        failing: list[Pin] = []
        with self._lease.write() as connection:
            cells.mark(
                connection,
                tenant=self._tenant,
                policy_id=block.header["policy_id"],
                account=block.account,
                region=block.region,
                moment=self._outcomes.moment(block),
            )
            missing = self._outcomes.known(connection, block)
        for line in self._blocks.lines(block) if missing else ():
            self._outcomes.spoken(missing, block, observation_of(line))
        for part in batches(missing, _BATCH):
            with self._turn() as connection:
                changed = self._outcomes.resolved(connection, block, part)
                write_changed(connection, **self._named, changed=changed)
        for batch in batches(map(observation_of, self._blocks.lines(block)), _BATCH):
            with self._turn() as connection:
                failing += self._reconcile(connection, block, batch)
        return failing

    def _reconcile(
        self, connection: Connection, block: Block, batch: list[Observation]
    ) -> list[Pin]:
        found = self._outcomes.observed(connection, block, batch)
        write_opened(
            connection,
            **self._named,
            opened=[new for _, old, new in found if old is None and new is not None],
        )
        write_changed(
            connection,
            **self._named,
            changed=[(old, new) for _, old, new in found if old and new and new != old],
        )
        fails = [(seen, new) for seen, _, new in found if new and seen.outcome is Outcome.FAIL]
        asking = [seen.yields_to for seen, _ in fails if seen.yields_to is not None]
        others = finding_rows.load(connection, tenant=self._tenant, fingerprints=asking)
        base = Severity(block.header["severity"])
        return [_pinned(new.id, seen, base, others) for seen, new in fails]

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        """Open a fenced transaction in which no other audit of the tenant reconciles."""
        with self._lease.write() as connection:
            take_turn(connection, tenant=self._tenant)
            yield connection


def _pinned(ident: str, seen: Observation, base: Severity, others: Mapping[str, Finding]) -> Pin:
    """Return what an audit says of a finding that fails in it; `base` is its policy's severity."""
    other = others.get(seen.yields_to or "")
    return (
        ident,
        seen.severity.rank,
        (seen.base_severity or base).rank,
        seen.classified_by,
        not seen.asks,
        other.id if other else None,
    )


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
