"""What a tenant's classifications make of a failing observation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import thread_time
from typing import Any

from cloudsealed.audits.judging.given import Names, attributes_read, names_read, resource_of
from cloudsealed.audits.judging.purse import Purse
from cloudsealed.engine import EvaluationError, Expression
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.rules import FINDING_FIELDS, compile_classification
from cloudsealed.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Classification:
    """How a failing observation counts. `by` is the classification that says so, if one does."""

    severity: Severity
    suppressed: bool = False
    by: Mapping[str, Any] | None = None


def subject(
    *,
    policy: str,
    severity: Severity,
    title: str,
    dimension: str,
    account: str,
    region: str,
    resource_type: str,
) -> dict[str, Any]:
    """Return what an expression knows as `finding`: FINDING_FIELDS of `policies.rules`."""
    said = (policy, severity, title, dimension, account, region, resource_type)
    return dict(zip(FINDING_FIELDS, said, strict=True))


@dataclass(slots=True)
class _Rule:
    version: PolicyVersion
    when: Expression
    purse: Purse
    spent: float = 0.0
    reads: Names = field(init=False)
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.reads = attributes_read(self.when.reads, "resource")
        self.names = names_read(self.when.reads)

    def matches(
        self, finding: Mapping[str, Any], snapshot: Mapping[str, Any], now: datetime
    ) -> bool:
        """Say whether it matches; what cannot be judged, for something that was not read or in
        time, leaves a finding as it is."""
        if self.purse.refusal(self.spent):
            return False
        resource, partly = resource_of(snapshot, self.reads, self.names)
        evaluate = self.when.evaluate_partly if partly else self.when.evaluate
        began = thread_time()
        try:
            return evaluate({"resource": resource, "finding": finding}, now) is True
        except (EvaluationError, MemoryError):
            return False
        finally:
            took = thread_time() - began
            self.spent += took
            self.purse.take(took)


class Classifier:
    """Classifies by the classifications that were in force at one moment, given oldest first."""

    def __init__(self, versions: Sequence[PolicyVersion], purse: Purse) -> None:
        """`purse` is what each classification may take in all."""
        self._rules = [_Rule(v, compile_classification(v.spec), purse) for v in versions]

    def classify(
        self, finding: Mapping[str, Any], snapshot: Mapping[str, Any], now: datetime
    ) -> Classification:
        """Return how a failing observation counts: suppress wins, then the highest severity, then
        the older of two. `now` is the audit's clock."""
        matching = [rule.version for rule in self._rules if rule.matches(finding, snapshot, now)]
        base = Severity(finding["severity"])
        suppressing = next((v for v in matching if v.spec["suppress"]), None)
        if suppressing is not None:
            return Classification(base, suppressed=True, by=_named(suppressing))
        if not matching:
            return Classification(base)
        winner = max(matching, key=lambda v: Severity(v.spec["set"]["severity"]).rank)
        return Classification(Severity(winner.spec["set"]["severity"]), by=_named(winner))


def _named(version: PolicyVersion) -> dict[str, Any]:
    return {"key": version.key, "version": version.version}
