"""The steps of a remediation plan, the severest first, of these the most risk per effort.

A step is what one owner has to do about one policy's findings of one severity. Findings are read
once, in any order, and what is shown of each waits on disk. It refuses to decide how a plan looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import orjson

from cloudsealed.kit.batches import batches
from cloudsealed.packs.danger import dangers
from cloudsealed.packs.remedies import for_resources
from cloudsealed.reports.kinds.parts import WORST_FIRST, Badness, Savings, badness, brief, open_of
from cloudsealed.reports.kinds.rank import RISK_WEIGHTS, Rank, effort_of, own_rank, rank
from cloudsealed.reports.kinds.spool import Spool
from cloudsealed.reports.model import Document, Finding, ReportSource
from cloudsealed.vocabulary import Severity

_BATCH = 500
COMMANDED = 3
"""Resources whose commands a step shows."""
_OF_POLICY = ("policy", "dimension", "description", "remediation", "controls")
_FILLED = ("first", "cli", "terraform")


@dataclass(slots=True)
class Step:
    """The open findings of one policy and severity on the resources of one owner.

    `own` is the highest rank that the policy itself gives one of them; `lesser` counts the findings
    of that policy and owner that are of a lesser severity.
    """

    policy: str
    owner: str | None
    severity: Severity
    own: int = 0
    lesser: int = 0
    savings: Savings = field(default_factory=Savings)
    places: list[tuple[Badness, int]] = field(default_factory=list)

    @property
    def findings(self) -> int:
        """How many there are."""
        return len(self.places)

    @property
    def risk(self) -> int:
        """What repairing them removes."""
        return RISK_WEIGHTS[self.severity] * self.findings


class Plan:
    """The steps, and what is known of their policies and findings."""

    def __init__(self, source: ReportSource, filters: Mapping[str, tuple[str, ...]]) -> None:
        self.statuses: Counter[str] = Counter()
        self._titles = source.policy_titles
        self._policies: dict[str, Finding] = {}
        self._spool = Spool()
        steps: dict[tuple[str, str | None, Severity], Step] = {}
        for batch in batches(open_of(source.findings, filters, self.statuses), _BATCH):
            owners = source.owners([finding["resource"]["id"] for finding in batch])
            for finding in batch:
                owner = owners.get(finding["resource"]["id"])
                key = finding["policy"]["key"], owner, Severity(finding["severity"])
                step = steps.get(key) or steps.setdefault(key, Step(*key))
                self._add(step, finding)
        _count_lesser(steps.values())
        self.steps = sorted(steps.values(), key=self._order)
        self.risk = sum(step.risk for step in self.steps)
        for step in self.steps:
            step.places.sort()

    def _add(self, step: Step, finding: Finding) -> None:
        step.own = max(step.own, own_rank(finding))
        step.savings.add(finding)
        step.places.append((badness(finding), self._spool.add(brief(finding))))
        known = self._policies.get(step.policy)
        if known is None or known["policy"]["version"] < finding["policy"]["version"]:
            self._policies[step.policy] = {name: finding.get(name) for name in _OF_POLICY}

    def _order(self, step: Step) -> tuple[Rank, str, bool, str]:
        place = rank(
            severity=step.severity,
            own=step.own,
            count=step.findings,
            others=step.lesser,
            effort=self.effort(step),
        )
        return place, step.policy, step.owner is None, step.owner or ""

    def effort(self, step: Step) -> str:
        """Return the effort of a step's policy."""
        return effort_of(self._policies[step.policy]["remediation"])

    def share(self, risk: int) -> float:
        """Return which part of the plan's risk it is, from 0 to 1."""
        return round(risk / self.risk, 4) if self.risk else 0.0

    def rows(self, step: Step, most: int | None = None) -> Iterator[Document]:
        """Yield the briefs of a step's findings with their own commands, the worst first."""
        remedy = self._policies[step.policy]["remediation"] or {}
        for line in self._spool.lines(place for _, place in islice(step.places, most)):
            row = orjson.loads(line)
            found = for_resources(remedy, [row["resource"]])
            yield {**row, **{name: found[name] for name in _FILLED}}

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
            "severities": {s.value: step.findings * (s is step.severity) for s in WORST_FIRST},
            "effort": self.effort(step),
            "monthly_savings": step.savings.total(),
            "controls": [dict(control) for control in policy["controls"]],
            "takes_away": bool(dangers(remedy)),
            **{name: remedy.get(name) for name in ("summary", "caution")},
            **self._commands(step),
        }

    def _commands(self, step: Step) -> Document:
        """Return the commands of a step's worst resources, and of how many they are."""
        remedy = self._policies[step.policy]["remediation"] or {}
        resources = [row["resource"] for row in self.rows(step, COMMANDED)]
        found = for_resources(remedy, resources)
        return {**{name: found[name] for name in _FILLED}, "commands_of": len(resources)}


def _count_lesser(steps: Iterable[Step]) -> None:
    """Say of each step how many findings of its policy and owner are of a lesser severity."""
    counted: Counter[tuple[str, str | None]] = Counter()
    for step in sorted(steps, key=lambda step: step.severity.rank):
        step.lesser = counted[step.policy, step.owner]
        counted[step.policy, step.owner] += step.findings
