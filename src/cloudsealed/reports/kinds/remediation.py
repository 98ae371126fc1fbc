"""A remediation plan: what to repair, a group a policy.

Findings are read once, in any order. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cloudsealed.reports.kinds.parts import (
    LISTED,
    WORST_FIRST,
    Savings,
    Worst,
    counted,
    heading,
    open_of,
    share,
)
from cloudsealed.reports.model import Built, Document, Finding, ReportSource, written
from cloudsealed.vocabulary import ReportKind, Severity


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return what to repair, a group a policy: the worst first, then the most numerous."""
    statuses: Counter[str] = Counter()
    groups: dict[str, _Group] = {}
    for finding in open_of(source.findings, filters or {}, statuses):
        key = finding["policy"]["key"]
        groups.setdefault(key, _Group(source.policy_titles.get(key))).add(finding)
    documents = sorted(
        (group.document(share(len(groups))) for group in groups.values()),
        key=lambda g: (-Severity(g["severity"]).rank, -g["findings"], g["policy"]["key"]),
    )
    document = {
        **heading(ReportKind.REMEDIATION_PLAN, source, filters),
        "findings": counted(statuses),
        "groups": documents,
    }
    return Built(document, {"json": [written(document)]})


class _Group:
    """The findings of one policy, as a step of the plan."""

    def __init__(self, title: str | None) -> None:
        self._title = title
        self._severities: Counter[str] = Counter()
        self._worst = Worst(LISTED)
        self._savings = Savings()

    def add(self, finding: Finding) -> None:
        self._severities[finding["severity"]] += 1
        self._worst.add(finding)
        self._savings.add(finding)

    def document(self, most: int) -> Document:
        first = self._worst.sorted()[0]
        resources, more = self._worst.briefs(most)
        remedy = first["remediation"] or {}
        return {
            "policy": {"id": first["policy"]["id"], "key": first["policy"]["key"]},
            "title": self._title
            or (first["title"] if self._worst.seen == 1 else first["policy"]["key"]),
            "dimension": first["dimension"],
            "severity": first["severity"],
            "findings": self._worst.seen,
            "severities": {s.value: self._severities[s] for s in WORST_FIRST},
            "controls": [dict(control) for control in first["controls"]],
            "monthly_savings": self._savings.total(),
            **{name: remedy.get(name) for name in ("effort", "summary", "cli", "terraform")},
            "resources": resources,
            "more": more,
        }
