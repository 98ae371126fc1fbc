"""From snapshots to observations: every policy on every resource of its types, a block a cell.

What could not be read makes an outcome unknown only where it could change it, and is its reason.
Pure but for reading snapshots and writing blocks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import inf
from time import thread_time
from typing import Any

from cloudsealed.audits.classifying.classify import Classifier, subject
from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.judging.given import Given, Reads, given
from cloudsealed.audits.judging.purse import EACH, TOGETHER, Purse
from cloudsealed.audits.judging.related import Relations
from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import Block, Spool
from cloudsealed.audits.records.observation import OWNED_BY_ANOTHER, Observation
from cloudsealed.audits.records.reasons import Missing, Reason, is_unsupported, missing, told
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Lease
from cloudsealed.engine import EvaluationError, Rule
from cloudsealed.findings.model import fingerprint
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.rules import compile_check
from cloudsealed.policies.savings import saved
from cloudsealed.policies.service import PolicySet
from cloudsealed.policies.yielding import Yields
from cloudsealed.resources.naming import titled
from cloudsealed.vocabulary import CallOutcome, Outcome, Severity

_TOGETHER = 50
"""Blocks that are written in one transaction."""

_OUT_OF_TIME = {
    EACH: f"The policy had used up its time ({EACH}) on other resources",
    TOGETHER: f"The policies had used up their time ({TOGETHER}), this one more than its share",
}
_OUT_OF_MEMORY: Reason = {
    "kind": "policy_error",
    "path": None,
    "message": "The policy needs more memory than the worker has (CLOUDSEALED_WORKER_MEMORY)",
}


@dataclass
class Check:
    """A policy version, and how many seconds its judging took. Its rule is compiled when there is
    something to judge by it; raises the engine's ExpressionError where it no longer compiles."""

    version: PolicyVersion
    spent: float = 0.0

    @cached_property
    def rule(self) -> Rule:
        """Its compiled rule."""
        return compile_check(self.version.spec)

    @cached_property
    def related(self) -> Mapping[str, Mapping[str, Any]]:
        """Its relations by name."""
        return self.version.spec.get("related") or {}

    @cached_property
    def reads(self) -> Reads:
        """What its rule can read."""
        return Reads.of(self.rule, self.related)


@dataclass(slots=True)
class Cell:
    """What one policy says of one account and region, counted, and the listings it rests on."""

    check: Check
    account: str
    region: str
    listings: list[Block] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {o.value: 0 for o in Outcome})
    fails: dict[str, int] = field(default_factory=lambda: {s.value: 0 for s in Severity})
    suppressed: int = 0
    missing: dict[str, int] = field(default_factory=lambda: {m.value: 0 for m in Missing})

    def counted(self, observation: Observation) -> Observation:
        """Count an observation, and return it."""
        self.counts[observation.outcome] += 1
        if observation.outcome is Outcome.FAIL:
            self.suppressed += not observation.asks
        if observation.asks:
            self.fails[observation.severity] += 1
        if observation.outcome is Outcome.UNKNOWN:
            self.missing[missing(observation.reasons)] += 1
        return observation

    def header(self) -> dict[str, Any]:
        """Return the header of the cell's block."""
        version, listings = self.check.version, self.listings
        gaps = [b.header["gap"] for b in listings if b.header["gap"]]
        unlisted = Counter(missing([gap]) for gap in gaps if not is_unsupported([gap]))
        return {
            "policy_id": version.id,
            "policy_version": version.version,
            "policy_digest": version.digest,
            "dimension": version.spec["dimension"],
            "severity": version.spec["severity"],
            "counts": self.counts,
            "fails": self.fails,
            "suppressed": self.suppressed,
            "missing": {
                name: count + unlisted[Missing(name)] for name, count in self.missing.items()
            },
            "observed_at": min(b.header["observed_at"] for b in listings),
            "connection_id": listings[0].header["connection_id"],
            "complete": {
                b.key: b.header["complete"]
                for b in listings
                if b.header["outcome"] != CallOutcome.UNSUPPORTED
            },
            "gaps": gaps,
            **(
                {"gone": gone}
                if (gone := {b.key: b.header["gone"] for b in listings if "gone" in b.header})
                else {}
            ),
        }


