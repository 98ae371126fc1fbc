"""Each row of the rule: what one observation does to a finding that stands somewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cloudsealed.audits.steps.reconcile import Seen, Subject, reconcile, withdrawal
from cloudsealed.findings.model import Finding, Moment, ResourceRef, Triage
from cloudsealed.vocabulary import (
    Dimension,
    FindingStatus,
    Outcome,
    Resolution,
    Severity,
    TriageState,
)

OPEN, RESOLVED, SUPPRESSED = FindingStatus
SUBJECT = Subject(
    "fnd_1",
    "print",
    "pol_1",
    "con_1",
    Dimension.SECURITY,
    ResourceRef("res_1", "aws.sqs.queue", "arn:one", "one", "aws", "1", "eu-west-1"),
)


def at(number: int) -> Moment:
    return Moment(f"2026-01-01T00:00:{number:02d}.000Z", f"aud_{number}")


def seen(outcome: Outcome | None, number: int, **changes: Any) -> Seen:
    values: dict[str, Any] = {
        "moment": at(number),
        "outcome": outcome,
        "policy_version": 1,
        "severity": Severity.HIGH,
        "base_severity": Severity.HIGH,
        "title": f"title {number}",
        "evidence": ({"path": "x", "value": number},) if outcome is Outcome.FAIL else (),
    }
    return Seen(**(values | changes))


def finding(*observations: Seen) -> Finding:
    """Return the finding that fails at 10 and then met `observations`."""
    found = reconcile(None, seen(Outcome.FAIL, 10), SUBJECT)
    for each in observations:
        found = reconcile(found, each)
    assert found is not None
    return found


@pytest.mark.parametrize("outcome", [None, *(o for o in Outcome if o is not Outcome.FAIL)])
def test_only_a_fail_opens_a_finding(outcome: Outcome | None) -> None:
    assert reconcile(None, seen(outcome, 10), SUBJECT) is None


def test_a_fail_opens_a_finding_with_what_was_seen() -> None:
    opened = finding()
    assert (opened.status, opened.resolution, opened.resolved) == (OPEN, None, None)
    assert (opened.title, opened.severity, opened.policy_version) == ("title 10", Severity.HIGH, 1)
    assert opened.evidence == ({"path": "x", "value": 10},)
    assert opened.first_seen_at == opened.last_seen_at == at(10).at
    assert opened.decided == opened.looked == opened.failed == at(10)


def test_a_fail_of_what_a_classification_suppresses_opens_it_suppressed() -> None:
    opened = reconcile(None, seen(Outcome.FAIL, 10, suppressed=True), SUBJECT)
    assert opened is not None
    assert opened.status is SUPPRESSED


def test_a_fail_keeps_a_finding_open_and_brings_it_up_to_date() -> None:
    kept = finding(seen(Outcome.FAIL, 20, severity=Severity.LOW, policy_version=2))
    assert kept.status is OPEN
    assert (kept.severity, kept.policy_version, kept.title) == (Severity.LOW, 2, "title 20")
    assert kept.evidence == ({"path": "x", "value": 20},)
    assert (kept.first_seen_at, kept.last_seen_at) == (at(10).at, at(20).at)
    assert kept.audit_id == at(20).audit_id


def open_fail(number: int, **changes: Any) -> Seen:
    """Return a failure whose severity could not be read; the policy's own is info."""
    own = {"severity": Severity.INFO, "base_severity": Severity.INFO}
    return seen(Outcome.FAIL, number, severity_open=True, **own | changes)


def test_a_severity_that_was_not_read_stays_what_it_was_by_the_same_version() -> None:
    for kept in (finding(open_fail(20)), finding(seen(Outcome.PASS, 20), open_fail(30))):
        assert (kept.severity, kept.base_severity) == (Severity.HIGH, Severity.HIGH)
    changed = finding(open_fail(20, policy_version=2))
    assert (changed.severity, changed.base_severity) == (Severity.INFO, Severity.INFO)
    opened = reconcile(None, open_fail(10), SUBJECT)
    assert opened is not None
    assert (opened.severity, opened.base_severity) == (Severity.INFO, Severity.INFO)


def test_a_classification_counts_over_a_severity_that_was_not_read() -> None:
    by = {"key": "prod-is-critical", "version": 1}
    set_by = finding(open_fail(20, severity=Severity.CRITICAL, classified_by=by))
    assert (set_by.severity, set_by.base_severity) == (Severity.CRITICAL, Severity.HIGH)
    silent = finding(open_fail(20, classified_by=by, suppressed=True))
    assert (silent.severity, silent.base_severity) == (Severity.HIGH, Severity.HIGH)
    late = seen(Outcome.FAIL, 15, severity=Severity.LOW, base_severity=Severity.LOW)
    later = [open_fail(20, severity=Severity.CRITICAL, classified_by=by)]
    weighed = reconcile(set_by, late, later=later)
    assert weighed == replace(set_by, base_severity=Severity.LOW)


