"""What one audit's observations make of a tenant's findings, cell by cell. It writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from cloudsealed.audits.records import cells
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block, Blocks
from cloudsealed.audits.records.observation import OWNED_BY_ANOTHER, Observation, observation_of
from cloudsealed.audits.skew import NO_HORIZON
from cloudsealed.audits.steps.known import Above, Known, Reconciled
from cloudsealed.audits.steps.reconcile import Seen, Subject, grounded, reconcile, withdrawal
from cloudsealed.findings import said_store
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.cell_store import Cell
from cloudsealed.findings.model import Finding, Follows, Moment, ResourceRef
from cloudsealed.findings.yielding import settled
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.yielding import NO_YIELDS, Yields
from cloudsealed.resources import store as resource_rows
from cloudsealed.storage.database import Connection, Database
from cloudsealed.vocabulary import FIRST_PROVIDER, Dimension, Outcome, Provider, Severity

Change = tuple[Finding, Finding]
"""What a finding was, and what it becomes."""


def cell_of(block: Block) -> Cell:
    """Return the cell that a block of observations is of."""
    return Cell(block.header["policy_id"], block.account, block.region)


class Outcomes:
    """Reconciles the cells of one audit with the findings that there are."""

    def __init__(
        self,
        *,
        database: Database,
        tenant: str,
        audit_id: str,
        horizon: str = NO_HORIZON,
        yields: Yields = NO_YIELDS,
    ) -> None:
        """`horizon` is the present: what is dated after it comes of a clock that ran ahead.
        `yields` are the tenant's own."""
        self._database = database
        self._tenant = tenant
        self._audit = audit_id
        self._horizon = horizon
        self._yields = yields
        self._resources = lru_cache(maxsize=256)(self._resource_cell)

    def moment(self, block: Block) -> Moment:
        """Return the moment of which a cell speaks."""
        return Moment(block.header["observed_at"], self._audit)

    def known(self, connection: Connection, block: Block, *, head: Moment | None = None) -> Known:
        """Return what is known of a cell. Its findings are recognised by what was said of them if
        nobody else has a say: with a `head` that this audit moves, none later, and a clock that did
        not run ahead."""
        cell, moment = cell_of(block), self.moment(block)
        alone = head is not None and head <= moment and moment.at <= self._horizon
        alone = alone and not self._later(connection, block)
        above = self._above(connection, block, moment) if alone else None
        rows = said_store.load_cell(connection, tenant=self._tenant, cell=cell, at=moment.at)
        return Known.of(rows, block, recognises=alone, above=above)

    def _above(self, connection: Connection, block: Block, moment: Moment) -> Above | None:
        """Return what the findings of a cell may yield to; None where its policy does not yield."""
        cell, kind = cell_of(block), next(iter(block.header["complete"]), None)
        key = self._yields.keys.get(cell.policy_id)
        if key is None or key not in self._yields.others:
            return None
        generals = self._yields.above[key]
        standing = {
            row[1]: (row[0], row[4])
            for policy, other in self._yields.keys.items()
            if other in generals
            for row in said_store.load_cell(
                connection, tenant=self._tenant, cell=cell._replace(policy_id=policy), at=moment.at
            )
        }
        # No list has its types where the region lacks them; part of one may still be there.
        provider = Provider.of_type(kind) if kind else FIRST_PROVIDER
        place = {"provider": provider, "account": cell.account, "region": cell.region}
        return Above(self._yields, key, place, standing)

    def spoken(self, unseen: dict[str, str], block: Block, observation: Observation) -> None:
        """Take out of `unseen` the finding that an observation is of, also under its former id."""
        unseen.pop(observation.fingerprint, None)
        former = observation.formerly
        if former in unseen and unseen[former] == self._resource_id(block, observation):
            del unseen[former]

    def unseen(self, connection: Connection, block: Block, prints: Sequence[str]) -> list[Change]:
        """Return what becomes of findings whose resource was not seen: it is gone, or nobody knows,
        and then they stay as they were last seen."""
        known = finding_rows.load(connection, tenant=self._tenant, fingerprints=prints)
        seen = _missing(block, self.moment(block))
        found: list[Change] = []
        for each in known.values():
            if not _is_missing(each.resource.type, each.resource.native_id, block):
                found.append((each, replace(each, follows=Follows.NOTHING)))
            elif new := reconcile(self.grounded(each, seen), seen):
                found.append((each, new))
        return found

    def observed(
        self, connection: Connection, block: Block, batch: Sequence[Observation]
    ) -> list[Reconciled]:
        """Return each observation with its finding before and after it; one yields to what stands
        by now, so what it may yield to comes before it."""
        newer = self._newer(connection, block)
        prints = [p for o in batch for p in (o.fingerprint, o.formerly) if p is not None]
        known = finding_rows.load(connection, tenant=self._tenant, fingerprints=prints)
        found = []
        for observation in batch:
            old = known.get(observation.fingerprint) or self._former(known, block, observation)
            later = [_later(other, at, theirs, observation) for at, other, theirs in newer]
            seen = _seen(block, self.moment(block), observation)
            opens = old is None and seen.outcome is Outcome.FAIL
            subject = self._subject(block, observation) if opens else None
            now = None if old is None else _renamed(old, observation)
            grounded = None if now is None else self.grounded(now, seen)
            found.append((observation, old, reconcile(grounded, seen, subject, later)))
        return self._settled(connection, found)

    def _settled(self, connection: Connection, found: Sequence[Reconciled]) -> list[Reconciled]:
        news = [new for _, _, new in found if new is not None]
        stand = iter(settled(connection, self._yields, news, tenant=self._tenant))
        return [(seen, old, new and next(stand)) for seen, old, new in found]

    def _former(
        self, known: Mapping[str, Finding], block: Block, observation: Observation
    ) -> Finding | None:
        """Return the finding that an observation's resource has under its former id."""
        found = known.get(observation.formerly or "")
        is_its = found and found.resource.id == self._resource_id(block, observation)
        return found if is_its else None

    def _resource_id(self, block: Block, observation: Observation) -> str | None:
        refs = self._resources(observation.type, block.account, block.region)
        found = refs.get(observation.native_id)
        return found.id if found else None

    def grounded(self, finding: Finding, seen: Seen) -> Finding:
        """Return a finding without moments of a clock that ran ahead."""
        return grounded(finding, seen.moment, self._horizon)

    def _later(self, connection: Connection, block: Block) -> list[Moment]:
        """Return the moments of newer audits that spoke for a cell, oldest first."""
        return cells.later_than(
            connection,
            tenant=self._tenant,
            **cell_of(block)._asdict(),
            moment=self.moment(block),
            horizon=self._horizon,
        )

    def _newer(
        self, connection: Connection, block: Block
    ) -> list[tuple[Moment, Block | None, dict[str, Observation]]]:
        found: list[tuple[Moment, Block | None, dict[str, Observation]]] = []
        for other in self._later(connection, block):
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
                provider=Provider.of_type(kind),
                account=account,
                region=region,
                kind=kind,
            )
        restored = {native_id: resource_rows.restored(row) for native_id, row in rows.items()}
        return {
            native_id: ResourceRef(
                r.id, kind, native_id, r.name, Provider.of_type(kind), account, region
            )
            for native_id, r in restored.items()
        }


