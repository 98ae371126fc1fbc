"""Compliance evidence as OSCAL 1.2 assessment-results, in JSON, streamed.

An observation is what one policy found in one account and region, each resource a subject with its
verdict and the digests behind it; a finding is how one control stands. A control that could not be
determined is not satisfied for an `other` reason, which is how NIST SP 800-53A words "other than
satisfied"; one that nobody judged is left out of the reviewed controls and named there.

The model is NIST's (pages.nist.gov/OSCAL, Assessment Results). Texts are its Markdown, in which
names are escaped; ids are UUIDs of what they name: the same audit gives the same bytes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby
from typing import Any
from uuid import UUID, uuid5

from cloudsealed import __version__
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.markdown import text as plain
from cloudsealed.reports.model import Document, Observation, ReportSource
from cloudsealed.reports.observed import exception, observed, reason
from cloudsealed.vocabulary import Outcome, Severity

VERSION = "1.2.0"
NAMES = "https://cloudsealed.io/ns/oscal"
"""The namespace of our own properties."""
_SPACE = UUID("c3b4f0de-7a56-5d0b-8e0f-6a1d54a1c2d7")
_NOT_IN_A_TOKEN = re.compile(r"[^A-Za-z0-9._-]")
_STATES: Mapping[str, tuple[str, str]] = {
    "passing": ("satisfied", "pass"),
    "failing": ("not-satisfied", "fail"),
    "unknown": ("not-satisfied", "other"),
}
Cell = tuple[str, str, str]
"""Policy key, account, region: what one observation is about."""


def pieces(
    document: Document, source: ReportSource, filters: Mapping[str, tuple[str, ...]]
) -> Iterator[bytes]:
    """Yield the JSON of the assessment results, in pieces."""
    results = _Results(document, source)
    head = canonical({"metadata": results.metadata(), "uuid": results.id("document")})
    yield b'{"assessment-results":' + head[:-1]
    yield b',"import-ap":' + canonical({"href": f"#{results.id('plan')}"})
    yield b',"results":[' + canonical(results.result())[:-1]
    yield b',"local-definitions":{"components":[' + canonical(results.tool()) + b"]"
    yield from _array("inventory-items", results.items(observed(source, filters)))
    yield b"}"
    yield from _list("observations", results.observations(observed(source, filters)))
    yield from _array("risks", results.risks())
    yield from _array("findings", results.findings())
    yield b"}]" + b',"back-matter":' + canonical({"resources": results.resources()}) + b"}}\n"


def _array(name: str, values: Iterable[Document]) -> Iterator[bytes]:
    return _list(name, ((canonical(value),) for value in values))


def _list(name: str, values: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Yield a property that is a list of values in pieces; OSCAL has no empty list."""
    before = b',"%b":[\n' % name.encode()
    for value in values:
        yield before
        yield from value
        before = b",\n"
    if before == b",\n":
        yield b"]"