def test_a_fail_reopens_what_was_resolved() -> None:
    reopened = finding(seen(Outcome.PASS, 20), seen(Outcome.FAIL, 30))
    assert (reopened.status, reopened.resolution, reopened.resolved) == (OPEN, None, None)
    assert reopened.first_seen_at == at(10).at


@pytest.mark.parametrize(
    ("outcome", "version", "resolution"),
    [
        (Outcome.PASS, 1, Resolution.FIXED),
        (Outcome.PASS, 2, Resolution.FIXED),
        (Outcome.NOT_APPLICABLE, 1, Resolution.FIXED),
        (Outcome.NOT_APPLICABLE, 2, Resolution.POLICY_CHANGED),
        (None, 1, Resolution.RESOURCE_DELETED),
        (None, 2, Resolution.RESOURCE_DELETED),
    ],
)
def test_what_no_longer_fails_is_resolved_and_says_why(
    outcome: Outcome | None, version: int, resolution: Resolution
) -> None:
    resolved = finding(seen(outcome, 20, policy_version=version))
    assert (resolved.status, resolved.resolution) == (RESOLVED, resolution)
    assert resolved.resolved == at(20)
    assert resolved.evidence == finding().evidence
    assert resolved.last_seen_at == at(10).at


@pytest.mark.parametrize("suppressed", [False, True])
def test_a_suppressed_finding_is_resolved_like_an_open_one(suppressed: bool) -> None:
    found = finding(seen(Outcome.FAIL, 20, suppressed=suppressed), seen(Outcome.PASS, 30))
    assert (found.status, found.resolution) == (RESOLVED, Resolution.FIXED)


@pytest.mark.parametrize("later", [Outcome.PASS, Outcome.NOT_APPLICABLE, None])
def test_what_is_resolved_stays_resolved_for_its_first_reason(later: Outcome | None) -> None:
    once = finding(seen(Outcome.PASS, 20))
    twice = finding(seen(Outcome.PASS, 20), seen(later, 30, policy_version=2))
    assert (twice.status, twice.resolution, twice.resolved) == (
        once.status,
        once.resolution,
        once.resolved,
    )


@pytest.mark.parametrize("before", [(), (seen(Outcome.PASS, 20),)])
def test_unknown_changes_nothing_but_the_last_observation(before: tuple[Seen, ...]) -> None:
    known = finding(*before)
    after = finding(*before, seen(Outcome.UNKNOWN, 30, severity=Severity.LOW, policy_version=9))
    assert after == replace(known, last_observation=Outcome.UNKNOWN, looked=at(30))


def test_a_missing_resource_is_no_observation() -> None:
    assert finding(seen(None, 20)).last_observation is Outcome.FAIL


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_an_observation_older_than_the_newest_changes_nothing(outcome: Outcome | None) -> None:
    for known in (finding(), finding(seen(Outcome.FAIL, 20)), finding(seen(Outcome.PASS, 20))):
        old = seen(outcome, 5, severity=Severity.LOW, policy_version=7, suppressed=True)
        assert reconcile(known, old) == known


def test_a_reanalysis_of_the_same_moment_counts_as_the_newer_one() -> None:
    again = Moment(at(10).at, "aud_9")  # sorts after aud_10, at the same time of collection
    resolved = finding(seen(Outcome.PASS, 10, moment=again))
    assert resolved.status is RESOLVED
    assert reconcile(resolved, seen(Outcome.FAIL, 10)) == resolved


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_the_same_observation_twice_is_the_same_as_once(outcome: Outcome | None) -> None:
    once = finding(seen(outcome, 20))
    assert reconcile(once, seen(outcome, 20)) == once


@pytest.mark.parametrize("suppressed", [False, True])
def test_a_withdrawn_policy_resolves_its_findings(suppressed: bool) -> None:
    found = finding(seen(Outcome.FAIL, 20, suppressed=suppressed), withdrawal(at(30)))
    assert (found.status, found.resolution) == (RESOLVED, Resolution.POLICY_CHANGED)
    assert found.resolved == at(30)
    assert found.last_observation is Outcome.FAIL


def test_a_withdrawal_older_than_the_newest_verdict_changes_nothing() -> None:
    assert finding(withdrawal(at(5))) == finding()


def test_people_s_triage_survives_whatever_is_observed() -> None:
    triage = Triage(TriageState.FALSE_POSITIVE, "ann", "no", None, at(11).at, "usr_1")
    found: Finding | None = replace(finding(), triage=triage)
    story = [Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS, Outcome.FAIL, None, Outcome.FAIL]
    for number, outcome in enumerate(story, 20):
        found = reconcile(found, seen(outcome, number))
    assert found is not None
    assert (found.status, found.triage) == (OPEN, triage)
