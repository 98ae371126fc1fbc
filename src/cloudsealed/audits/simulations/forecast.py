"""What a policy would do to the present findings. It writes nothing.

A check does what a reanalysis of the audit would do; a classification does what its activation
does at once. Both go the ways of the real thing, up to the writing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from cloudsealed.audits.classifying.classify import Classifier
from cloudsealed.audits.classifying.reclassify import Reclassification
from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.judging.purse import Purse
from cloudsealed.audits.model import Audit
from cloudsealed.audits.records.blocks import OBSERVATIONS, Block
from cloudsealed.audits.records.observation import Observation
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.simulations.model import MOST_CHANGES
from cloudsealed.audits.steps.evaluate import Cell, Evaluator
from cloudsealed.audits.steps.outcomes import Outcomes
from cloudsealed.findings.model import Finding
from cloudsealed.findings.yielding import above, below, settle
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import Clock
from cloudsealed.kit.ids import new_id
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.service import PolicyService, PolicySet
from cloudsealed.policies.yielding import Yields
from cloudsealed.storage.database import Connection, Database
from cloudsealed.vocabulary import Effect, FindingStatus, Outcome

_BATCH = 500
Change = tuple[Finding | None, Finding]
"""What a finding was, None when it is new, and what it becomes."""


class Forecast:
    """Foresees for one tenant."""

    def __init__(
        self,
        *,
        database: Database,
        policies: PolicyService,
        clock: Clock,
        tenant: str,
        seconds: float,
    ) -> None:
        self._database = database
        self._policies = policies
        self._clock = clock
        self._tenant = tenant
        self._seconds = seconds

    def of_check(self, check: PolicyVersion, audit: Audit) -> dict[str, Any]:
        """Return what a reanalysis of an audit by a check, beside today's classifications, does."""
        assert audit.clock is not None, "a completed audit has a clock"
        evaluator = Evaluator(
            policies=PolicySet((check,), self._policies.classifications(tenant=self._tenant)),
            snapshots=Snapshots(self._database, tenant=self._tenant, audit_id=audit.id),
            clock=audit.clock,
            extent=Extent(audit.targets or ()),
            seconds=self._seconds,
        )
        tally, yields = Tally(), self._policies.yields(tenant=self._tenant, draft=check)
        outcomes = Outcomes(
            database=self._database, tenant=self._tenant, audit_id=new_id("aud"), yields=yields
        )
        for here in evaluator.places():
            cells = evaluator.cells(here)
            observed: dict[str, list[Observation]] = {ident: [] for ident in cells}
            for batch in evaluator.judge(here, cells):
                for cell, observation in batch:
                    tally.observe(observation)
                    observed[cell.check.version.id].append(observation)
            for ident, cell in cells.items():
                tally.add(self._reconciled(outcomes, yields, cell, observed[ident]))
        return tally.result(audit.id)

    def of_classification(
        self, classification: PolicyVersion, audit_ids: Collection[str]
    ) -> Iterator[dict[str, Any]]:
        """Yield what a classification does to the findings that each audit saw fail last; without
        audits, to all of them together."""
        used = self._policies.classifications_with(classification, tenant=self._tenant)
        forecast = Reclassification(
            database=self._database,
            policies=self._policies,
            tenant=self._tenant,
            clock=self._clock,
            classifier=Classifier(used, Purse(each=self._seconds)),
            yields=self._policies.yields(tenant=self._tenant),
        )
        for audit_id in audit_ids or (None,):
            tally = Tally()
            for changes in forecast.changes(None if audit_id is None else (audit_id,)):
                tally.add(changes)
            yield tally.result(audit_id)

    def _reconciled(
        self, outcomes: Outcomes, yields: Yields, cell: Cell, observations: Sequence[Observation]
    ) -> Iterator[Change]:
        block = Block(
            OBSERVATIONS,
            cell.check.version.key,
            cell.account,
            cell.region,
            (),
            len(observations),
            cell.header(),
        )
        with self._database.read() as connection:
            unseen = outcomes.known(connection, block).unseen
        for observation in observations:
            outcomes.spoken(unseen, block, observation)
        for part in batches(unseen, _BATCH):
            with self._database.read() as connection:
                changed = outcomes.unseen(connection, block, part)
                changes = self._with_yielding(connection, yields, changed)
            yield from changes
        for batch in batches(observations, _BATCH):
            with self._database.read() as connection:
                found = outcomes.observed(connection, block, batch)
                judged = [(old, new) for _, old, new in found if new is not None]
                changes = self._with_yielding(connection, yields, judged)
            yield from changes

    def _with_yielding(
        self, connection: Connection, yields: Yields, changes: Sequence[Change]
    ) -> list[Change]:
        """Return what becomes of findings, and of those of other policies that yield to them."""
        news = [new for _old, new in changes]
        others = below(connection, yields, news, tenant=self._tenant)
        over = above(connection, yields, others, tenant=self._tenant)
        own = {new.fingerprint for new in news}
        stand = [*news, *(each for each in over if each.fingerprint not in own)]
        return [*changes, *zip(others, settle(yields, others, stand), strict=True)]


class Tally:
    """Counts observations and effects, and lists the first effects."""

    def __init__(self) -> None:
        self._counts = {outcome.value: 0 for outcome in Outcome}
        self._errors = 0
        self._effects = dict.fromkeys(Effect, 0)
        self._changes: list[dict[str, Any]] = []

    def observe(self, observation: Observation) -> None:
        """Count what a check says of a resource, and whether its expression failed."""
        self._counts[observation.outcome] += 1
        self._errors += any(r["kind"] == "policy_error" for r in observation.reasons)

    def add(self, changes: Iterable[Change]) -> None:
        """Count what becomes of findings."""
        for old, new in changes:
            if (effect := _effect(old, new)) is None:
                continue
            self._effects[effect] += 1
            if len(self._changes) < MOST_CHANGES:
                self._changes.append(_change(effect, old, new))

    def result(self, audit_id: str | None) -> dict[str, Any]:
        """Return the result of one audit as JSON values."""
        return {
            "audit_id": audit_id,
            "counts": self._counts,
            "errors": self._errors,
            **{f"would_{effect}": number for effect, number in self._effects.items()},
            "changes": self._changes,
            "has_more_changes": sum(self._effects.values()) > len(self._changes),
        }


def _effect(old: Finding | None, new: Finding) -> Effect | None:
    was_over = old is None or old.status is FindingStatus.RESOLVED
    if new.status is FindingStatus.RESOLVED:
        return None if was_over else Effect.CLOSE
    if was_over:
        return Effect.OPEN
    assert old is not None, "what is not over was there"
    return Effect.CHANGE if _shown(old) != _shown(new) else None


def _shown(finding: Finding) -> Sequence[Any]:
    by = finding.classified_by and finding.classified_by["key"]
    return (finding.status, finding.severity, finding.title, finding.evidence, by)


def _change(effect: Effect, old: Finding | None, new: Finding) -> dict[str, Any]:
    ref = new.resource
    return {
        "effect": effect,
        "finding_id": old.id if old else None,
        "title": new.title,
        "resource": {
            "id": ref.id,
            "type": ref.type,
            "native_id": ref.native_id,
            "name": ref.name,
            "provider": ref.provider,
            "account": ref.account,
            "region": ref.region,
        },
        "before": {"status": old.status, "severity": old.severity} if old else None,
        "after": {"status": new.status, "severity": new.severity},
    }
