"""Applies an audit to the present: resources first, then findings, cell by cell.

Each batch is one fenced transaction. Running it again after a crash gives the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

from cloudsealed.audits import cells
from cloudsealed.audits.blocks import OBSERVATIONS, SNAPSHOTS, Block, Blocks
from cloudsealed.audits.changes import write_changed, write_opened
from cloudsealed.audits.derive import Snapshots
from cloudsealed.audits.evaluate import Observation, observation_of
from cloudsealed.audits.reconcile import Seen, Subject, reconcile, withdrawal
from cloudsealed.audits.store import Lease
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding, Moment, ResourceRef
from cloudsealed.kit.batches import batches
from cloudsealed.kit.ids import new_id
from cloudsealed.resources import store as resource_rows
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.tenancy import take_turn
from cloudsealed.vocabulary import (
    Dimension,
    Outcome,
    ResourceState,
    Severity,
)

_BATCH = 500


class Applier:
    """Writes what one completed audit means for the tenant's resources and findings."""

    def __init__(self, *, database: Database, lease: Lease, snapshots: Snapshots) -> None:
        self._database = database
        self._lease = lease
        self._snapshots = snapshots
        self._tenant = lease.tenant
        self._audit = lease.audit_id
        self._blocks = Blocks(database, tenant=lease.tenant, audit_id=lease.audit_id)
        self._resources = lru_cache(maxsize=256)(self._resource_cell)

    def resources(self) -> None:
        """Bring every resource to its newest snapshot; mark as deleted what complete lists lack."""
        for block in self._snapshots.listings():
            moment = (block.header["observed_at"], self._audit)
            with self._turn() as connection:
                cells.mark(
                    connection, tenant=self._tenant, policy_id=block.key, account=block.account,
                    region=block.region, moment=Moment(*moment),
                )  # fmt: skip
            seen: set[str] = set()
            for batch in batches(self._snapshots.of(block), _BATCH):
                seen |= {snapshot["native_id"] for _address, snapshot in batch}
                self._write_resources(block, batch, moment)
            if block.header["complete"]:
                self._mark_deleted(block, seen, moment)

    def findings(self) -> list[str]:
        """Reconcile every cell; return the ids of the findings that fail in this audit."""
        failing: list[str] = []
        for block in self._blocks.all(OBSERVATIONS):
            failing += self._cell(block)
        return failing

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
                    pairs = [(old, reconcile(old, seen)) for old in known.values()]
                    changed = [(old, new) for old, new in pairs if new and new != old]
                    write_changed(
                        connection, tenant=self._tenant, audit_id=self._audit, changed=changed
                    )

    def _write_resources(
        self, block: Block, batch: list[tuple[str, Mapping[str, Any]]], moment: tuple[str, str]
    ) -> None:
        with self._turn() as connection:
            known = self._load(connection, block)
            gone_at = self._gone_at(connection, block, moment)
            new: list[Resource] = []
            changed: list[Resource] = []
            for address, snapshot in batch:
                row = known.get(snapshot["native_id"])
                if row is not None and (row["observed_at"], row["audit_id"]) > moment:
                    continue
                kept = (row["id"], row["first_seen_at"]) if row else (new_id("res"), moment[0])
                found = self._resource(block, address, snapshot, *kept)
                (changed if row else new).append(_deleted(found, gone_at) if gone_at else found)
            resource_rows.insert(connection, tenant=self._tenant, new=new)
            resource_rows.update(connection, tenant=self._tenant, changed=changed)

    def _mark_deleted(self, block: Block, seen: set[str], moment: tuple[str, str]) -> None:
        with self._turn() as connection:
            gone = [
                _deleted(resource_rows.restored(row), moment[0])
                for native_id, row in self._load(connection, block).items()
                if native_id not in seen
                and row["state"] == ResourceState.PRESENT
                and (row["observed_at"], row["audit_id"]) <= moment
            ]
            resource_rows.update(connection, tenant=self._tenant, changed=gone)

    def _gone_at(self, connection: Connection, block: Block, moment: tuple[str, str]) -> str | None:
        """Return when a newer complete listing lacked whatever this one may still write."""
        later = cells.later_than(
            connection, tenant=self._tenant, policy_id=block.key, account=block.account,
            region=block.region, moment=Moment(*moment),
        )  # fmt: skip
        for other in later:
            theirs = Blocks(self._database, tenant=self._tenant, audit_id=other.audit_id)
            listing = theirs.find(SNAPSHOTS, block.key, block.account, block.region)
            if listing is not None and listing.header["complete"]:
                return other.at
        return None

    def _load(self, connection: Connection, block: Block) -> dict[str, dict[str, Any]]:
        return resource_rows.load_cell(
            connection, tenant=self._tenant, provider="aws", account=block.account,
            region=block.region, kind=block.key,
        )  # fmt: skip

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

    def _cell(self, block: Block) -> list[str]:
        moment = Moment(block.header["observed_at"], self._audit)
        observations = {o.fingerprint: o for o in map(observation_of, self._blocks.lines(block))}
        place = {
            "policy_id": block.header["policy_id"],
            "account": block.account,
            "region": block.region,
        }
        failing: list[str] = []
        with self._lease.write() as connection:
            cells.mark(connection, tenant=self._tenant, moment=moment, **place)
            known = finding_rows.load_cell(connection, tenant=self._tenant, **place)
        missing = [f for p, f in known.items() if p not in observations and _is_gone(f, block)]
        for part in batches([finding.fingerprint for finding in missing], _BATCH):
            with self._turn() as connection:
                self._resolve_missing(connection, part, _missing(block, moment))
        for batch in batches(observations.values(), _BATCH):
            with self._turn() as connection:
                failing += self._reconcile(connection, block, moment, batch)
        return failing

    @contextmanager
    def _turn(self) -> Iterator[Connection]:
        """Open a fenced transaction in which no other audit of the tenant reconciles."""
        with self._lease.write() as connection:
            take_turn(connection, tenant=self._tenant)
            yield connection

    def _resolve_missing(self, connection: Connection, prints: list[str], seen: Seen) -> None:
        known = finding_rows.load(connection, tenant=self._tenant, fingerprints=prints)
        pairs = [(finding, reconcile(finding, seen)) for finding in known.values()]
        changed = [(old, new) for old, new in pairs if new and new != old]
        write_changed(connection, tenant=self._tenant, audit_id=self._audit, changed=changed)

    def _reconcile(
        self, connection: Connection, block: Block, moment: Moment, batch: list[Observation]
    ) -> list[str]:
        newer = self._newer(connection, block, moment)
        known = finding_rows.load(
            connection, tenant=self._tenant, fingerprints=[o.fingerprint for o in batch]
        )
        opened, changed, failing = [], [], []
        for observation in batch:
            old = known.get(observation.fingerprint)
            later = [_later(other, at, theirs, observation) for at, other, theirs in newer]
            subject = self._subject(block, observation)
            new = reconcile(old, _seen(block, moment, observation), subject, later)
            if old is None and new is not None:
                opened.append(new)
            elif old is not None and new is not None and new != old:
                changed.append((old, new))
            if observation.outcome is Outcome.FAIL and new is not None:
                failing.append(new.id)
        named = {"tenant": self._tenant, "audit_id": self._audit}
        write_opened(connection, **named, opened=opened)
        write_changed(connection, **named, changed=changed)
        return failing

    def _newer(
        self, connection: Connection, block: Block, moment: Moment
    ) -> list[tuple[Moment, Block | None, dict[str, Observation]]]:
        later = cells.later_than(
            connection, tenant=self._tenant, policy_id=block.header["policy_id"],
            account=block.account, region=block.region, moment=moment,
        )  # fmt: skip
        found: list[tuple[Moment, Block | None, dict[str, Observation]]] = []
        for other in later:
            theirs = Blocks(self._database, tenant=self._tenant, audit_id=other.audit_id)
            spoken = theirs.find(OBSERVATIONS, block.key, block.account, block.region)
            lines = map(observation_of, theirs.lines(spoken) if spoken else ())
            found.append((other, spoken, {o.fingerprint: o for o in lines}))
        return found

    def _subject(self, block: Block, observation: Observation) -> Subject:
        resource = self._resources(observation.type, block.account, block.region)[
            observation.native_id
        ]
        return Subject(
            id=new_id("fnd"),
            fingerprint=observation.fingerprint,
            policy_id=block.header["policy_id"],
            connection_id=block.header["connection_id"],
            dimension=Dimension(block.header["dimension"]),
            resource=resource,
        )

    def _resource_cell(self, kind: str, account: str, region: str) -> dict[str, ResourceRef]:
        with self._database.read() as connection:
            rows = resource_rows.load_cell(
                connection,
                tenant=self._tenant,
                provider="aws",
                account=account,
                region=region,
                kind=kind,
            )
        restored = {native_id: resource_rows.restored(row) for native_id, row in rows.items()}
        return {
            native_id: ResourceRef(r.id, kind, native_id, r.name, "aws", account, region)
            for native_id, r in restored.items()
        }


