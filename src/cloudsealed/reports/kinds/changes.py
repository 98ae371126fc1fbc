"""What changed since the audit before: what opened, came back and went away, and the worst of it.

Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from cloudsealed.reports.kinds.parts import WORST_FIRST, Worst
from cloudsealed.reports.model import Comparison, Document, Finding, matches
from cloudsealed.vocabulary import FindingStatus

SHOWN = 3
"""New findings that are named."""


class Changes:
    """Compares findings with the audit before, if there is one."""

    def __init__(self, since: Comparison | None) -> None:
        self._since = since
        self._opened: Counter[str] = Counter()
        self._reopened: Counter[str] = Counter()
        self._worst = Worst(SHOWN)

    def add(self, finding: Finding) -> None:
        """Take an open finding into account."""
        if self._since is None or finding["id"] not in self._since.entered:
            return
        if finding["first_seen_at"] < self._since.clock:
            self._reopened[finding["severity"]] += 1
        else:
            self._opened[finding["severity"]] += 1
            self._worst.add(finding)

    def document(self, filters: Mapping[str, tuple[str, ...]]) -> Document | None:
        """Return what changed, counted by severity; None for the first audit of its scope."""
        if self._since is None:
            return None
        resolved: Counter[str] = Counter()
        unjudged = 0
        for finding in self._since.left:
            if matches(finding, filters):
                gone = finding["status"] == FindingStatus.RESOLVED
                resolved[finding["severity"]] += gone
                unjudged += finding["status"] == FindingStatus.OPEN
        worst, more = self._worst.briefs(SHOWN)
        return {
            "audit_id": self._since.audit["id"],
            "finished_at": self._since.audit["finished_at"],
            "opened": _by_severity(self._opened),
            "reopened": _by_severity(self._reopened),
            "resolved": _by_severity(resolved),
            "not_judged": unjudged,
            "worst": worst,
            "more": more,
        }


def _by_severity(counts: Counter[str]) -> dict[str, int]:
    return {severity.value: counts[severity] for severity in WORST_FIRST}