class _Results:
    """Makes the parts of one assessment; what it saw of observations is in its later parts."""

    def __init__(self, document: Document, source: ReportSource) -> None:
        self._document = document
        self._source = source
        self._audit = document["audit"]
        self._framework = document["framework"]
        self._cells: dict[str, list[str]] = {}
        self._failing: dict[str, _Failing] = {}

    def id(self, *named: str) -> str:
        """Return the UUID of what these names mean in this audit and framework."""
        return str(
            uuid5(_SPACE, canonical([self._audit["id"], self._framework["key"], *named]).decode())
        )

    def metadata(self) -> Document:
        organisation = self.id("organisation")
        return {
            "title": f"{plain(self._framework['title'])}: compliance evidence",
            "last-modified": self._audit["finished_at"],
            "version": self._audit["id"],
            "oscal-version": VERSION,
            "roles": [{"id": "vouching-party", "title": "Vouches for what no program can judge"}],
            "parties": [
                {
                    "uuid": organisation,
                    "type": "organization",
                    "name": line(self._document["tenant"]),
                }
            ],
            "responsible-parties": [{"role-id": "vouching-party", "party-uuids": [organisation]}],
        }

    def result(self) -> Document:
        audit = self._audit
        coverage = [] if audit["coverage"] is None else [prop("coverage", str(audit["coverage"]))]
        counted = self._document["summary"].items()
        return {
            "uuid": self.id("result"),
            "title": f"Audit {audit['id']}",
            "description": "What CloudSealed's policies found, control by control. A control is "
            "satisfied by the policies that are named with it, and by nothing else.",
            "start": audit["created_at"],
            "end": audit["finished_at"],
            "props": [
                *(prop(f"controls-{status}", str(count)) for status, count in counted),
                *coverage,
                *([prop("verdict-sha256", d)] if (d := audit["verdict_digest"]) else []),
            ],
            "reviewed-controls": self._reviewed(),
        }

    def _reviewed(self) -> Document:
        left = [c for c in self._document["controls"] if c["vouched_by"] == "person"]
        excluded = [{"control-id": self._control_id(c["id"])} for c in left]
        selection = {"include-all": {}, **({"exclude-controls": excluded} if excluded else {})}
        told = "\n\n".join(
            f"{plain(c['id'])} {plain(c['title'])}: {plain(c['statement'])}" for c in left
        )
        return {
            "description": f"The controls of {plain(self._framework['title'])} that were judged.",
            "control-selections": [selection],
            **({"remarks": told} if told else {}),
        }

    def tool(self) -> Document:
        return {
            "uuid": self.id("tool"),
            "type": "software",
            "title": "CloudSealed",
            "description": "Reads a cloud's configuration and judges it by policies.",
            "props": [{"name": "version", "value": __version__}],
            "status": {"state": "operational"},
        }

    def items(self, observations: Iterable[Observation]) -> Iterator[Document]:
        """Yield every resource that was examined, once."""
        seen: set[int] = set()  # of 8 bytes each, for there may be a million
        for observation in observations:
            resource = observation["resource"]
            ident = self._resource_id(resource)
            mark = int(ident[:8] + ident[24:32], 16)
            if mark not in seen:
                seen.add(mark)
                yield {
                    "uuid": ident,
                    "description": f"{plain(resource['type'])} of {plain(resource['account'])}",
                    "props": [
                        {"name": "asset-id", "value": line(resource["native_id"])},
                        *(prop(name, resource[name]) for name in _PLACE if resource[name]),
                    ],
                }

    def observations(self, observations: Iterable[Observation]) -> Iterator[Iterator[bytes]]:
        """Yield what each policy found in each account and region, each in pieces."""
        for cell, seen in groupby(observations, _cell):
            yield self._observation(cell, seen)

    def _observation(self, cell: Cell, seen: Iterator[Observation]) -> Iterator[bytes]:
        key, account, region = cell
        ident = self.id("observation", *cell)
        self._cells.setdefault(key, []).append(ident)
        version = self._source.policies.get(key, {})
        first = next(seen)
        head = {
            "uuid": ident,
            "title": plain(version.get("spec", {}).get("title", key)),
            "description": f"Policy {plain(key)} on each resource that it is about, in account "
            f"{plain(account)}, region {plain(region)}.",
            "props": [
                prop("policy", key),
                prop("policy-version", str(first["policy"]["version"])),
                *([prop("policy-sha256", version["digest"])] if version else []),
                prop("account", account),
                prop("region", region),
            ],
            "methods": ["EXAMINE"],
            "types": ["control-objective"],
            "origins": [{"actors": [self._actor()]}],
            "collected": first["observed_at"],
            "relevant-evidence": [
                {
                    "href": f"#{self.id('bundle')}",
                    "description": "The stored answers and snapshots that the subjects name by "
                    "their SHA-256: objects/ in the bundle.",
                }
            ],
        }
        yield canonical(head)[:-1]
        yield from _array("subjects", map(self._subject, chain([first], seen)))
        yield b"}"

    def _subject(self, observation: Observation) -> Document:
        outcome, accepted = observation["outcome"], exception(observation, self._source)
        if outcome == Outcome.FAIL:
            failing = self._failing.setdefault(observation["policy"]["key"], _Failing())
            failing.add(observation["severity"], accepted=accepted is not None)
        told = [
            *([observation["title"]] if observation["title"] else []),
            *(f"{item['path']} = {_value(item['value'])}" for item in observation["evidence"]),
            *map(reason, observation["reasons"]),
            *([_accepted(accepted)] if accepted else []),
        ]
        return {
            "subject-uuid": self._resource_id(observation["resource"]),
            "type": "inventory-item",
            "props": [
                prop("result", outcome),
                *([prop("severity", observation["severity"])] if outcome == Outcome.FAIL else []),
                *([prop("exception", accepted["kind"])] if accepted else []),
                prop("snapshot-sha256", observation["snapshot"]),
                *map(_answer, observation["answers"]),
            ],
            **({"remarks": "\n\n".join(map(plain, told))} if told else {}),
        }

    def risks(self) -> Iterator[Document]:
        """Yield a risk for each policy that something fails."""
        for key, failing in sorted(self._failing.items()):
            said = self._source.policies.get(key, {}).get("spec", {})
            remedy = said.get("remediation")
            facet = {"name": "severity", "system": NAMES, "value": failing.worst}
            yield {
                "uuid": self.id("risk", key),
                "title": plain(said.get("title", key)),
                "description": f"Resources that fail the policy {plain(key)}: {failing.count}, "
                f"of which accepted: {failing.accepted}.",
                "statement": plain(said.get("description") or said.get("title", key)),
                "props": [prop("policy", key)],
                "status": "deviation-approved" if failing.accepted == failing.count else "open",
                "characterizations": [{"origin": {"actors": [self._actor()]}, "facets": [facet]}],
                "related-observations": self._observed([key]),
                **({"remediations": [self._response(key, remedy)]} if remedy else {}),
            }

    def _response(self, key: str, remedy: Mapping[str, Any]) -> Document:
        return {
            "uuid": self.id("remediation", key),
            "lifecycle": "recommendation",
            "title": f"Repair what fails {plain(key)}",
            "description": plain(remedy["summary"]),
        }

    def findings(self) -> Iterator[Document]:
        """Yield how each control stands that was judged."""
        for control in self._document["controls"]:
            if control["status"] in _STATES:
                state, why = _STATES[control["status"]]
                observed = self._observed(control["policies"])
                risks = [k for k in control["policies"] if k in self._failing]
                title = f"{plain(control['id'])} {plain(control['title'])}"
                yield {
                    "uuid": self.id("finding", control["id"]),
                    "title": title,
                    "description": control["statement"],
                    "origins": [{"actors": [self._actor()]}],
                    "target": {
                        "type": "objective-id",
                        "target-id": self._control_id(control["id"]),
                        "title": title,
                        "props": [{"name": "label", "value": line(control["id"])}],
                        "status": {"state": state, "reason": why, "remarks": control["statement"]},
                    },
                    **({"related-observations": observed} if observed else {}),
                    **({"related-risks": self._risks(risks)} if risks else {}),
                }

    def resources(self) -> list[Document]:
        """Return what the parts refer to: the audit, its seal and bundle, the framework."""
        audit, seal = self._audit["id"], self._document["seal"] or {}
        sealed = [prop(n, str(seal[n])) for n in ("root", "sequence", "key_id") if n in seal]
        hashes = [{"algorithm": "SHA-256", "value": seal["digest"]}] if "digest" in seal else []
        link = {"href": f"/v1/audits/{audit}/seal", "media-type": "application/json"}
        return [
            {
                "uuid": self.id("plan"),
                "title": f"Plan of audit {audit}",
                "description": "The connections, scope and policies of the audit, as its JSON.",
                "rlinks": [{"href": f"/v1/audits/{audit}", "media-type": "application/json"}],
            },
            {
                "uuid": self.id("seal"),
                "title": f"Seal of audit {audit}",
                "description": "The signed root of a Merkle tree over the stored answers, "
                "snapshots, verdicts and policies.",
                **({"props": sealed} if sealed else {}),
                "rlinks": [{**link, **({"hashes": hashes} if hashes else {})}],
            },
            {
                "uuid": self.id("bundle"),
                "title": f"Bundle of audit {audit}",
                "description": "The seal, its leaves and all that they name: it verifies offline.",
                "rlinks": [{"href": f"/v1/audits/{audit}/bundle", "media-type": "application/zip"}],
            },
            {
                "uuid": self.id("framework"),
                "title": f"{plain(self._framework['title'])} {plain(self._framework['version'])}",
                "description": plain(self._framework["source"] or self._framework["key"]),
            },
        ]

    def _observed(self, policies: Iterable[str]) -> list[Document]:
        return [{"observation-uuid": i} for key in policies for i in self._cells.get(key, ())]

    def _risks(self, policies: Iterable[str]) -> list[Document]:
        return [{"risk-uuid": self.id("risk", key)} for key in policies]

    def _actor(self) -> Document:
        return {"type": "tool", "actor-uuid": self.id("tool")}

    def _resource_id(self, resource: Mapping[str, Any]) -> str:
        place = (resource[name] for name in ("type", "account", "region", "native_id"))
        return self.id("resource", *place)

    def _control_id(self, control: str) -> str:
        """Return a control's id as a token, which begins with a letter: `_5.3`."""
        return f"_{_NOT_IN_A_TOKEN.sub('-', control)}"


