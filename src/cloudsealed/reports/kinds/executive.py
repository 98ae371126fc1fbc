"""An executive summary: how the audit stands and has moved, what matters first, and what it lacks.

Findings are read once, in any order; memory grows with the number of policies alone. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cloudsealed.reports.gaps import sentence
from cloudsealed.reports.kinds.changes import Changes
from cloudsealed.reports.kinds.parts import WORST_FIRST, counted, heading, open_of
from cloudsealed.reports.kinds.priorities import Causes
from cloudsealed.reports.language import said
from cloudsealed.reports.model import Built, Document, ReportSource, written
from cloudsealed.vocabulary import Dimension, ReportKind

PRIORITIES = 10
"""Things to repair that a summary shows."""
GAPS = 8
"""Sentences about what could not be read that a summary shows."""
STATUSES = ("passing", "failing", "unknown", "manual", "not_assessed")


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return scores and their trend, what changed, what matters first, waste and coverage."""
    counts: Counter[tuple[str, str]] = Counter()
    statuses: Counter[str] = Counter()
    causes, changes = Causes(source), Changes(source.since)
    for finding in open_of(source.findings, filters or {}, statuses):
        counts[finding["dimension"], finding["severity"]] += 1
        causes.add(finding)
        changes.add(finding)
    document = {
        **heading(ReportKind.EXECUTIVE_SUMMARY, source, filters),
        "findings": counted(statuses),
        "dimensions": [_dimension(d, source, counts) for d in Dimension],
        "severities": {s.value: sum(counts[d, s] for d in Dimension) for s in WORST_FIRST},
        "trend": [_point(audit) for audit in source.history],
        "changes": changes.document(filters or {}),
        "priorities": causes.worst(PRIORITIES),
        "waste": causes.waste(),
        "compliance": [_framework(item) for item in source.frameworks],
        "coverage": _coverage(source),
    }
    return Built(document, {"json": [written(document)]})


def _dimension(
    dimension: Dimension, source: ReportSource, counts: Counter[tuple[str, str]]
) -> Document:
    facts = (source.audit["dimensions"] or {}).get(dimension, {})
    before = _score(source.since.audit, dimension) if source.since else None
    score = facts.get("score")
    severities = {s.value: counts[dimension, s] for s in WORST_FIRST}
    return {
        "dimension": dimension.value,
        "score": score,
        "change": score - before if score is not None and before is not None else None,
        **{name: facts.get(name, 0) for name in ("fail", "pass", "unknown", "suppressed")},
        "findings": sum(severities.values()),
        "severities": severities,
    }


def _point(audit: Mapping[str, Any]) -> Document:
    return {
        "audit_id": audit["id"],
        "finished_at": audit["finished_at"],
        "scores": {d.value: _score(audit, d) for d in Dimension},
    }


def _score(audit: Mapping[str, Any], dimension: Dimension) -> int | None:
    score: int | None = (audit["dimensions"] or {}).get(dimension, {}).get("score")
    return score


def _framework(item: Mapping[str, Any]) -> Document:
    statuses = Counter(control["status"] for control in item["controls"])
    return {
        **{name: item[name] for name in ("key", "title", "version")},
        "controls": len(item["controls"]),
        "counts": {status: statuses[status] for status in STATUSES},
    }


def _coverage(source: ReportSource) -> Document:
    audit = source.audit
    gaps = sorted(source.gaps, key=lambda gap: (-gap["verdicts"], -gap["calls"], gap["operation"]))
    refused = [_not_entered(t) for t in audit["accounts"] or () if t["error"] is not None]
    sentences = [*refused, *map(sentence, gaps), *_broken(source.policy_errors)]
    return {
        "share": audit["coverage"],
        "cells": audit.get("cells"),
        "unknown": sum(facts.get("unknown", 0) for facts in (audit["dimensions"] or {}).values()),
        "sentences": sentences[:GAPS],
        "more": max(0, len(sentences) - GAPS),
        "permissions": sorted({g["action"] for g in gaps if g["curable"]}),
    }


def _not_entered(target: Mapping[str, Any]) -> Document:
    return said(
        "CloudSealed could not enter {connection}: {reason}",
        connection=target["account"] or target["connection_id"],
        reason=target["error"]["message"],
    )


def _broken(errors: int) -> Sequence[Document]:
    if errors == 0:
        return ()
    return (said("At least {n} verdicts are unknown, because a policy failed to run.", n=errors),)
