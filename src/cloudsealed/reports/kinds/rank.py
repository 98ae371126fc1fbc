"""What comes first: the one order of an executive summary's causes and of a plan's steps.

What is ranked is the findings of one policy that have one severity: those of its lesser severities
never carry it forward. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from cloudsealed.packs import EFFORTS
from cloudsealed.reports.model import Finding
from cloudsealed.vocabulary import Severity

EFFORT_WEIGHTS: Mapping[str, int] = dict(zip(EFFORTS, (1, 3, 8), strict=True))
"""What a repair costs, by its policy's effort.

Our choice: each is two to three times the one before, in the manner of the sizes that teams give to
work. It is one repair, worked out once, however many resources need it.
"""
RISK_WEIGHTS: Mapping[str, int] = {severity.value: severity.weight for severity in Severity}
"""What repairing a finding removes: the weight of its severity in a score."""
_RANKS = {severity.value: severity.rank for severity in Severity}
_UNKNOWN_EFFORT = "medium"  # as of a tenant's own policy whose remediation does not say

Rank = tuple[int, int, Fraction, int, int]


def effort_of(remediation: Mapping[str, object] | None) -> str:
    """Return the effort of a repair."""
    return str((remediation or {}).get("effort") or _UNKNOWN_EFFORT)


def own_rank(finding: Finding) -> int:
    """Return how severe the policy itself calls a finding, whatever a classification made of it."""
    return _RANKS[finding.get("base_severity") or finding["severity"]]


def rank(*, severity: str, own: int, count: int, others: int, effort: str) -> Rank:
    """Return the place of `count` findings of one policy and severity: the least is the first.

    The severest come first; then those that the policy itself calls severest (`own`, the highest
    `own_rank` of them), as a classification may have made all of them equal; then those that remove
    the most risk per effort, then the most numerous, and then those of whose policy the fewest
    `others` of a lesser severity are left.
    """
    gain = Fraction(RISK_WEIGHTS[severity] * count, EFFORT_WEIGHTS[effort])
    return -_RANKS[severity], -own, -gain, -count, others
