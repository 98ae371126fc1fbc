"""An executive summary: scores, open findings, waste, what could not be read, the worst findings.

Findings are read once, in any order, and memory does not grow with their number. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cloudsealed.reports.kinds.parts import (
    LISTED,
    WORST_FIRST,
    Savings,
    Worst,
    counted,
    heading,
    open_of,
)
from cloudsealed.reports.model import Built, Document, ReportSource, written
from cloudsealed.vocabulary import Dimension, ReportKind

WORST = 10
"""Findings shown in an executive summary."""


def _dimension(
    dimension: Dimension, judged: Mapping[str, Any], counts: Counter[tuple[str, str]]
) -> Document:
    facts = judged.get(dimension, {})
    severities = {s.value: counts[dimension, s] for s in WORST_FIRST}
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


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return scores, counts by severity and dimension, coverage, waste, and the worst findings."""
    counts: Counter[tuple[str, str]] = Counter()
    statuses: Counter[str] = Counter()
    worst, savings = Worst(WORST), Savings()
    cost_findings = 0
    for finding in open_of(source.findings, filters or {}, statuses):
        counts[finding["dimension"], finding["severity"]] += 1
        worst.add(finding)
        savings.add(finding)
        cost_findings += finding["dimension"] == Dimension.COST
    totals = {s.value: sum(counts[d, s] for d in Dimension) for s in WORST_FIRST}
    document = {
        **heading(ReportKind.EXECUTIVE_SUMMARY, source, filters),
        "findings": counted(statuses),
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
    return Built(document, {"json": [written(document)]})
