"""The findings of an audit as one page of HTML, which one can search and filter without a server.

Nothing of it comes from elsewhere: style and script are in it, and its own policy lets the browser
load nothing and run nothing else. Whatever a customer or a cloud wrote is text. Without JavaScript
everything is there to be read. It streams; the same audit gives the same bytes.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cloudsealed import __version__
from cloudsealed.findings.exceptions import is_accepted
from cloudsealed.kit.percent import percent
from cloudsealed.kit.visible import shown
from cloudsealed.packs.danger import caution_of
from cloudsealed.packs.remedies import for_resources
from cloudsealed.reports.kinds.plan import COMMANDED
from cloudsealed.reports.kinds.rank import Rank, effort_of, own_rank, rank
from cloudsealed.reports.model import Finding
from cloudsealed.vocabulary import Dimension, FindingStatus, Severity

MOST = 20_000
"""Findings that the page has at most, the worst; a browser still searches so many at once."""
THIN = 0.9
"""Coverage below this is said at the top."""
_EVIDENCE, _LONGEST = 5, 200
_PIECES = 200  # of a template, written at once


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows: an audit as the API shows it, its findings and its coverage; what its
    policies say, by key; a framework as `frameworks.assess` has it, if it is about one."""

    audit: Mapping[str, Any]
    findings: Sequence[Finding]
    policies: Mapping[str, Mapping[str, Any]]
    coverage: Mapping[str, Any]
    tenant: str
    framework: Mapping[str, Any] | None = None


def page(source: Shown) -> Iterator[bytes]:
    """Yield the pieces of the page."""
    audit = source.audit
    style, script = _asset("findings.css"), _asset("findings.js")
    rows = sorted((_row(each, audit["finished_at"]) for each in source.findings), key=_rank)
    kept = rows[:MOST]
    stream = (
        _templates()
        .get_template("findings.html")
        .stream(
            {
                "policy": _policy(style, script),
                "style": style,
                "script": script,
                "title": f"Findings of {_accounts(audit)}",
                "tenant": source.tenant,
                "audit": audit,
                "regions": _regions(audit),
                "calls": sum(audit["calls"].values()),
                "verdicts": sum(audit["counts"].values()),
                "coverage": percent(audit["coverage"]),
                "thin": audit["coverage"] is not None and audit["coverage"] < THIN,
                "cards": [_card(name, each) for name, each in audit["dimensions"].items()],
                "framework": source.framework,
                "gaps": source.coverage["gaps"],
                "selects": _selects(kept),
                "told": _told(rows),
                "shown": len(kept),
                "left_out": len(rows) - len(kept),
                "groups": _groups(kept, source.policies),
                "version": __version__,
            }
        )
    )
    stream.enable_buffering(_PIECES)
    yield from (piece.encode("utf-8", "backslashreplace") for piece in stream)


def _row(finding: Finding, ended: str) -> dict[str, Any]:
    """Return a finding as a row of its policy's group."""
    resource = finding["resource"]
    state, why = _state(finding, ended)
    return {
        "key": finding["policy"]["key"],
        "finding": finding,
        "severity": finding["severity"],
        "state": state,
        "why": why,
        "title": finding["title"],
        "name": resource["name"] or resource["native_id"],
        "type": resource["type"],
        "account": resource["account"],
        "region": resource["region"],
        "native_id": resource["native_id"],
        "since": finding["first_seen_at"][:10],
        "evidence": [
            (item["path"], _short(item["value"])) for item in finding["evidence"][:_EVIDENCE]
        ],
    }


def _state(finding: Finding, ended: str) -> tuple[str, str]:
    """Return whether a finding asks for attention, and why not."""
    if is_accepted(finding, ended):
        triage = finding["triage"]
        until = f" until {triage['expires_at'][:10]}" if triage["expires_at"] else ""
        note = f": {triage['note']}" if triage["note"] else ""
        return "accepted", f"accepted{until}{note}"
    if finding["status"] != FindingStatus.OPEN:
        by = (finding["classified_by"] or {}).get("key") or finding["yields_to"]
        return str(finding["status"]), f"{finding['status']} by {by}" if by else finding["status"]
    return "open", ""


def _rank(row: Mapping[str, Any]) -> tuple[bool, int, str, str, str, str]:
    place = (row["account"], row["region"], row["native_id"], row["key"])
    return row["state"] != "open", -Severity(row["severity"]).rank, *place