class Evaluator:
    """Judges the snapshots of one audit, or of one account in it, by its policies."""

    def __init__(
        self,
        *,
        policies: PolicySet,
        snapshots: Snapshots,
        clock: str,
        extent: Extent,
        seconds: float,
        together: float = inf,
    ) -> None:
        """`extent` is how far the audit looks. `seconds` is what each policy may take of it all,
        so that none holds up the others, and `together` what all may: what one did not come to is
        unknown."""
        self._purse = Purse(
            each=seconds,
            together=together,
            policies=len(policies.checks) + len(policies.classifications),
        )
        self._checks: dict[str, list[Check]] = {}  # by the type that they judge
        for check in map(Check, policies.checks):
            for name in check.version.spec["resource_types"]:
                self._checks.setdefault(name, []).append(check)
        self._yields = Yields.of(policies.checks)
        self._classifier = Classifier(policies.classifications, self._purse)
        self._snapshots = snapshots
        self._now: datetime = parse_rfc3339(clock)
        self._listings = snapshots.listings()
        self._relations = Relations(snapshots, self._listings, extent)

    def run(self, lease: Lease, done: Callable[[int], None]) -> None:
        """Write the block of every cell: policy x account x region."""
        for here in self.places():
            cells = self.cells(here)
            spools = {ident: Spool(lease.tenant, lease.month) for ident in cells}
            for batch in self.judge(here, cells):
                lease.step()
                full: dict[str, Spool] = {}
                for cell, observation in batch:
                    spool = spools[ident := cell.check.version.id]
                    spool.add(observation.as_dict())
                    if spool.is_full:
                        full[ident] = spool
                if full:
                    with lease.write() as connection:
                        for spool in full.values():
                            spool.flush(connection)
            for some in batches(cells.items(), _TOGETHER):
                with lease.write() as connection:
                    for ident, cell in some:
                        blocks.put(
                            connection,
                            tenant=lease.tenant,
                            audit_id=lease.audit_id,
                            kind=blocks.OBSERVATIONS,
                            key=cell.check.version.key,
                            account=cell.account,
                            region=cell.region,
                            lines=spools[ident],
                            header=cell.header(),
                        )
                for ident, _ in some:
                    done(spools[ident].count)

    def places(self) -> Iterator[list[Block]]:
        """Yield the listings of each account and region."""
        for place in sorted({(b.account, b.region) for b in self._listings}):
            yield [b for b in self._listings if (b.account, b.region) == place]

    def cells(self, here: Iterable[Block]) -> dict[str, Cell]:
        """Return the cells of a place, by policy id, before anything in them was judged."""
        cells: dict[str, Cell] = {}
        for block in here:
            for check in self._checks.get(block.key, ()):
                cell = Cell(check, block.account, block.region)
                cells.setdefault(check.version.id, cell).listings.append(block)
        return cells

    def judge(
        self, here: Iterable[Block], cells: Mapping[str, Cell]
    ) -> Iterator[list[tuple[Cell, Observation]]]:
        """Judge a place; yield the observations of each resource, each counted in its cell. In a
        cell they are in the order of type and native id."""
        for block in here:
            judging = [cells[check.version.id] for check in self._checks.get(block.key, ())]
            for address, snapshot in self._snapshots.of(block) if judging else ():
                said = {
                    c.check.version.key: self._observe(c.check, address, snapshot) for c in judging
                }
                said |= _yielded(said, self._yields)
                yield [(cell, cell.counted(said[cell.check.version.key])) for cell in judging]

    def _observe(self, check: Check, address: str, snapshot: Mapping[str, Any]) -> Observation:
        version = check.version
        base: dict[str, Any] = {
            "native_id": snapshot["native_id"],
            "type": snapshot["type"],
            "severity": Severity(version.spec["severity"]),
            "snapshot": address,
            "fingerprint": _fingerprint(version, snapshot, snapshot["native_id"]),
        }
        if snapshot["formerly"] is not None:
            base["formerly"] = _fingerprint(version, snapshot, snapshot["formerly"])
        if snapshot["owner"] != snapshot["account"] and not version.spec.get("foreign"):
            why = (_owned_by_another(snapshot["owner"]),)
            return Observation(outcome=Outcome.NOT_APPLICABLE, reasons=why, **base)
        try:
            found = self._relations.of(snapshot, check.related) if check.related else {}
            return self._judged(check, base, snapshot, given(check.reads, snapshot, found))
        except Exception as error:  # a cell is its own unit of failure
            reason = _broken(error)
            return Observation(outcome=Outcome.UNKNOWN, reasons=(reason,), **base)

    def _judged(
        self, check: Check, base: dict[str, Any], snapshot: Mapping[str, Any], read: Given
    ) -> Observation:
        if setting := self._purse.refusal(check.spent):
            spent = {"kind": "policy_error", "path": None, "message": _OUT_OF_TIME[setting]}
            return Observation(outcome=Outcome.UNKNOWN, reasons=(spent,), **base)
        began = thread_time()
        try:
            judge = check.rule.judge_partly if read.partly else check.rule.judge
            judgement = judge(read.resource, read.related, now=self._now)
        except MemoryError:
            return Observation(outcome=Outcome.UNKNOWN, reasons=(_OUT_OF_MEMORY,), **base)
        finally:
            took = thread_time() - began
            check.spent += took
            self._purse.take(took)
        if judgement.outcome == "error":
            assert judgement.error is not None
            return Observation(outcome=Outcome.UNKNOWN, reasons=(_error(judgement.error),), **base)
        if judgement.outcome == "unknown":
            reasons = told(judgement.unknown)
            return Observation(outcome=_open(reasons), reasons=reasons, **base)
        fails = judgement.outcome == "fail"
        if not fails and not judgement.evidence:
            return Observation(outcome=Outcome(judgement.outcome), **base)
        if judgement.severity is not None:
            base["severity"] = base["base_severity"] = Severity(judgement.severity)
        if judgement.severity_open:
            base["severity_open"] = True
        if judgement.savings:
            where = {"provider": snapshot["provider"], "region": snapshot["region"]}
            base["savings"] = saved(judgement.savings, **where)
        elif fails and (why := judgement.unsaid or check.version.spec.get("unpriced")):
            base["savings"] = {"unknown": why}
        decided = Observation(
            outcome=Outcome(judgement.outcome),
            title=titled(judgement.message or check.version.spec["title"], snapshot)
            if fails
            else None,
            evidence=tuple({"path": e.path, "value": e.value} for e in judgement.evidence),
            **base,
        )
        canonical([decided.title, decided.evidence])  # or it could not be kept as a line
        return self._classified(check.version, decided, snapshot) if fails else decided

    def _classified(
        self, version: PolicyVersion, failed: Observation, snapshot: Mapping[str, Any]
    ) -> Observation:
        finding = subject(
            policy=version.key,
            severity=failed.severity,
            title=failed.title or "",
            dimension=version.spec["dimension"],
            account=snapshot["account"],
            region=snapshot["region"],
            resource_type=snapshot["type"],
        )
        found = self._classifier.classify(finding, snapshot, self._now)
        return replace(
            failed, severity=found.severity, suppressed=found.suppressed, classified_by=found.by
        )