class _Failing:
    """What fails one policy, in numbers."""

    def __init__(self) -> None:
        self.count = self.accepted = 0
        self._worst = Severity.INFO

    def add(self, severity: str, *, accepted: bool) -> None:
        self.count += 1
        self.accepted += accepted
        self._worst = max(self._worst, Severity(severity), key=lambda each: each.rank)

    @property
    def worst(self) -> str:
        return self._worst.value


_PLACE = ("type", "name", "provider", "account", "region")


def _cell(observation: Observation) -> Cell:
    resource = observation["resource"]
    return observation["policy"]["key"], resource["account"], resource["region"]


def prop(name: str, value: str) -> Document:
    """Return a property of our own namespace."""
    return {"name": name.replace("_", "-"), "ns": NAMES, "value": line(value)}


def line(value: str) -> str:
    """Return a text fit to be a value: printable, not empty, without blanks at its ends."""
    if not value.isprintable():
        value = "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in value)
    return value.strip() or "[U+0020]"


def _answer(answer: Mapping[str, Any]) -> Document:
    digest = answer["sha256"]
    return {
        **(prop("answer-sha256", digest) if digest else prop("answer", answer["outcome"])),
        "class": f"{answer['service']}.{answer['operation']}",
        "remarks": f"{answer['region']}, {answer['called_at']}",
    }


def _value(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _accepted(accepted: Mapping[str, Any]) -> str:
    return (
        f"Accepted as {accepted['kind']} by {_who(accepted)}{_since(accepted)} "
        f"until {accepted['until'] or 'further notice'}: {accepted['reason'] or 'no reason given'}"
    )


def _who(accepted: Mapping[str, Any]) -> str:
    by, person = accepted["by"] or "nobody named", accepted["person"]
    return by if person in (None, by) else f"{by}, which {person} wrote,"


def _since(accepted: Mapping[str, Any]) -> str:
    return "" if accepted["at"] is None else f" on {accepted['at'][:10]}"
