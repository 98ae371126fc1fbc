"""The steps of a remediation plan, in the order of risk removed per effort.

A step is what one owner has to do about one policy. Findings are read once, in any order, and what
is shown of each waits on disk. It refuses to decide how a plan looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any

from cloudsealed.kit.batches import batches
from cloudsealed.packs import EFFORTS
from cloudsealed.reports.kinds.parts import WORST_FIRST, Badness, Savings, badness, brief, open_of
from cloudsealed.reports.kinds.spool import Spool
from cloudsealed.reports.model import Document, Finding, ReportSource
from cloudsealed.vocabulary import Severity

EFFORT_WEIGHTS: Mapping[str, int] = dict(zip(EFFORTS, (1, 3, 8), strict=True))
"""What a step costs, by its policy's effort.

Our choice: each is two to three times the one before, in the manner of the sizes that teams give to
work. A step is one repair, worked out once, however many resources need it.
"""
RISK_WEIGHTS: Mapping[str, int] = {severity.value: severity.weight for severity in WORST_FIRST}
"""What repairing a finding removes: the weight of its severity in a score."""
_UNKNOWN_EFFORT = "medium"  # as of a tenant's own policy whose remediation does not say
_BATCH = 500
_OF_POLICY = ("policy", "dimension", "description", "remediation", "controls")


@dataclass(slots=True)
class Step:
    """The open findings of one policy on the resources of one owner."""

    policy: str
    owner: str | None
    severities: Counter[str] = field(default_factory=Counter)
    savings: Savings = field(default_factory=Savings)
    places: list[tuple[Badness, int]] = field(default_factory=list)

    @property
    def findings(self) -> int:
        """How many there are."""
        return len(self.places)

    @property
    def severity(self) -> Severity:
        """The worst of them."""
        return next(severity for severity in WORST_FIRST if self.severities[severity])

    @property
    def risk(self) -> int:
        """What repairing them removes."""
        return sum(RISK_WEIGHTS[name] * count for name, count in self.severities.items())


class Plan:
    """The steps, and what is known of their policies and findings."""

    def __init__(self, source: ReportSource, filters: Mapping[str, tuple[str, ...]]) -> None:
        self.statuses: Counter[str] = Counter()
        self._titles = source.policy_titles
        self._policies: dict[str, Finding] = {}
        self._spool = Spool()
        steps: dict[tuple[str, str | None], Step] = {}
        for batch in batches(open_of(source.findings, filters, self.statuses), _BATCH):
            owners = source.owners([finding["resource"]["id"] for finding in batch])
            for finding in batch:
                key = finding["policy"]["key"], owners.get(finding["resource"]["id"])
                step = steps.get(key) or steps.setdefault(key, Step(*key))
                self._add(step, finding)
        self.steps = sorted(steps.values(), key=self._order)
        self.risk = sum(step.risk for step in self.steps)
        for step in self.steps:
            step.places.sort()

    def _add(self, step: Step, finding: Finding) -> None:
        step.severities[finding["severity"]] += 1
        step.savings.add(finding)
        step.places.append((badness(finding), self._spool.add(brief(finding))))
        known = self._policies.get(step.policy)
        if known is None or known["policy"]["version"] < finding["policy"]["version"]:
            self._policies[step.policy] = {name: finding.get(name) for name in _OF_POLICY}

    def _order(self, step: Step) -> tuple[Any, ...]:
        per_effort = Fraction(step.risk, EFFORT_WEIGHTS[self.effort(step)])
        worst = -step.severity.rank
        return -per_effort, worst, -step.findings, step.policy, step.owner is None, step.owner or ""

    def effort(self, step: Step) -> str:
        """Return the effort of a step's policy."""
        remedy = self._policies[step.policy]["remediation"] or {}
        return str(remedy.get("effort") or _UNKNOWN_EFFORT)

    def share(self, risk: int) -> float:
        """Return which part of the plan's risk it is, from 0 to 1."""
        return round(risk / self.risk, 4) if self.risk else 0.0

    def rows(self, step: Step, most: int | None = None) -> Iterator[bytes]:
        """Yield the briefs of a step's findings as JSON, the worst first."""
        return self._spool.lines(place for _, place in islice(step.places, most))

    def described(self) -> Iterator[tuple[Step, Document]]:
        """Yield each step, and what is to be said of it, in order."""
        removed = 0
        for number, step in enumerate(self.steps, start=1):
            removed += step.risk
            yield (
                step,
                {
                    "step": number,
                    **self._described(step),
                    "risk": step.risk,
                    "risk_share": self.share(step.risk),
                    "cumulative_risk_share": self.share(removed),
                },
            )

    def _described(self, step: Step) -> Document:
        policy = self._policies[step.policy]
        remedy = policy["remediation"] or {}
        return {
            "policy": {"id": policy["policy"]["id"], "key": step.policy},
            "title": self._titles.get(step.policy, step.policy),
            "description": policy["description"],
            "owner": step.owner,
            "dimension": policy["dimension"],
            "severity": step.severity,
            "findings": step.findings,
            "severities": {s.value: step.severities[s] for s in WORST_FIRST},
            "effort": self.effort(step),
            "monthly_savings": step.savings.total(),
            "controls": [dict(control) for control in policy["controls"]],
            **{name: remedy.get(name) for name in ("summary", "cli", "terraform")},
        }
