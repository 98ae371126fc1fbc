"""Compliance evidence: each control of a framework, how it stands and what shows it.

The document, which the PDF shows, has a sample of what was observed; the JSON file has all of it,
and so have OSCAL and OCSF. Observations are read from their source, never kept. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from cloudsealed.kit.canonical import canonical
from cloudsealed.reports import ocsf, oscal
from cloudsealed.reports.kinds.parts import LISTED_IN_ALL, counted, heading
from cloudsealed.reports.model import Built, Document, Observation, ReportSource, written
from cloudsealed.reports.observed import exception, observed, reason
from cloudsealed.vocabulary import Outcome, ReportKind, Responsibility, Severity

SAMPLED: Mapping[Outcome, int] = {Outcome.FAIL: 10, Outcome.UNKNOWN: 5, Outcome.PASS: 3}
"""Resources of a policy that the document shows at most, by outcome."""
EXCEPTIONS = 500
"""Exceptions that the document shows at most."""
_SHOWN = {"evidence": 3, "reasons": 3, "answers": 4}
_LONGEST = 120
_STATEMENTS = {
    "passing": "Every policy of this control passed on every resource that it applies to.",
    "failing": "At least one resource fails a policy of this control.",
    "unknown": "Nothing failed, but part of what this control needs could not be read.",
    "manual": "No program can judge this control: a person has to attest it.",
    "not_assessed": "No policy covers this control: this report says nothing about it.",
}
_UNUSED = "The policies of this control were not part of the audit: this report says nothing of it."
_INHERITED = "The provider alone answers for this control: its own audit reports are the evidence."
_NOTHING = "There was nothing that the policies of this control apply to: nothing was judged."
_JUDGED = ("passing", "failing", "unknown")


def build(source: ReportSource, filters: Mapping[str, tuple[str, ...]] | None = None) -> Built:
    """Return each control of the framework, how it stands and what shows it.

    Raises ValueError when the source has no framework.
    """
    framework = source.framework
    if framework is None:
        raise ValueError("compliance evidence needs a framework")
    seen = _Seen(source, filters or {})
    controls = [_control(control, source.policies) for control in framework["controls"]]
    document = {
        **heading(ReportKind.COMPLIANCE_EVIDENCE, source, filters),
        "collected": _collected(source),
        "findings": counted(seen.statuses),
        "framework": {name: framework.get(name) for name in ("key", "title", "version", "source")},
        "summary": {s: sum(control["status"] == s for control in controls) for s in _STATEMENTS},
        "statements": _STATEMENTS,
        "sections": list(framework.get("sections", ())),
        "controls": controls,
        "policies": seen.policies(framework["controls"]),
        "exceptions": {"total": seen.accepted, "shown": seen.exceptions},
    }
    files = {
        "json": _whole(document, source, filters or {}),
        "oscal": oscal.pieces(document, source, filters or {}),
        "ocsf": ocsf.lines(document, source, filters or {}),
    }
    return Built(document, files)


def _collected(source: ReportSource) -> Document:
    """Return from where and when the evidence is: accounts with their regions, services, period."""
    targets = [t for t in source.audit["accounts"] or () if t["account"] is not None]
    places = [
        {
            **{name: target.get(name) for name in ("account", "alias")},
            **{name: list(target.get(name) or ()) for name in ("regions", "left_out")},
        }
        for target in targets
    ]
    return {
        "places": sorted(places, key=lambda place: (place["account"], place["regions"])),
        "services": list(source.collected.get("services", ())),
        "first_call_at": source.collected.get("first_call_at"),
        "last_call_at": source.collected.get("last_call_at"),
    }


def _control(control: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]) -> Document:
    counts = [policies[key]["counts"] for key in control["policies"] if key in policies]
    status, statement = control["status"], _STATEMENTS[control["status"]]
    if status == "not_assessed" and control["policies"]:
        statement = _NOTHING if counts else _UNUSED
    elif status == "not_assessed" and control["responsibility"] == Responsibility.PROVIDER:
        statement = _INHERITED
    return {
        "id": control["id"],
        "title": control["title"],
        "section": control.get("section"),
        "status": status,
        "responsibility": control["responsibility"],
        "statement": statement,
        "vouched_by": "policies" if status in _JUDGED else "person",
        "policies": list(control["policies"]),
        "counts": {o.value: sum(c.get(o, 0) for c in counts) for o in Outcome},
    }


class _Seen:
    """What one reading of the observations tells: samples, exceptions, how the findings stand."""

    def __init__(self, source: ReportSource, filters: Mapping[str, tuple[str, ...]]) -> None:
        self._source = source
        self._samples: dict[tuple[str, str], Sample] = {}
        self.statuses: Counter[str] = Counter()
        self.exceptions: list[Document] = []
        self.accepted = 0
        for observation in observed(source, filters):
            self._add(observation)

    def _add(self, observation: Observation) -> None:
        key, outcome = observation["policy"]["key"], Outcome(observation["outcome"])
        if outcome in SAMPLED:
            sample = self._samples.setdefault((key, outcome), Sample(SAMPLED[outcome]))
            sample.add(observation)
        if observation["finding"] is not None:
            self.statuses[observation["finding"]["status"]] += 1
        accepted = exception(observation, self._source)
        if accepted is not None:
            self.accepted += 1
            if self.accepted <= EXCEPTIONS:
                self.exceptions.append(_exception(observation, accepted))

    def policies(self, controls: Sequence[Mapping[str, Any]]) -> dict[str, Document]:
        """Return the policies of the controls, by key, in the order in which they serve them."""
        served: dict[str, list[str]] = {}
        for control in controls:
            for key in control["policies"]:
                served.setdefault(key, []).append(control["id"])
        most = max(1, LISTED_IN_ALL // max(1, 2 * len(served)))
        return {key: self._policy(key, served[key], most) for key in served}

    def _policy(self, key: str, controls: list[str], most: int) -> Document:
        version = self._source.policies.get(key)
        samples = {o.value: self._samples.get((key, o), Sample(0)).briefs(most) for o in SAMPLED}
        said: Mapping[str, Any] = version["spec"] if version else {}
        counts = version["counts"] if version else {}
        return {
            "key": key,
            "title": said.get("title", key),
            "version": version["version"] if version else None,
            "digest": version["digest"] if version else None,
            "severity": said.get("severity"),
            "controls": controls,
            "counts": {o.value: counts.get(o, 0) for o in Outcome},
            "unread": counts.get("unread", 0),
            "samples": samples,
        }


class Sample:
    """Keeps at most so many observations of any number: the worst, and among equals the ones whose
    fingerprints are the lowest, which nobody chooses and everybody finds again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[Observation] = []

    def add(self, observation: Observation) -> None:
        """Take an observation into account."""
        self._kept.append(observation)
        if len(self._kept) >= 4 * self._most:
            self._kept = self._sorted()

    def briefs(self, most: int) -> list[Document]:
        """Return at most `most` of them, as rows of a table show them."""
        return [_brief(observation) for observation in self._sorted()[:most]]

    def _sorted(self) -> list[Observation]:
        return sorted(self._kept, key=_worst_first)[: self._most]