def _renamed(finding: Finding, observation: Observation) -> Finding:
    if finding.fingerprint == observation.fingerprint:
        return finding
    resource = replace(finding.resource, native_id=observation.native_id)
    return replace(finding, fingerprint=observation.fingerprint, resource=resource)


def _is_missing(kind: str, native_id: str, block: Block) -> bool:
    """Say whether a cell in which a resource was not observed says that it is deleted: its list
    ended complete and did not name it, not even as gone by the time it was looked at."""
    whole = block.header["complete"].get(kind, False)
    return whole and native_id not in block.header.get("gone", {}).get(kind, ())


def _seen(block: Block, moment: Moment, observation: Observation) -> Seen:
    return Seen(
        moment=moment,
        outcome=observation.outcome if observation.settles else Outcome.UNKNOWN,
        policy_version=block.header["policy_version"],
        severity=observation.severity,
        base_severity=observation.base_severity or Severity(block.header["severity"]),
        severity_open=bool(observation.severity_open),
        savings=observation.savings,
        title=observation.title or "",
        evidence=observation.evidence,
        classified_by=observation.classified_by,
        suppressed=observation.suppressed,
        withdrawn=any(reason["kind"] == OWNED_BY_ANOTHER for reason in observation.reasons),
    )


def _missing(block: Block, moment: Moment) -> Seen:
    severity = Severity(block.header["severity"])
    return Seen(moment, None, block.header["policy_version"], severity, severity)


def _later(
    block: Block | None, moment: Moment, theirs: Mapping[str, Observation], observation: Observation
) -> Seen:
    """Return what a newer audit says of what an observation is about.

    One that spoke for the cell without judging it found the policy withdrawn.
    """
    if block is None:
        return withdrawal(moment)
    found = theirs.get(observation.fingerprint)
    if found is not None:
        return _seen(block, moment, found)
    if _is_missing(observation.type, observation.native_id, block):
        return _missing(block, moment)
    severity = Severity(block.header["severity"])
    version = block.header["policy_version"]
    return Seen(Moment("", ""), Outcome.UNKNOWN, version, severity, severity)
