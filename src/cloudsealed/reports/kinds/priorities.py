"""Open findings by the policy that they fail: which causes matter most, why, and what they cost.

Findings of one policy are one thing to repair, so ten of them are ten different things. What ranks
a cause is its findings of its worst severity, by the order of a plan. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.reports.kinds.parts import Savings, Worst, brief
from cloudsealed.reports.kinds.rank import Rank, effort_of, own_rank, rank
from cloudsealed.reports.language import said, worded
from cloudsealed.reports.model import Document, Finding, ReportSource
from cloudsealed.vocabulary import Dimension

SHOWN = 3
"""Resources that are named for each cause."""
DEAREST = 5
"""Policies whose savings are shown."""


class Causes:
    """Groups open findings by policy as they come; what each keeps does not grow with them."""

    def __init__(self, source: ReportSource) -> None:
        self._source = source
        self._causes: dict[str, _Cause] = {}

    def add(self, finding: Finding) -> None:
        """Take an open finding into account."""
        key = finding["policy"]["key"]
        cause = self._causes.get(key)
        if cause is None:
            cause = self._causes[key] = _Cause(key, self._source.policy_titles.get(key))
        cause.add(finding)

    def worst(self, most: int) -> list[Document]:
        """Return the causes that matter most: the severest, of these the most risk per effort."""
        ordered = sorted(self._causes.values(), key=_Cause.order)[:most]
        end = parse_rfc3339(self._source.audit["finished_at"])
        return [cause.document(end) for cause in ordered]

    def waste(self) -> Document:
        """Return what can be saved a month, and by which policies most."""
        causes = [c for c in self._causes.values() if c.of_cost or c.savings.priced]
        ordered = sorted(causes, key=_Cause.dearness)
        savings = Savings()
        for cause in causes:
            savings.merge(cause.savings)
        return {
            "monthly": savings.total(),
            "priced_findings": savings.priced,
            "cost_findings": sum(c.of_cost for c in causes),
            "policies": [cause.spending() for cause in ordered[:DEAREST]],
            "more": max(0, len(ordered) - DEAREST),
        }


class _Cause:
    """The open findings of one policy."""

    def __init__(self, key: str, title: str | None) -> None:
        self.key = key
        self.of_cost = 0
        self.savings = Savings()
        self.findings = 0
        self._title = title
        self._counts: Counter[str] = Counter()
        self._own: Counter[str] = Counter()
        self._said: tuple[int, str] = (0, effort_of(None))
        self._accounts: set[str] = set()
        self._oldest = "~"  # after every time
        self._worst = Worst(SHOWN)
        self._classified: Counter[tuple[str, str]] = Counter()

    def add(self, finding: Finding) -> None:
        self.findings += 1
        self.of_cost += finding["dimension"] == Dimension.COST
        severity = finding["severity"]
        self._counts[severity] += 1
        self._own[severity] = max(self._own[severity], own_rank(finding))
        said_by = finding["policy"]["version"]
        if said_by > self._said[0]:
            self._said = said_by, effort_of(finding.get("remediation"))
        self._accounts.add(finding["resource"]["account"])
        if finding["first_seen_at"] < self._oldest:
            self._oldest = finding["first_seen_at"]
        self._worst.add(finding)
        self.savings.add(finding)
        by = finding.get("classified_by")
        if by is not None and finding["severity"] != finding["base_severity"]:
            self._classified[finding["severity"], by["key"]] += 1

    def order(self) -> tuple[Rank, str]:
        worst = self._worst.sorted()[0]
        severity, count = worst["severity"], self._counts[worst["severity"]]
        place = rank(
            severity=severity,
            own=self._own[severity],
            count=count,
            others=self.findings - count,
            effort=self._said[1],
        )
        return place, self.key

    def dearness(self) -> tuple[Decimal, int, str]:
        most = max((Decimal(m["amount"]) for m in self.savings.total()), default=Decimal(0))
        return -most, -self.findings, self.key

    def spending(self) -> Document:
        return {
            "policy": self.key,
            "title": self._name(),
            "findings": self.findings,
            "priced_findings": self.savings.priced,
            "monthly": self.savings.total(),
        }

    def document(self, end: datetime) -> Document:
        worst = self._worst.sorted()
        return {
            "policy": self.key,
            "title": self._name(),
            "dimension": worst[0]["dimension"],
            "severity": worst[0]["severity"],
            "findings": self.findings,
            "reason": _sentence(worst[0].get("description")),
            "why": self._why(end),
            "worst": [brief(finding) for finding in worst],
            "more": self.findings - len(worst),
            "monthly_savings": self.savings.total(),
        }

    def _name(self) -> str:
        alone: str = self._worst.sorted()[0]["title"]
        return self._title or (alone if self.findings == 1 else self.key)

    def _why(self, end: datetime) -> Sequence[Document]:
        """Return what its findings add to the policy's reason, a sentence a fact."""
        days = (end - parse_rfc3339(self._oldest)).days
        facts = [_spread(self.findings, len(self._accounts)), *self._mixed()]
        if days >= 1:
            one, more = worded("Open for one day."), worded("Open for {n} days.")
            facts.append(said(one if days == 1 else more, n=days))
        for (severity, name), count in sorted(self._classified.items()):
            facts.append(
                said(
                    "{n} made {severity} by the classification {name}.",
                    n=count,
                    severity=said(severity),
                    name=name,
                )
            )
        return facts

    def _mixed(self) -> Sequence[Document]:
        severity = self._worst.sorted()[0]["severity"]
        count = self._counts[severity]
        if count == self.findings:
            return ()
        one, more = worded("One of them is {severity}."), worded("{n} of them are {severity}.")
        return (said(one if count == 1 else more, n=count, severity=said(severity)),)


def _spread(findings: int, accounts: int) -> Document:
    if findings == 1:
        return said("One resource.")
    if accounts == 1:
        return said("{n} resources share the cause.", n=findings)
    return said(
        "{n} resources in {accounts} accounts share the cause.", n=findings, accounts=accounts
    )


def _sentence(description: str | None) -> str | None:
    """Return the first sentence of why a policy matters."""
    if not description:
        return None
    first, stop, _rest = description.partition(". ")
    return first + stop.strip()
