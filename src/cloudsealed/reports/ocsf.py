"""Compliance evidence as OCSF 1.6 JSON Lines: events of the class Compliance Finding (2003) with
the profile Cloud, one for each control, policy and resource, one for a control that nobody judged.

The schema is OCSF's (schema.ocsf.io, 1.6.0). Ids are UUIDs of what they name, so that the same
audit gives the same bytes. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid5

from cloudsealed import __version__
from cloudsealed.collectors.providers import PROVIDERS
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.reports.model import Document, Observation, ReportSource
from cloudsealed.reports.observed import exception, observed, reason
from cloudsealed.vocabulary import FIRST_PROVIDER, Outcome, Provider, Severity

VERSION = "1.6.0"
_SPACE = UUID("5a7d0c7e-4ab1-5a2c-9c1e-2d7a3c6f0b41")
_CLASS, _CATEGORY, _CREATE = 2003, 2, 1
_NEW, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
_INFORMATIONAL, _UNKNOWN = (1, "Informational"), (0, "Unknown")
_SEVERITIES: Mapping[str, tuple[int, str]] = {
    Severity.INFO: _INFORMATIONAL,
    Severity.LOW: (2, "Low"),
    Severity.MEDIUM: (3, "Medium"),
    Severity.HIGH: (4, "High"),
    Severity.CRITICAL: (5, "Critical"),
}
_VERDICTS: Mapping[str, tuple[int, str]] = {
    Outcome.PASS: (1, "Pass"),
    Outcome.FAIL: (3, "Fail"),
    Outcome.UNKNOWN: (0, "Unknown"),
    Outcome.NOT_APPLICABLE: (99, "Not applicable"),
}
"""`status_id` and `status` of the objects compliance and check."""


def lines(
    document: Document, source: ReportSource, filters: Mapping[str, tuple[str, ...]]
) -> Iterator[bytes]:
    """Yield an event a line, as canonical JSON."""
    events = _Events(document, source)
    for observation in observed(source, filters):
        for control in observation["controls"]:
            yield canonical(events.verdict(observation, control["control"])) + b"\n"
    for control in document["controls"]:
        if control["vouched_by"] == "person":
            yield canonical(events.not_judged(control)) + b"\n"


class _Events:
    """Makes the events of one audit and framework."""

    def __init__(self, document: Document, source: ReportSource) -> None:
        self._source = source
        self._audit = document["audit"]
        self._seal = document["seal"]
        framework = document["framework"]
        self._framework = framework["key"]
        about = (source.framework or {}).get("provider", FIRST_PROVIDER)
        self._cloud = PROVIDERS[Provider(about)].title
        self._standards = [f"{framework['title']} {framework['version']}"]
        self._controls = {control["id"]: control for control in document["controls"]}
        self._finished = _milliseconds(self._audit["finished_at"])

    def verdict(self, observation: Observation, control: str) -> Document:
        """Return the event of one verdict, for one of the controls that its policy serves."""
        policy, resource = observation["policy"], observation["resource"]
        said = self._source.policies.get(policy["key"], {}).get("spec", {})
        observed_at = _milliseconds(observation["observed_at"])
        outcome = observation["outcome"]
        detail = observation["title"] or "; ".join(map(reason, observation["reasons"]))
        return {
            **self._base(observed_at, (control, observation["fingerprint"])),
            **self._severity(observation),
            **self._state(observation),
            "message": detail or said.get("title", policy["key"]),
            "compliance": {
                **self._compliance(control, _VERDICTS[outcome]),
                **({"status_detail": detail} if detail else {}),
                "checks": [self._check(observation, said)],
            },
            "finding_info": _finding_info(observation, said, observed_at),
            "resources": [_resource(resource)],
            "cloud": _cloud(resource),
            **_remediation(said, outcome),
            **_evidences(observation),
            "unmapped": self._unmapped(observation),
        }

    def not_judged(self, control: Mapping[str, Any]) -> Document:
        """Return the event of a control that no program judged: a person has to."""
        name, ident = control["status"].replace("_", " ").capitalize(), control["id"]
        return {
            **self._base(self._finished, (ident,)),
            "severity_id": _UNKNOWN[0],
            "severity": _UNKNOWN[1],
            "message": control["statement"],
            "compliance": {
                **self._compliance(ident, (99, name)),
                "status_detail": control["statement"],
            },
            "finding_info": {
                "uid": f"{self._framework}/{ident}",
                "title": control["title"],
                "types": [control["status"]],
            },
            "cloud": {"provider": self._cloud},
            "unmapped": self._sealed(),
        }

    def _base(self, time: int, named: Sequence[str]) -> Document:
        audit = self._audit["id"]
        return {
            "activity_id": _CREATE,
            "activity_name": "Create",
            "category_uid": _CATEGORY,
            "category_name": "Findings",
            "class_uid": _CLASS,
            "class_name": "Compliance Finding",
            "type_uid": _CLASS * 100 + _CREATE,
            "type_name": "Compliance Finding: Create",
            "time": time,
            "metadata": {
                "version": VERSION,
                "profiles": ["cloud"],
                "product": {
                    "name": "CloudSealed",
                    "vendor_name": "CloudSealed",
                    "version": __version__,
                },
                "uid": str(uuid5(_SPACE, canonical([audit, self._framework, *named]).decode())),
                "correlation_uid": audit,
                "logged_time": self._finished,
            },
        }

    def _compliance(self, control: str, verdict: tuple[int, str]) -> Document:
        return {
            "standards": self._standards,
            "control": control,
            "requirements": [self._controls[control]["title"]],
            "status_id": verdict[0],
            "status": verdict[1],
        }

    def _check(self, observation: Observation, said: Mapping[str, Any]) -> Document:
        policy = observation["policy"]
        verdict, severity = _VERDICTS[observation["outcome"]], _SEVERITIES[observation["severity"]]
        return {
            "uid": policy["key"],
            "name": said.get("title", policy["key"]),
            "version": str(policy["version"]),
            "severity_id": severity[0],
            "severity": severity[1],
            "status_id": verdict[0],
            "status": verdict[1],
            "standards": self._standards,
            **({"desc": said["description"]} if said.get("description") else {}),
        }

    def _severity(self, observation: Observation) -> Document:
        """What failed has a severity of its own; that of what was not read is unknown."""
        severity = {
            Outcome.FAIL: _SEVERITIES[observation["severity"]],
            Outcome.UNKNOWN: _UNKNOWN,
        }.get(observation["outcome"], _INFORMATIONAL)
        return {"severity_id": severity[0], "severity": severity[1]}

    def _state(self, observation: Observation) -> Document:
        if observation["outcome"] != Outcome.FAIL:
            return {}
        finding = observation["finding"] or {}
        state = _RESOLVED if finding.get("status") == "resolved" else _NEW
        if exception(observation, self._source) is not None or finding.get("yields_to"):
            state = _SUPPRESSED
        return {"status_id": state[0], "status": state[1]}

    def _unmapped(self, observation: Observation) -> Document:
        version = self._source.policies.get(observation["policy"]["key"], {})
        accepted = exception(observation, self._source)
        return {
            **self._sealed(),
            "policy_sha256": version.get("digest"),
            "snapshot_sha256": observation["snapshot"],
            "answers": observation["answers"],
            **({"exception": accepted} if accepted else {}),
        }

    def _sealed(self) -> Document:
        seal = self._seal or {}
        return {
            "audit_id": self._audit["id"],
            "verdict_sha256": self._audit["verdict_digest"],
            "seal_root_sha256": seal.get("root"),
            "seal_sequence": seal.get("sequence"),
        }


def _finding_info(observation: Observation, said: Mapping[str, Any], observed_at: int) -> Document:
    finding = observation["finding"]
    first = _milliseconds(finding["first_seen_at"]) if finding else observed_at
    return {
        "uid": observation["fingerprint"],
        "title": observation["title"] or said.get("title", observation["policy"]["key"]),
        "types": [observation["dimension"]],
        "created_time": first,
        "first_seen_time": first,
        "last_seen_time": observed_at,
        **({"uid_alt": finding["id"]} if finding else {}),
        **({"desc": said["description"]} if said.get("description") else {}),
    }


def _resource(resource: Mapping[str, Any]) -> Document:
    return {
        "uid": resource["native_id"],
        "type": resource["type"],
        "region": resource["region"],
        "cloud_partition": _partition(resource),
        **({"name": resource["name"]} if resource["name"] else {}),
    }


def _cloud(resource: Mapping[str, Any]) -> Document:
    known = PROVIDERS[Provider(resource["provider"])]
    kind, number = known.account_type
    return {
        "provider": known.title,
        "region": resource["region"],
        "cloud_partition": _partition(resource),
        "account": {"uid": resource["account"], "type": kind, "type_id": number},
    }


def _partition(resource: Mapping[str, Any]) -> str:
    """Return the partition that an ARN names: its second part."""
    parts = resource["native_id"].split(":", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "arn" else str(resource["provider"])


def _remediation(said: Mapping[str, Any], outcome: str) -> Document:
    remedy = said.get("remediation")
    if outcome != Outcome.FAIL or not remedy:
        return {}
    references = list(said.get("references") or ())
    cited = {"references": references} if references else {}
    return {"remediation": {"desc": remedy["summary"], **cited}}


def _evidences(observation: Observation) -> Document:
    found = [
        {"name": item["path"], "data": {"path": item["path"], "value": item["value"]}}
        for item in observation["evidence"]
    ]
    return {"evidences": found} if found else {}


def _milliseconds(moment: str) -> int:
    return round(parse_rfc3339(moment).timestamp() * 1000)
