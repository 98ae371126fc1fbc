"""What each kind of report says: pure functions from plain data to the document.

The document is the JSON report and all that the PDF shows. Findings are read once, in any order,
and memory does not grow with their number, only with that of policies and controls. Nothing here
reads a clock, a database or a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from cloudsealed.reports.model import Document, Finding, ReportRequest, ReportSource, matches
from cloudsealed.vocabulary import Dimension, FindingStatus, ReportKind, Severity

LISTED = 50
"""Resources shown at most in a group of the plan, findings as evidence of a control."""
LISTED_IN_ALL = 5_000
"""Rows that groups or controls share when there are many: a PDF needs about 0.1 MB each."""
WORST = 10
"""Findings shown in an executive summary."""

_WORST_FIRST = tuple(reversed(Severity))
_TITLES = {
    ReportKind.EXECUTIVE_SUMMARY: "Executive summary",
    ReportKind.REMEDIATION_PLAN: "Remediation plan",
    ReportKind.COMPLIANCE_EVIDENCE: "Compliance evidence",
}
_STATEMENTS = {
    "passing": "Every policy of this control passed on every resource that it applies to.",
    "failing": "At least one resource fails a policy of this control.",
    "unknown": "Nothing failed, but part of what this control needs could not be read.",
    "manual": "No program can judge this control: a person has to attest it.",
    "not_assessed": "No policy covers this control: this report says nothing about it.",
}


class _Worst:
    """Keeps the `most` worst findings of any number: by severity, then savings, then id."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[Finding] = []
        self.seen = 0

    def add(self, finding: Finding) -> None:
        self.seen += 1
        self._kept.append(finding)
        if len(self._kept) >= 4 * self._most:
            self._kept = self.sorted()

    def sorted(self) -> list[Finding]:
        return sorted(self._kept, key=_badness)[: self._most]

    def briefs(self, most: int) -> tuple[list[Document], int]:
        """Return at most `most` of them, and how many more there are."""
        shown = self.sorted()[:most]
        return [_brief(finding) for finding in shown], self.seen - len(shown)


class _Savings:
    """Sums savings a currency; amounts of unlike currencies are never added."""

    def __init__(self) -> None:
        self._sums: dict[str, Decimal] = {}
        self.priced = 0

    def add(self, finding: Finding) -> None:
        money = finding["monthly_savings"]
        if money is not None:
            self.priced += 1
            currency = money["currency"]
            self._sums[currency] = self._sums.get(currency, Decimal(0)) + Decimal(money["amount"])

    def total(self) -> list[dict[str, str]]:
        return [
            {"amount": str(self._sums[currency]), "currency": currency}
            for currency in sorted(self._sums)
        ]


def build(request: ReportRequest, source: ReportSource) -> Document:
    """Return the document of a report."""
    builder: Callable[[ReportSource, Mapping[str, tuple[str, ...]]], Document] = {
        ReportKind.EXECUTIVE_SUMMARY: executive_summary,
        ReportKind.REMEDIATION_PLAN: remediation_plan,
        ReportKind.COMPLIANCE_EVIDENCE: compliance_evidence,
    }[request.kind]
    return builder(source, request.filters)


def executive_summary(
    source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None
) -> Document:
    """Return scores, counts by severity and dimension, coverage, waste, and the worst findings."""
    counts: Counter[tuple[str, str]] = Counter()
    statuses: Counter[str] = Counter()
    worst, savings = _Worst(WORST), _Savings()
    cost_findings = 0
    for finding in _open(source.findings, filters or {}, statuses):
        counts[finding["dimension"], finding["severity"]] += 1
        worst.add(finding)
        savings.add(finding)
        cost_findings += finding["dimension"] == Dimension.COST
    totals = {s.value: sum(counts[d, s] for d in Dimension) for s in _WORST_FIRST}
    return {
        **_heading(ReportKind.EXECUTIVE_SUMMARY, source, filters),
        "findings": _counted(statuses),
        "dimensions": [_dimension(d, source.audit["dimensions"] or {}, counts) for d in Dimension],
        "severities": totals,
        "waste": {
            "monthly": savings.total(),
            "priced_findings": savings.priced,
            "cost_findings": cost_findings,
        },
        "unread": _unread(source.unread),
        "worst": worst.briefs(WORST)[0],
    }


def remediation_plan(
    source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None
) -> Document:
    """Return what to repair, a group a policy: the worst first, then the most numerous."""
    statuses: Counter[str] = Counter()
    groups: dict[str, _Group] = {}
    for finding in _open(source.findings, filters or {}, statuses):
        key = finding["policy"]["key"]
        groups.setdefault(key, _Group(source.policy_titles.get(key))).add(finding)
    documents = sorted(
        (group.document(_share(len(groups))) for group in groups.values()),
        key=lambda g: (-Severity(g["severity"]).rank, -g["findings"], g["policy"]["key"]),
    )
    return {
        **_heading(ReportKind.REMEDIATION_PLAN, source, filters),
        "findings": _counted(statuses),
        "groups": documents,
    }


