"""What an audit's observation does to a finding: one table, pure, the same for every audit.

An observation is of a moment (the time of collection, then the audit). The newest that settles
anything decides a finding's status; an older one changes nothing. So partial audits, reanalyses of
old ones and overlapping ones never rewrite the present, whatever the order in which they finish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cloudsealed.findings.model import Finding, Moment, ResourceRef
from cloudsealed.vocabulary import Dimension, FindingStatus, Outcome, Resolution, Severity


@dataclass(frozen=True, slots=True)
class Seen:
    """What one audit says of one fingerprint at one moment.

    `outcome` None means that the resource is missing from a listing that ended complete. For a
    fail, the rest says how the finding now looks.
    """

    moment: Moment
    outcome: Outcome | None
    policy_version: int
    severity: Severity
    base_severity: Severity
    title: str = ""
    evidence: Sequence[Mapping[str, Any]] = ()
    classified_by: Mapping[str, Any] | None = None
    suppressed: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a new finding is about."""

    id: str
    fingerprint: str
    policy_id: str
    connection_id: str
    dimension: Dimension
    resource: ResourceRef


def reconcile(
    finding: Finding | None, seen: Seen, subject: Subject | None = None
) -> Finding | None:
    """Return the finding after an observation; None while there is none.

    `subject` is needed where a fail may open a finding.
    """
    if finding is None:
        return _opened(seen, subject) if seen.outcome is Outcome.FAIL and subject else None
    if seen.outcome is Outcome.UNKNOWN:
        return _looked(finding, seen, Outcome.UNKNOWN)
    if seen.moment < finding.decided:
        return finding
    if seen.outcome is Outcome.FAIL:
        return _failing(finding, seen)
    return _resolved(finding, seen, _why(finding, seen))


def _why(finding: Finding, seen: Seen) -> Resolution:
    if seen.outcome is None:
        return Resolution.RESOURCE_DELETED
    if seen.outcome is Outcome.NOT_APPLICABLE and seen.policy_version != finding.policy_version:
        return Resolution.POLICY_CHANGED
    return Resolution.FIXED


def withdrawn(finding: Finding, moment: Moment) -> Finding:
    """Return a finding whose policy was disabled or deleted by `moment`."""
    if finding.status is FindingStatus.RESOLVED or moment < finding.decided:
        return finding
    return replace(
        finding,
        status=FindingStatus.RESOLVED,
        resolution=Resolution.POLICY_CHANGED,
        resolved_at=moment.at,
        decided=moment,
    )


def _opened(seen: Seen, subject: Subject) -> Finding:
    return Finding(
        id=subject.id,
        fingerprint=subject.fingerprint,
        policy_id=subject.policy_id,
        policy_version=seen.policy_version,
        connection_id=subject.connection_id,
        dimension=subject.dimension,
        title=seen.title,
        resource=subject.resource,
        severity=seen.severity,
        base_severity=seen.base_severity,
        classified_by=seen.classified_by,
        status=FindingStatus.SUPPRESSED if seen.suppressed else FindingStatus.OPEN,
        resolution=None,
        evidence=tuple(seen.evidence),
        triage=None,
        last_observation=Outcome.FAIL,
        audit_id=seen.moment.audit_id,
        decided=seen.moment,
        looked=seen.moment,
        first_seen_at=seen.moment.at,
        last_seen_at=seen.moment.at,
        resolved_at=None,
    )


def _failing(finding: Finding, seen: Seen) -> Finding:
    return replace(
        _looked(finding, seen, Outcome.FAIL),
        policy_version=seen.policy_version,
        title=seen.title,
        severity=seen.severity,
        base_severity=seen.base_severity,
        classified_by=seen.classified_by,
        status=FindingStatus.SUPPRESSED if seen.suppressed else FindingStatus.OPEN,
        resolution=None,
        resolved_at=None,
        evidence=tuple(seen.evidence),
        audit_id=seen.moment.audit_id,
        decided=seen.moment,
        last_seen_at=seen.moment.at,
    )


def _resolved(finding: Finding, seen: Seen, why: Resolution) -> Finding:
    outcome = seen.outcome or finding.last_observation
    looked = _looked(finding, seen, outcome)
    if finding.status is FindingStatus.RESOLVED:
        return replace(looked, decided=seen.moment)
    return replace(
        looked,
        status=FindingStatus.RESOLVED,
        resolution=why,
        resolved_at=seen.moment.at,
        decided=seen.moment,
    )


def _looked(finding: Finding, seen: Seen, outcome: Outcome) -> Finding:
    if seen.moment < finding.looked:
        return finding
    return replace(finding, last_observation=outcome, looked=seen.moment)