def _worst_first(observation: Observation) -> tuple[int, str]:
    failing = observation["outcome"] == Outcome.FAIL
    rank = Severity(observation["severity"]).rank if failing else 0
    return -rank, observation["fingerprint"]


def _brief(observation: Observation) -> Document:
    finding = observation["finding"]
    answers = observation["answers"]
    return {
        "resource": observation["resource"],
        "severity": observation["severity"],
        "title": observation["title"],
        "evidence": [
            {"path": item["path"], "value": _short(item["value"])}
            for item in observation["evidence"][: _SHOWN["evidence"]]
        ],
        "reasons": [_short(reason(r)) for r in observation["reasons"][: _SHOWN["reasons"]]],
        "observed_at": observation["observed_at"],
        "snapshot": observation["snapshot"],
        "answers": answers[: _SHOWN["answers"]],
        "more_answers": max(0, len(answers) - _SHOWN["answers"]),
        "finding_id": finding["id"] if finding else None,
    }


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _exception(observation: Observation, accepted: Document) -> Document:
    return {
        **accepted,
        "finding_id": observation["finding"]["id"] if observation["finding"] else None,
        "policy": observation["policy"]["key"],
        "controls": [control["control"] for control in observation["controls"]],
        "severity": observation["severity"],
        "resource": observation["resource"],
    }


def _whole(
    document: Document, source: ReportSource, filters: Mapping[str, tuple[str, ...]]
) -> Iterator[bytes]:
    """Yield the document with every observation in it."""
    yield written(document).removesuffix(b"\n}\n") + b',\n  "observations": ['
    between = b"\n    "
    for observation in observed(source, filters):
        yield between + canonical(observation)
        between = b",\n    "
    yield b"\n  ]\n}\n"
