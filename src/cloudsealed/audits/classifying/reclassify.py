"""Classifies a tenant's open findings anew when its classifications changed.

A finding becomes what the audit that saw it fail last would have made of it by today's
classifications, from that audit's snapshot and by its clock. Done twice it changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cloudsealed.audits.classifying.classify import Classification, Classifier, subject
from cloudsealed.audits.judging.purse import Purse
from cloudsealed.audits.records.blocks import OBSERVATIONS, Blocks
from cloudsealed.audits.records.changes import write_changed
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.store import AuditStore
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding
from cloudsealed.findings.store import FindingStore
from cloudsealed.findings.yielding import above, settle, with_yielding
from cloudsealed.jobs import Job
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Database
from cloudsealed.storage.tenancy import turn

Change = tuple[Finding, Finding]
"""What a finding was, and what it becomes."""
_CELLS = 16  # whose lines are kept: neighbouring findings are of the same few


class Reclassify:
    """The handler of jobs of the kind `classification`."""

    def __init__(
        self, *, database: Database, policies: PolicyService, clock: Clock, seconds: float
    ) -> None:
        self._database = database
        self._policies = policies
        self._clock = clock
        self._seconds = seconds

    def __call__(self, job: Job) -> None:
        """Classify every open and suppressed finding of the job's tenant."""
        began, moment = rfc3339(self._clock()), self._policies.moment(tenant=job.tenant)
        used = self._policies.classifications(tenant=job.tenant)
        yields = self._policies.yields(tenant=job.tenant)
        forecast = Reclassification(
            database=self._database,
            policies=self._policies,
            tenant=job.tenant,
            clock=self._clock,
            classifier=Classifier(used, Purse(each=self._seconds)),
            yields=yields,
        )
        for changes in forecast.changes():
            job.progressed()
            if not self._write(job.tenant, used, yields, changes):
                return
        self._policies.applied(tenant=job.tenant, began=began, moment=moment)

    def _write(
        self, tenant: str, used: Sequence[PolicyVersion], yields: Yields, changes: Sequence[Change]
    ) -> bool:
        """Write what becomes of findings that no audit has judged again in the meantime; False when
        other classifications came into force: that is another job's work."""
        with turn(self._database, tenant=tenant) as connection:
            if self._policies.classify_again(connection, tenant=tenant, used=used):
                return False
            prints = [old.fingerprint for old, _new in changes]
            present = finding_rows.load(connection, tenant=tenant, fingerprints=prints)
            pairs: list[Change] = []
            for old, new in changes:
                now = present.get(old.fingerprint)
                if now is None or (now.failed, now.is_resolved) != (old.failed, old.is_resolved):
                    continue
                pairs.append((now, _counted(now, new)))
            for old, new in with_yielding(connection, yields, pairs, tenant=tenant):
                write_changed(
                    connection, tenant=tenant, audit_id=old.audit_id, changed=[(old, new)]
                )
        return True


def _counted(finding: Finding, classified: Finding) -> Finding:
    """Return a finding as another, that it was before, is classified."""
    counted = finding.silenced() if classified.is_silenced else finding.asking()
    return replace(counted, severity=classified.severity, classified_by=classified.classified_by)


@dataclass(frozen=True, slots=True)
class _Place:
    audit_id: str
    policy: str
    account: str
    region: str


class Reclassification:
    """What a classifier would make of a tenant's open findings. It writes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        policies: PolicyService,
        tenant: str,
        clock: Clock,
        classifier: Classifier,
        yields: Yields,
    ) -> None:
        self._database = database
        self._policies = policies
        self._tenant = tenant
        self._audits = AuditStore(database, clock)
        self._classifier = classifier
        self._yields = yields
        self._key = lru_cache(maxsize=10_000)(self._policy_key)
        self._clock_of = lru_cache(maxsize=1_000)(self._audit_clock)
        self._addresses = lru_cache(maxsize=_CELLS)(self._snapshot_addresses)

    def changes(self, audit_ids: Collection[str] | None = None) -> Iterator[list[Change]]:
        """Yield batches of (finding, what it becomes) of those that change; with `audit_ids` only
        of findings that one of these audits saw fail last."""
        store = FindingStore(self._database)
        for batch in store.undecided(tenant=self._tenant):
            looked_at = [f for f in batch if audit_ids is None or f.audit_id in audit_ids]
            with self._database.read() as connection:
                others = above(connection, self._yields, looked_at, tenant=self._tenant)
            news, stand = map(self._classified, looked_at), map(self._classified, others)
            settled = settle(self._yields, list(news), stand)
            pairs = zip(looked_at, settled, strict=True)
            if changed := [(old, new) for old, new in pairs if new != old]:
                yield changed

    def _classified(self, finding: Finding) -> Finding:
        found = None if finding.is_resolved else self._judged(finding)
        if found is None:
            return finding
        counted = finding.silenced() if found.suppressed else finding.asking()
        return replace(counted, severity=found.severity, classified_by=found.by)

    def _judged(self, finding: Finding) -> Classification | None:
        """Return how a finding counts; None when its audit's records are gone."""
        ref, policy = finding.resource, self._key(finding.policy_id, finding.policy_version)
        place = _Place(finding.audit_id, policy, ref.account, ref.region)
        address = self._addresses(place).get(finding.fingerprint)
        snapshots = Snapshots(self._database, tenant=self._tenant, audit_id=finding.audit_id)
        snapshot = snapshots.at(address) if address else None
        if snapshot is None:
            return None
        about = subject(
            policy=policy,
            severity=finding.base_severity,
            title=finding.title,
            dimension=finding.dimension,
            account=ref.account,
            region=ref.region,
            resource_type=ref.type,
        )
        now = parse_rfc3339(self._clock_of(finding.audit_id))
        return self._classifier.classify(about, snapshot, now)

    def _snapshot_addresses(self, place: _Place) -> dict[str, str]:
        blocks = Blocks(self._database, tenant=self._tenant, audit_id=place.audit_id)
        snapshots = Snapshots(self._database, tenant=self._tenant, audit_id=place.audit_id)
        block = blocks.find(OBSERVATIONS, place.policy, place.account, place.region)
        if block is None:
            return {}
        lines = blocks.lines(block)
        return {snapshots.print_today(block, line): line["snapshot"] for line in lines}

    def _audit_clock(self, audit_id: str) -> str:
        audit = self._audits.get(tenant=self._tenant, ident=audit_id)
        assert audit.clock is not None, "an audit that judged has a clock"
        return audit.clock

    def _policy_key(self, ident: str, number: int) -> str:
        return self._policies.version(tenant=self._tenant, ident=ident, number=number).key
