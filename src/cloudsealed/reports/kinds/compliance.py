"""Compliance evidence: each control of a framework, how it stands and what shows it.

Findings are read once, in any order. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cloudsealed.reports.kinds.parts import LISTED, Worst, counted, heading, open_of, share
from cloudsealed.reports.model import Built, Document, Finding, ReportSource, written
from cloudsealed.vocabulary import ReportKind

_STATEMENTS = {
    "passing": "Every policy of this control passed on every resource that it applies to.",
    "failing": "At least one resource fails a policy of this control.",
    "unknown": "Nothing failed, but part of what this control needs could not be read.",
    "manual": "No program can judge this control: a person has to attest it.",
    "not_assessed": "No policy covers this control: this report says nothing about it.",
}


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return each control of the framework, how it stands and the findings that show it.

    Raises ValueError when the source has no framework.
    """
    framework = source.framework
    if framework is None:
        raise ValueError("compliance evidence needs a framework")
    statuses: Counter[str] = Counter()
    failing: dict[str, Worst] = {}
    for finding in open_of(source.findings, filters or {}, statuses):
        for control in _controls_of(finding, framework["key"]):
            failing.setdefault(control, Worst(LISTED)).add(finding)
    most = share(len(failing))
    controls = [
        _control(c, *failing.get(c["id"], Worst(LISTED)).briefs(most))
        for c in framework["controls"]
    ]
    document = {
        **heading(ReportKind.COMPLIANCE_EVIDENCE, source, filters),
        "findings": counted(statuses),
        "framework": {name: framework[name] for name in ("key", "title", "version")},
        "summary": {
            status: sum(control["status"] == status for control in controls)
            for status in _STATEMENTS
        },
        "controls": controls,
    }
    return Built(document, {"json": [written(document)]})


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
