"""Which observations a report takes, why one is unknown, and who accepted one that fails. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudsealed.reports.model import Document, Observation, ReportSource, matches
from cloudsealed.vocabulary import FindingStatus, Outcome, TriageState

_ACCEPTING = (TriageState.ACCEPTED_RISK, TriageState.FALSE_POSITIVE)


def observed(source: ReportSource, filters: Mapping[str, tuple[str, ...]]) -> Iterator[Observation]:
    """Yield every observation that the filters take: they look at it as at a finding."""
    return (item for item in source.observations if matches(item, filters))


def reason(why: Mapping[str, Any]) -> str:
    """Return in words why an outcome is unknown."""
    if why["kind"] == "call":
        return f"{why['service']}:{why['operation']} {why['outcome']} ({why['region']})"
    if why["kind"] == "out_of_scope":
        regions = ", ".join(why["regions"])
        return f"{why['type']} out of scope in {why['account']} ({regions})"
    return str(why["message"])


def exception(observation: Observation, source: ReportSource) -> Document | None:
    """Return why a failing resource is an exception (kind, reason, by, person, at, until, over),
    None if it is none. A person's decision counts before a classification's.

    `by` is who decided, or the classification; `person` who decided or wrote that, and `at` when,
    as far as that is known; `over` is one that had ended when the audit did.
    """
    if observation["outcome"] != Outcome.FAIL:
        return None
    finding = observation["finding"] or {}
    decided = _decided(finding.get("triage")) or _suppressed(observation, finding, source)
    if decided is None:
        return None
    until = decided["until"]
    return {**decided, "over": until is not None and until <= source.audit["finished_at"]}


def _decided(triage: Mapping[str, Any] | None) -> Document | None:
    if triage is None or triage["state"] not in _ACCEPTING:
        return None
    return {
        "kind": triage["state"],
        "reason": triage["note"],
        "by": triage["updated_by"],
        "person": triage["updated_by"],
        "at": triage["updated_at"],
        "until": triage["expires_at"],
    }


def _suppressed(
    observation: Observation, finding: Mapping[str, Any], source: ReportSource
) -> Document | None:
    status = finding.get("status")
    silenced = status == FindingStatus.SUPPRESSED and finding.get("yields_to") is None
    if not (silenced or (status is None and observation["suppressed"])):
        return None
    named = finding.get("classified_by") or observation["classified_by"] or {}
    version = source.policies.get(named.get("key", ""), {})
    known = version if version.get("version") == named.get("version") else {}
    said = known.get("spec", {})
    return {
        "kind": "classification",
        "reason": said.get("reason"),
        "by": named.get("key"),
        "person": known.get("written_by"),
        "at": known.get("written_at"),
        "until": said.get("expires_at"),
    }