def _yielded(said: Mapping[str, Observation], yields: Yields) -> dict[str, Observation]:
    """Return what policies say of a resource, by key, that another asks for."""
    failing = {key: o for key, o in said.items() if o.outcome is Outcome.FAIL}
    silent = {key for key, o in failing.items() if o.suppressed}
    asking = {
        key: yields.asking(key, failing, silent)
        for key in failing.keys() & yields.others.keys() - silent
    }
    return {
        key: replace(failing[key], yields_to=failing[other].fingerprint)
        for key, other in asking.items()
        if other is not None
    }


def _fingerprint(version: PolicyVersion, snapshot: Mapping[str, Any], native_id: str) -> str:
    return fingerprint(
        policy_key=version.key,
        provider=snapshot["provider"],
        account=snapshot["account"],
        region=snapshot["region"],
        native_id=native_id,
    )


def _owned_by_another(owner: str) -> Reason:
    message = f"Account {owner} owns it: this account uses it and cannot change it"
    return {"kind": OWNED_BY_ANOTHER, "owner": owner, "message": message}


def _open(reasons: Sequence[Reason]) -> Outcome:
    """Return the outcome of what stays open for `reasons`: nothing applies to what there is not."""
    return Outcome.NOT_APPLICABLE if is_unsupported(reasons) else Outcome.UNKNOWN


def _broken(error: Exception) -> Reason:
    message = f"The policy could not be judged on this resource: {type(error).__name__}"
    return {"kind": "policy_error", "message": message, "path": None}


def _error(error: EvaluationError) -> Reason:
    return {"kind": "policy_error", "message": error.message[:300], "path": error.path}
