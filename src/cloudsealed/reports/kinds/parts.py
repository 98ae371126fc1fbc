"""What every kind of report says, and how each counts, ranks and shortens findings.

Pure: nothing here reads a clock, a database or a file.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from operator import itemgetter
from typing import Any

from cloudsealed.reports.language import worded
from cloudsealed.reports.model import Document, Finding, ReportSource, matches
from cloudsealed.resources.naming import called
from cloudsealed.vocabulary import FindingStatus, ReportKind, Severity

LISTED = 50
"""Resources shown at most in a group of the plan, findings as evidence of a control."""
LISTED_IN_ALL = 5_000
"""Rows that groups or controls share when there are many: a PDF needs about 0.1 MB each."""
_NOTHING = Decimal(0)
_FIRST = itemgetter(0)
Badness = tuple[int, Decimal, str]
_RANKS = {severity.value: severity.rank for severity in Severity}
WORST_FIRST = tuple(reversed(Severity))
_TITLES = {
    ReportKind.EXECUTIVE_SUMMARY: worded("Executive summary"),
    ReportKind.REMEDIATION_PLAN: worded("Remediation plan"),
    ReportKind.COMPLIANCE_EVIDENCE: worded("Compliance evidence"),
}


class Worst:
    """Keeps the `most` worst findings of any number: by severity, then savings, then id."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[tuple[Badness, Finding]] = []
        self.seen = 0

    def add(self, finding: Finding) -> None:
        """Take a finding into account."""
        self.seen += 1
        place, kept = badness(finding), self._kept
        if len(kept) == self._most:
            if place > kept[-1][0]:
                return
            kept.pop()
        insort(kept, (place, finding), key=_FIRST)

    def sorted(self) -> list[Finding]:
        """Return the worst so far, the worst first."""
        return [finding for _place, finding in self._kept]

    def briefs(self, most: int) -> tuple[list[Document], int]:
        """Return at most `most` of them, and how many more there are."""
        shown = self.sorted()[:most]
        return [brief(finding) for finding in shown], self.seen - len(shown)


class Savings:
    """Sums savings a currency; amounts of unlike currencies are never added."""

    def __init__(self) -> None:
        self._sums: dict[str, Decimal] = {}
        self.priced = 0

    def add(self, finding: Finding) -> None:
        """Take a finding into account, if it has a price."""
        money = finding["monthly_savings"]
        if money is not None:
            self.priced += 1
            self._add(money["currency"], Decimal(money["amount"]))

    def merge(self, other: Savings) -> None:
        """Take what another has summed into account."""
        self.priced += other.priced
        for currency, amount in other._sums.items():
            self._add(currency, amount)

    def _add(self, currency: str, amount: Decimal) -> None:
        self._sums[currency] = self._sums.get(currency, _NOTHING) + amount

    def total(self) -> list[dict[str, str]]:
        """Return the sum of each currency, `amount` as text."""
        return [
            {"amount": str(self._sums[currency]), "currency": currency}
            for currency in sorted(self._sums)
        ]


def heading(
    kind: ReportKind, source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None
) -> Document:
    """Return what every document begins with."""
    audit = source.audit
    copied = ("id", "kind", "created_at", "finished_at", "coverage", "verdict_digest")
    return {
        "object": "report_document",
        "kind": kind.value,
        "title": _TITLES[kind],
        "language": source.look.language,
        "organisation": source.look.organisation,
        "public_url": source.look.public_url,
        "tenant": source.tenant,
        "audit": {
            **{name: audit[name] for name in copied},
            "accounts": _accounts(audit["accounts"]),
            "aliases": _aliases(audit["accounts"]),
        },
        "seal": dict(source.seal) if source.seal is not None else None,
        "filters": {name: list(values) for name, values in (filters or {}).items()},
    }


def _accounts(targets: Iterable[Mapping[str, Any]] | None) -> list[str]:
    return sorted({t["account"] for t in targets or () if t["account"] is not None})


def _aliases(targets: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    return {t["account"]: t["alias"] for t in targets or () if t["account"] and t.get("alias")}


def open_of(
    findings: Iterable[Finding], filters: Mapping[str, tuple[str, ...]], statuses: Counter[str]
) -> Iterator[Finding]:
    """Yield what is open, counting all that the filters take by status."""
    for finding in findings:
        if matches(finding, filters):
            statuses[finding["status"]] += 1
            if finding["status"] == FindingStatus.OPEN:
                yield finding


def counted(statuses: Counter[str]) -> dict[str, int]:
    """Return how many findings have each status."""
    return {status.value: statuses[status] for status in FindingStatus}


def badness(finding: Finding) -> Badness:
    """Return the place of a finding among others: the least is the worst."""
    money = finding["monthly_savings"]
    savings = Decimal(money["amount"]) if money is not None else _NOTHING
    return -_RANKS[finding["severity"]], -savings, finding["id"]


def brief(finding: Finding) -> Document:
    """Return a finding as a row of a table shows it."""
    resource, triage = finding["resource"], finding["triage"]
    return {
        "finding_id": finding["id"],
        "severity": finding["severity"],
        "dimension": finding["dimension"],
        "title": finding["title"],
        "called": called(resource),
        "policy": finding["policy"]["key"],
        "resource": {
            name: resource[name]
            for name in ("id", "type", "native_id", "name", "account", "region")
        },
        "monthly_savings": finding["monthly_savings"],
        "triage": triage["state"] if triage is not None else None,
        "first_seen_at": finding["first_seen_at"],
    }


def share(parts: int) -> int:
    """Return how many rows each of so many groups or controls may show."""
    return min(LISTED, max(1, LISTED_IN_ALL // max(1, parts)))
