"""What an audit's observation does to a finding: one table, pure, the same for every audit.

An observation is of a moment (the time of collection, then the audit). The newest that settles
anything decides a finding's status. An older one, of a late audit, never does; it can
say when the last failure was, or the resolution after it. So partial audits, reanalyses of old ones
and overlapping ones never rewrite the present, whatever the order in which they finish. Which
findings yield to which is no part of it: `findings.yielding` derives that of what comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cloudsealed.findings.model import Finding, Moment, ResourceRef
from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.vocabulary import Dimension, FindingStatus, Outcome, Resolution, Severity


@dataclass(frozen=True, slots=True)
class Seen:
    """What one audit says of one fingerprint at one moment.

    `outcome` None means that the resource is missing from a listing that ended complete or, if
    `withdrawn`, that the policy is disabled or deleted; `withdrawn` is also a policy that does not
    apply because another owns the resource. For a fail, the rest says how the finding now looks;
    where `severity_open`, what decides its severity was not read: the policy's own stands there.
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
    withdrawn: bool = False
    severity_open: bool = False
    savings: Mapping[str, Any] | None = None


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
    finding: Finding | None, seen: Seen, subject: Subject | None = None, later: Sequence[Seen] = ()
) -> Finding | None:
    """Return the finding after an observation; None while there is none.

    `subject` is needed where a fail may open a finding. `later` is what newer audits that finished
    before this one said of the same fingerprint, oldest first.
    """
    if finding is None:
        opened = _opened(seen, subject) if seen.outcome is Outcome.FAIL and subject else None
        return _replayed(opened, later) if opened else None
    finding = _looked(finding, seen)
    if seen.outcome is Outcome.UNKNOWN:
        return finding
    if seen.moment < finding.decided:
        return _arrived_late(finding, seen, later)
    if seen.outcome is Outcome.FAIL:
        return _failing(finding, seen)
    return _resolved(finding, seen)


def grounded(finding: Finding, moment: Moment, horizon: str) -> Finding:
    """Return a finding without moments after `horizon`, the present: a clock that ran ahead gave
    them, and they come before `moment`, that of an audit of the present."""
    if max(finding.decided.at, finding.looked.at, finding.last_seen_at) <= horizon:
        return finding
    before = rfc3339(parse_rfc3339(moment.at) - timedelta(milliseconds=1))

    def past(at: str) -> str:
        return at if at <= horizon else before

    def settled(found: Moment) -> Moment:
        return Moment(past(found.at), found.audit_id)

    return replace(
        finding,
        decided=settled(finding.decided),
        looked=settled(finding.looked),
        resolved=settled(finding.resolved) if finding.resolved else None,
        first_seen_at=past(finding.first_seen_at),
        last_seen_at=past(finding.last_seen_at),
    )


def _replayed(finding: Finding, later: Sequence[Seen]) -> Finding:
    for seen in later:
        finding = reconcile(finding, seen) or finding
    return finding


def _arrived_late(finding: Finding, seen: Seen, later: Sequence[Seen]) -> Finding:
    if seen.moment <= finding.failed:
        return _weighed(finding, seen, later)
    if seen.outcome is Outcome.FAIL:  # the newest failure, and resolved by one of the later ones
        replayed = _replayed(_failing(finding, seen), later)
        if replayed.decided >= finding.decided:
            return replayed
        return replace(  # what decided it is no observation: its policy was withdrawn
            replayed,
            status=finding.status,
            yields_to=finding.yields_to,
            resolution=finding.resolution,
            resolved=finding.resolved,
            decided=finding.decided,
        )
    if finding.resolved is not None and seen.moment < finding.resolved:
        return replace(finding, resolution=_why(finding, seen), resolved=seen.moment)
    return finding


def _why(finding: Finding, seen: Seen) -> Resolution:
    if seen.withdrawn:
        return Resolution.POLICY_CHANGED
    if seen.outcome is None:
        return Resolution.RESOURCE_DELETED
    if seen.outcome is Outcome.NOT_APPLICABLE and seen.policy_version != finding.policy_version:
        return Resolution.POLICY_CHANGED
    return Resolution.FIXED


def withdrawal(moment: Moment) -> Seen:
    """Return what an audit says of every finding of a policy that was disabled or deleted."""
    return Seen(moment, None, 0, Severity.INFO, Severity.INFO, withdrawn=True)


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
        resolved=None,
        savings=seen.savings,
    )


def _failing(finding: Finding, seen: Seen) -> Finding:
    """Return the finding as it fails now; a severity that is open is what it was by that version
    of the policy."""
    base, severity = seen.base_severity, seen.severity
    if seen.severity_open and seen.policy_version == finding.policy_version:
        base = finding.base_severity
        severity = _severity(base, severity, seen.classified_by, seen.suppressed)
    return replace(
        finding,
        policy_version=seen.policy_version,
        title=seen.title,
        severity=severity,
        base_severity=base,
        classified_by=seen.classified_by,
        status=FindingStatus.SUPPRESSED if seen.suppressed else FindingStatus.OPEN,
        yields_to=None,
        resolution=None,
        resolved=None,
        evidence=tuple(seen.evidence),
        audit_id=seen.moment.audit_id,
        decided=seen.moment,
        last_seen_at=seen.moment.at,
        savings=seen.savings,
    )


def _severity(
    base: Severity, said: Severity, by: Mapping[str, Any] | None, suppressed: bool
) -> Severity:
    """Return what counts: `base`, unless a classification set another."""
    return base if by is None or suppressed else said


def _weighed(finding: Finding, seen: Seen, later: Sequence[Seen]) -> Finding:
    """Return the finding after a failure that is older than its newest: that gives the severity
    which those after it left open, if all are of its version."""
    fails = [each for each in later if each.outcome is Outcome.FAIL]
    if seen.outcome is not Outcome.FAIL or finding.failed not in (each.moment for each in fails):
        return finding
    base = None if seen.severity_open else seen.base_severity  # None: what those before gave
    for before, each in pairwise((seen, *fails)):
        if not each.severity_open or each.policy_version != before.policy_version:
            base = each.base_severity
    if base is None:
        return finding
    silent = finding.is_silenced or fails[-1].suppressed
    severity = _severity(base, finding.severity, finding.classified_by, silent)
    return replace(finding, base_severity=base, severity=severity)


def _resolved(finding: Finding, seen: Seen) -> Finding:
    if finding.status is FindingStatus.RESOLVED:
        return replace(finding, decided=seen.moment)
    return replace(
        finding,
        status=FindingStatus.RESOLVED,
        yields_to=None,
        resolution=_why(finding, seen),
        resolved=seen.moment,
        decided=seen.moment,
    )


def _looked(finding: Finding, seen: Seen) -> Finding:
    """Note the newest observation; what is missing or withdrawn was not observed."""
    if seen.outcome is None or seen.moment < finding.looked:
        return finding
    return replace(finding, last_observation=seen.outcome, looked=seen.moment)
