"""The kinds of report: for each, what it says and the formats that it comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloudsealed.reports.kinds import compliance, executive, remediation
from cloudsealed.reports.model import Built, ReportRequest, ReportSource
from cloudsealed.vocabulary import ReportKind


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is built from its source and filters, and its formats, `pdf` the first."""

    build: Callable[[ReportSource, Mapping[str, tuple[str, ...]]], Built]
    formats: tuple[str, ...] = ("pdf", "json")


KINDS: Mapping[ReportKind, Kind] = {
    ReportKind.EXECUTIVE_SUMMARY: Kind(executive.build),
    ReportKind.REMEDIATION_PLAN: Kind(remediation.build, ("pdf", "json", "csv")),
    ReportKind.COMPLIANCE_EVIDENCE: Kind(compliance.build, ("pdf", "json", "oscal", "ocsf")),
}


def build(request: ReportRequest, source: ReportSource) -> Built:
    """Return what a report's files are made of: one for each format of its kind."""
    return KINDS[request.kind].build(source, request.filters)
