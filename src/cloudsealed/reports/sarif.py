"""Findings as SARIF 2.1.0 (OASIS, March 2020), as GitHub's code scanning shows it best.

A policy is a rule, a finding a result. A resource stands where a source file would: its place is a
path of provider, account, region, type and id, which no repository has. Fingerprints are those of
findings, the same in every audit and on every machine. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from cloudsealed import __version__
from cloudsealed.findings.exceptions import is_accepted
from cloudsealed.findings.model import fingerprint
from cloudsealed.findings.remedy import remedy_of
from cloudsealed.kit import markdown
from cloudsealed.kit.canonical import digest
from cloudsealed.kit.percent import percent
from cloudsealed.kit.visible import shown
from cloudsealed.packs.danger import caution_of
from cloudsealed.reports.model import Document, Finding
from cloudsealed.vocabulary import Dimension, FindingStatus, Severity

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
MOST = 25_000
"""Results of a run; GitHub refuses a file with more. The worst are kept, and it says so."""
_LONGEST = 1000
"""Characters of a text that GitHub shows in a list."""
_LEVELS: Mapping[str, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SCORES: Mapping[str, str] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.1",
}
"""`security-severity`, in the middle of what GitHub calls critical, high, medium and low."""
_PROBLEMS = {"error": "error", "warning": "warning", "note": "recommendation"}


_DRIVER: Document = {
    "name": "CloudSealed",
    "version": __version__,
    "semanticVersion": __version__,
    "fullName": f"CloudSealed {__version__}",
}


def sarif(
    audit: Mapping[str, Any], findings: Sequence[Finding], policies: Mapping[str, Mapping[str, Any]]
) -> bytes:
    """Return a completed audit's findings as a log of one run.

    `policies` are what its policies say, by key; a finding's triage counts by the audit's end.
    """
    worst = sorted(findings, key=lambda each: (-Severity(each["severity"]).rank, each["id"]))[:MOST]
    by_rule: dict[str, list[Finding]] = {}
    for finding in worst:
        by_rule.setdefault(finding["policy"]["key"], []).append(finding)
    keys = sorted(by_rule)
    index = {key: number for number, key in enumerate(keys)}
    run = {
        "tool": {
            "driver": {
                **_DRIVER,
                "rules": [_rule(key, by_rule[key], policies.get(key, {})) for key in keys],
            }
        },
        "automationDetails": {"id": _category(audit)},
        "invocations": [_invocation(audit, len(findings) - len(worst))],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, index, audit["finished_at"]) for each in worst],
        "properties": {
            "audit": audit["id"],
            "coverage": audit["coverage"],
            "verdictDigest": audit["verdict_digest"],
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(log, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _category(audit: Mapping[str, Any]) -> str:
    """Return what tells the logs of one commit apart: the newest of a category replaces those
    before it, so what looks elsewhere, or for something else, has one of its own."""
    accounts = sorted({each["account"] for each in audit["accounts"] if each["account"]})
    narrowed = {**(audit["scope"] or {}), "policies": audit["policies"]}
    scope = {name: sorted(values) for name, values in narrowed.items() if values}
    return f"cloudsealed/{'+'.join(accounts)}/{digest(scope)[:8] + '/' if scope else ''}"


def _invocation(audit: Mapping[str, Any], left_out: int) -> Document:
    """Return how the audit went; what the log lacks is a notification."""
    notes = []
    if audit["coverage"] is not None and audit["coverage"] < 1:
        share = percent(audit["coverage"])
        notes.append(_note(f"Coverage is {share}: nothing is said of what could not be read."))
    if left_out:
        notes.append(_note(f"{left_out} findings are left out, none worse than those here."))
    return {
        "executionSuccessful": True,
        "startTimeUtc": audit["started_at"],
        "endTimeUtc": audit["finished_at"],
        **({"toolExecutionNotifications": notes} if notes else {}),
    }


def _note(text: str) -> Document:
    return {"level": "warning", "message": {"text": text}}


def _rule(key: str, findings: Sequence[Finding], said: Mapping[str, Any]) -> Document:
    """Return a policy as a rule. Its severity is that of the worst finding of it: GitHub shows it
    in the place of the finding's own."""
    first = findings[0]  # the worst of all come first
    level = _LEVELS[first["severity"]]
    title = _plain(said.get("title") or first["title"])
    described = _plain(first["description"] or title)
    served = (f"{each['framework']}/{each['control']}" for each in first["controls"])
    tags = [first["dimension"], *dict.fromkeys(served)]
    security = first["dimension"] == Dimension.SECURITY
    links = [each for each in said.get("references") or () if each.startswith("https://")]
    return {
        "id": key,
        "name": key,
        "shortDescription": {"text": title[:_LONGEST]},
        "fullDescription": {"text": described[:_LONGEST]},
        "help": {"text": _help_text(first, described), "markdown": _help(first, said, title)},
        **({"helpUri": links[0]} if links else {}),
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": tags[:_MOST_TAGS],
            "precision": "very-high",
            "problem.severity": _PROBLEMS[level],
            **({"security-severity": _SCORES[first["severity"]]} if security else {}),
        },
    }


_MOST_TAGS = 20