def _deleted(resource: Resource, at: str) -> Resource:
    return replace(resource, state=ResourceState.DELETED, observed_at=at)


def _is_gone(finding: Finding, block: Block) -> bool:
    return bool(block.header["complete"].get(finding.resource.type, False))


def _seen(block: Block, moment: Moment, observation: Observation) -> Seen:
    return Seen(
        moment=moment,
        outcome=observation.outcome,
        policy_version=block.header["policy_version"],
        severity=observation.severity,
        base_severity=Severity(block.header["severity"]),
        title=observation.title or "",
        evidence=observation.evidence,
        classified_by=observation.classified_by,
        suppressed=observation.suppressed,
    )


def _missing(block: Block, moment: Moment) -> Seen:
    severity = Severity(block.header["severity"])
    return Seen(moment, None, block.header["policy_version"], severity, severity)


def _later(
    block: Block | None,
    moment: Moment,
    theirs: Mapping[str, Observation],
    observation: Observation,
) -> Seen:
    """Return what a newer audit says of what an observation is about.

    One that spoke for the cell without judging it found the policy withdrawn.
    """
    if block is None:
        return withdrawal(moment)
    found = theirs.get(observation.fingerprint)
    if found is not None:
        return _seen(block, moment, found)
    if block.header["complete"].get(observation.type, False):
        return _missing(block, moment)
    severity = Severity(block.header["severity"])
    version = block.header["policy_version"]
    return Seen(Moment("", ""), Outcome.UNKNOWN, version, severity, severity)


def spoken_places(blocks: Iterable[Block]) -> Iterator[tuple[str, str]]:
    """Yield every (account, region) of an audit once."""
    yield from sorted({(block.account, block.region) for block in blocks})