def _groups(
    rows: Sequence[Mapping[str, Any]], policies: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows by policy, in the order of a plan: by the worst that asks for attention, then
    what is left out; `rows` are in the order of `_rank`."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["key"], []).append(row)
    return [_group(own, policies.get(key, {})) for key, own in sorted(found.items(), key=_weight)]


def _weight(pair: tuple[str, Sequence[Mapping[str, Any]]]) -> tuple[bool, Rank, str]:
    key, rows = pair
    first = rows[0]
    alike = [r for r in rows if (r["state"], r["severity"]) == (first["state"], first["severity"])]
    place = rank(
        severity=first["severity"],
        own=max(own_rank(row["finding"]) for row in alike),
        count=len(alike),
        others=sum(row["state"] == first["state"] for row in rows) - len(alike),
        effort=effort_of(first["finding"]["remediation"]),
    )
    return first["state"] != "open", place, key


def _remedy(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how to cure them, with the commands of the worst."""
    remedy = rows[0]["finding"]["remediation"]
    if not remedy:
        return None
    resources = [row["finding"]["resource"] for row in rows[:COMMANDED]]
    return {
        **for_resources(remedy, resources),
        "caution": caution_of(remedy),
        "commands_of": len(resources),
    }


def _group(rows: Sequence[Mapping[str, Any]], said: Mapping[str, Any]) -> dict[str, Any]:
    first = rows[0]["finding"]
    return {
        "key": rows[0]["key"],
        "severity": rows[0]["severity"],
        "title": said.get("title") or first["title"],
        "dimension": first["dimension"],
        "description": first["description"],
        "remediation": _remedy(rows),
        "controls": [f"{each['framework']} {each['control']}" for each in first["controls"]],
        "references": said.get("references") or [],
        "findings": rows,
    }


_BY = (
    ("s", "Severity", "severity"),
    ("t", "State", "state"),
    ("a", "Account", "account"),
    ("r", "Region", "region"),
    ("k", "Type", "type"),
)


def _selects(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what one can filter by: what differs among the rows."""
    by = [(ident, label, {row[name] for row in rows}) for ident, label, name in _BY]
    by.insert(1, ("d", "Dimension", {row["finding"]["dimension"] for row in rows}))
    order = [*reversed(Severity), *Dimension]
    places = {str(word): number for number, word in enumerate(order)}
    return [
        {
            "id": ident,
            "name": label,
            "options": sorted(values, key=lambda value: (places.get(value, 0), value)),
        }
        for ident, label, values in by
        if len(values) > 1
    ]


def _told(rows: Sequence[Mapping[str, Any]]) -> str:
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    if not rows:
        return "No findings"
    parts = (f"{states[name]} {name}" for name in sorted(states, key=lambda n: (n != "open", n)))
    return f"{len(rows)} findings: {', '.join(parts)}"


def _card(name: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    fails = ((figures["severities"][each], each) for each in reversed(Severity))
    return {
        "name": name.capitalize(),
        "score": figures["score"],
        "failing": " · ".join(f"{number} {each}" for number, each in fails if number)
        or "none fail",
        "passing": figures["pass"],
        "unknown": figures["unknown"],
    }


def _accounts(audit: Mapping[str, Any]) -> str:
    return ", ".join(sorted({t["account"] for t in audit["accounts"] if t["account"]}))


def _regions(audit: Mapping[str, Any]) -> str:
    names = sorted({region for target in audit["accounts"] for region in target["regions"]})
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} regions"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _policy(style: str, script: str) -> str:
    """Return what the browser may do: apply this style, run this script, and load nothing."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}';"
        " base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _asset(name: str) -> Markup:
    """Return a file of ours that stands in the page as it is."""
    return Markup((files("cloudsealed.reports") / "pages" / name).read_text("utf-8"))  # noqa: S704


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("cloudsealed.reports", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    made.filters["moment"] = lambda text: f"{text[:10]} {text[11:16]} UTC"
    made.filters["words"] = lambda name: name.replace("_", " ")
    made.filters["lines"] = _lines
    made.filters["prose"] = lambda text: " ".join(text.split())
    made.tests["address"] = lambda text: text.startswith(("https://", "http://"))
    return made


def _visible(value: Any) -> Any:
    """Return what a template shows: no character of a text is obeyed, whoever wrote it."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Return a text of several lines."""
    return Markup("\n").join(map(shown, text.expandtabs(4).splitlines()))