def _help_text(finding: Finding, described: str) -> str:
    remedy = finding["remediation"]
    return f"{described} {_plain(remedy['summary'])}" if remedy else described


def _help(finding: Finding, said: Mapping[str, Any], title: str) -> str:
    """Return what a rule finds and how it is cured, as GitHub's Markdown."""
    parts = [f"**{markdown.text(title)}**"]
    if finding["description"]:
        parts.append(markdown.paragraphs(finding["description"]))
    if remedy := finding["remediation"]:
        parts += ["## How to fix it", markdown.paragraphs(remedy["summary"])]
        if caution := caution_of(remedy):
            parts.append(f"**Caution:** {markdown.paragraphs(caution)}")
        for name, language in (("first", "sh"), ("cli", "sh"), ("terraform", "hcl")):
            if remedy.get(name):
                parts.append(markdown.fence(language, remedy[name]))
        if remedy.get("first") or remedy.get("cli"):
            parts.append("A result has these commands with the names of its own resource.")
    if finding["controls"]:
        served = (f"{each['framework']} {each['control']}" for each in finding["controls"])
        parts.append("Controls: " + ", ".join(map(markdown.text, served)))
    if said.get("references"):
        parts.append("\n".join(f"- {markdown.text(each)}" for each in said["references"]))
    return "\n\n".join(parts)


def _result(finding: Finding, index: Mapping[str, int], ended: str) -> Document:
    key, resource = finding["policy"]["key"], finding["resource"]
    whole, remedy = _fingerprint(finding), remedy_of(finding) or {}
    suppressed = _suppressions(finding, ended)
    return {
        "ruleId": key,
        "ruleIndex": index[key],
        "kind": "fail",
        "level": _LEVELS[finding["severity"]],
        "message": {"text": _escaped("\n\n".join(_message(finding["title"], remedy)))},
        "locations": [_location(resource)],
        # GitHub tells alerts apart by the first, which has a form of its own: a hash, and a number.
        "partialFingerprints": {
            "primaryLocationLineHash": f"{whole[:16]}:1",
            "cloudsealedFinding/v1": whole,
        },
        **({"suppressions": suppressed} if suppressed else {}),
        "properties": {
            "severity": finding["severity"],
            "dimension": finding["dimension"],
            "status": finding["status"],
            "findingId": finding["id"],
            "account": resource["account"],
            "region": resource["region"],
            "resourceType": resource["type"],
            "nativeId": _plain(resource["native_id"]),
            "evidence": finding["evidence"],
            "remediation": {name: remedy.get(name) for name in ("first", "cli", "terraform")},
            "firstSeenAt": finding["first_seen_at"],
        },
    }


def _message(title: str, remedy: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong, which a list shows alone, and the commands that cure it."""
    yield _plain(title)
    for name, said in (("first", "Run first:"), ("cli", "To fix it:")):
        if commands := remedy.get(name):
            yield "\n".join((said, *map(shown, commands.splitlines())))


def _location(resource: Mapping[str, Any]) -> Document:
    name, native_id = resource["name"] or resource["native_id"], resource["native_id"]
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _path(resource)},
            "region": {"startLine": 1},
        },
        "logicalLocations": [
            {"name": _plain(name), "fullyQualifiedName": _plain(native_id), "kind": "resource"}
        ],
    }


def _path(resource: Mapping[str, Any]) -> str:
    """Return where a resource is as a relative path that no change of it changes: GitHub makes
    another alert of another path. An ARN's last part is what it has beside the parts before."""
    own = resource["native_id"].split(":", _ARN_PARTS)[-1]
    parts = [resource[name] for name in ("provider", "account", "region", "type")]
    return "/".join(_step(part) for part in (*parts, *own.split("/")))


_ARN_PARTS = 5


def _step(text: str) -> str:
    """Return one step of a path, which leads nowhere but down."""
    quoted = quote(text, safe="")
    return quoted.replace(".", "%2E") if text in (".", "..") else quoted or "-"


def _fingerprint(finding: Finding) -> str:
    resource = finding["resource"]
    return fingerprint(
        policy_key=finding["policy"]["key"],
        provider=resource["provider"],
        account=resource["account"],
        region=resource["region"],
        native_id=resource["native_id"],
    )


def _suppressions(finding: Finding, ended: str) -> list[Document]:
    """Return why a finding asks for no attention: a person accepted it, or a policy says so."""
    if is_accepted(finding, ended):
        triage = finding["triage"]
        until = f" (until {triage['expires_at']})" if triage["expires_at"] else ""
        reason = _plain(triage["note"] or triage["state"]) + until
        return [{"kind": "external", "status": "accepted", "justification": reason}]
    if finding["status"] == FindingStatus.SUPPRESSED:
        other = finding["yields_to"]
        named = (finding["classified_by"] or {}).get("key", "a classification")
        reason = f"Another finding says it: {other}" if other else f"Suppressed by {named}"
        return [{"kind": "external", "status": "accepted", "justification": reason}]
    return []


def _plain(text: str) -> str:
    """Return a text as one line."""
    return shown(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Return a text that is no link and no placeholder (SARIF 2.1.0, sections 3.11.5 and 6)."""
    return re.sub(r"[\\\[\]]", r"\\\g<0>", text).replace("{", "{{").replace("}", "}}")