def compliance_evidence(
    source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None
) -> Document:
    """Return each control of the framework, how it stands and the findings that show it.

    Raises ValueError when the source has no framework.
    """
    framework = source.framework
    if framework is None:
        raise ValueError("compliance evidence needs a framework")
    statuses: Counter[str] = Counter()
    failing: dict[str, _Worst] = {}
    for finding in _open(source.findings, filters or {}, statuses):
        for control in _controls_of(finding, framework["key"]):
            failing.setdefault(control, _Worst(LISTED)).add(finding)
    most = _share(len(failing))
    controls = [
        _control(c, *failing.get(c["id"], _Worst(LISTED)).briefs(most))
        for c in framework["controls"]
    ]
    return {
        **_heading(ReportKind.COMPLIANCE_EVIDENCE, source, filters),
        "findings": _counted(statuses),
        "framework": {name: framework[name] for name in ("key", "title", "version")},
        "summary": {
            status: sum(control["status"] == status for control in controls)
            for status in _STATEMENTS
        },
        "controls": controls,
    }


class _Group:
    """The findings of one policy, as a step of the plan."""

    def __init__(self, title: str | None) -> None:
        self._title = title
        self._severities: Counter[str] = Counter()
        self._worst = _Worst(LISTED)
        self._savings = _Savings()

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
            "severities": {s.value: self._severities[s] for s in _WORST_FIRST},
            "controls": [dict(control) for control in first["controls"]],
            "monthly_savings": self._savings.total(),
            **{name: remedy.get(name) for name in ("effort", "summary", "cli", "terraform")},
            "resources": resources,
            "more": more,
        }


def _heading(
    kind: ReportKind, source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None
) -> Document:
    audit = source.audit
    copied = ("id", "kind", "created_at", "finished_at", "coverage", "verdict_digest")
    return {
        "object": "report_document",
        "kind": kind.value,
        "title": _TITLES[kind],
        "tenant": source.tenant,
        "audit": {
            **{name: audit[name] for name in copied},
            "accounts": _accounts(audit["accounts"]),
        },
        "seal": dict(source.seal) if source.seal is not None else None,
        "filters": {name: list(values) for name, values in (filters or {}).items()},
    }


def _accounts(targets: Iterable[Mapping[str, Any]] | None) -> list[str]:
    return sorted({t["account"] for t in targets or () if t["account"] is not None})


def _open(
    findings: Iterable[Finding], filters: Mapping[str, tuple[str, ...]], statuses: Counter[str]
) -> Iterator[Finding]:
    """Yield what is open, counting all that the filters take by status."""
    for finding in findings:
        if matches(finding, filters):
            statuses[finding["status"]] += 1
            if finding["status"] == FindingStatus.OPEN:
                yield finding


def _counted(statuses: Counter[str]) -> dict[str, int]:
    return {status.value: statuses[status] for status in FindingStatus}


def _badness(finding: Finding) -> tuple[int, Decimal, str]:
    money = finding["monthly_savings"]
    savings = Decimal(money["amount"]) if money is not None else Decimal(0)
    return -Severity(finding["severity"]).rank, -savings, finding["id"]


def _brief(finding: Finding) -> Document:
    resource, triage = finding["resource"], finding["triage"]
    return {
        "finding_id": finding["id"],
        "severity": finding["severity"],
        "dimension": finding["dimension"],
        "title": finding["title"],
        "policy": finding["policy"]["key"],
        "resource": {
            name: resource[name]
            for name in ("id", "type", "native_id", "name", "account", "region")
        },
        "monthly_savings": finding["monthly_savings"],
        "triage": triage["state"] if triage is not None else None,
        "first_seen_at": finding["first_seen_at"],
    }


def _dimension(
    dimension: Dimension, judged: Mapping[str, Any], counts: Counter[tuple[str, str]]
) -> Document:
    facts = judged.get(dimension, {})
    severities = {s.value: counts[dimension, s] for s in _WORST_FIRST}
    return {
        "dimension": dimension.value,
        "score": facts.get("score"),
        "fail": facts.get("fail", 0),
        "pass": facts.get("pass", 0),
        "unknown": facts.get("unknown", 0),
        "findings": sum(severities.values()),
        "severities": severities,
    }


def _unread(calls: Iterable[Mapping[str, Any]]) -> Document:
    names = ("service", "operation", "outcome", "permission")
    places: Counter[tuple[str | None, ...]] = Counter(
        tuple(call.get(name) for name in names) for call in calls
    )
    ordered = sorted(places.items(), key=lambda item: (-item[1], [part or "" for part in item[0]]))
    shown = [{**dict(zip(names, key, strict=True)), "calls": n} for key, n in ordered[:LISTED]]
    return {"total": places.total(), "kinds": shown, "more": max(0, len(ordered) - LISTED)}


def _controls_of(finding: Finding, framework: str) -> set[str]:
    return {c["control"] for c in finding["controls"] if c["framework"] == framework}


def _control(control: Mapping[str, Any], evidence: list[Document], more: int) -> Document:
    return {
        "id": control["id"],
        "title": control["title"],
        "status": control["status"],
        "statement": _STATEMENTS[control["status"]],
        "policies": list(control["policies"]),
        "failing": control["failing"],
        "evidence": evidence,
        "more": more,
    }


def _share(parts: int) -> int:
    return min(LISTED, max(1, LISTED_IN_ALL // max(1, parts)))
