"""What a tenant's classifications make of a failing observation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudsealed.engine import EvaluationError, Expression
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.policies.rules import compile_classification
from cloudsealed.vocabulary import Severity


@dataclass(frozen=True, slots=True)
class Classification:
    """How a failing observation counts. `by` is the classification that says so, if one does."""

    severity: Severity
    suppressed: bool = False
    by: Mapping[str, Any] | None = None


def subject(
    *, policy: str, severity: Severity, title: str, dimension: str, account: str, region: str,
    resource_type: str,
) -> dict[str, Any]:  # fmt: skip
    """Return what an expression knows as `finding`; `severity` is the policy's own."""
    return {
        "policy": policy, "severity": severity, "title": title, "dimension": dimension,
        "account": account, "region": region, "resource_type": resource_type,
    }  # fmt: skip


class Classifier:
    """Classifies by the classifications that were in force at one moment, given oldest first."""

    def __init__(self, versions: Sequence[PolicyVersion]) -> None:
        self._rules = [(version, compile_classification(version.spec)) for version in versions]

    def classify(
        self, finding: Mapping[str, Any], document: Mapping[str, Any], now: datetime
    ) -> Classification:
        """Return how a failing observation counts: suppress wins, then the highest severity, then
        the older of two. `now` is the audit's clock."""
        variables = {"resource": document, "finding": finding}
        matching = [v for v, when in self._rules if _matches(when, variables, now)]
        base = Severity(finding["severity"])
        suppressing = next((v for v in matching if v.spec["suppress"]), None)
        if suppressing is not None:
            return Classification(base, suppressed=True, by=_named(suppressing))
        if not matching:
            return Classification(base)
        winner = max(matching, key=lambda v: Severity(v.spec["set"]["severity"]).rank)
        return Classification(Severity(winner.spec["set"]["severity"]), by=_named(winner))


def _matches(when: Expression, variables: Mapping[str, Any], now: datetime) -> bool:
    try:
        return bool(when.evaluate(variables, now))
    except EvaluationError:
        return False  # a classification that cannot be judged leaves the finding as it is


def _named(version: PolicyVersion) -> dict[str, Any]:
    return {"key": version.key, "version": version.version}
