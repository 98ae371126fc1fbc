"""Which observations a report takes, why one is unknown, and who accepted one that fails. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cloudsealed.reports.model import Document, Observation, ReportSource, matches
from cloudsealed.vocabulary import FindingStatus, Outcome, TriageState

_WRITTEN = ("written_by", "written_at")
_NEVER = "~"  # after every time
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
    None if it is none. Of a person's decision and a classification the one that ends last counts,
    since until then it is one, and of equals the person's.

    `by` is who decided, or the classification; `person` who decided or wrote that, and `at` when,
    as far as that is known; `over` is one that had ended when the audit did.
    """
    if observation["outcome"] != Outcome.FAIL:
        return None
    finding = observation["finding"] or {}
    said = (_decided(finding.get("triage")), _suppressed(observation, finding, source))
    reasons = [each for each in said if each is not None]
    if not reasons:
        return None
    lasting = max(reasons, key=lambda each: each["until"] or _NEVER)
    until = lasting["until"]
    return {**lasting, "over": until is not None and until <= source.audit["finished_at"]}


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
    said = _said(named, source)
    return {
        "kind": "classification",
        "reason": said.get("reason"),
        "by": named.get("key"),
        "person": said.get("written_by"),
        "at": said.get("written_at"),
        "until": said.get("expires_at"),
    }


def _said(named: Mapping[str, Any], source: ReportSource) -> Mapping[str, Any]:
    """Return what a classification says in the version that is named, also one from after the
    audit (that is the one which counts), and who wrote that when, as far as it is known."""
    if not named:
        return {}
    judged = source.policies.get(named["key"], {})
    if judged.get("version") == named["version"]:
        return {**judged["spec"], **{name: judged.get(name) for name in _WRITTEN}}
    return source.classification(named["key"], named["version"])
