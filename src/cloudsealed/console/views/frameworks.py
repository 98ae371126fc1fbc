"""Frameworks: how every control stands in an audit, and the evidence of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudsealed.auth.model import Scope
from cloudsealed.console.asking import path_to
from cloudsealed.console.facets import Facets, Value
from cloudsealed.console.language import worded, words_of
from cloudsealed.console.look import Look, View
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.frameworks import STATUSES

LIST, _ONE = "/v1/frameworks", "/v1/frameworks/{id}"
_AUDITS, _FINDINGS = "50", "20"
_FACETS = {"status": worded("Status"), "section": worded("Section")}


class NoSuchControlError(CloudSealedError):
    """A framework has no control with this id."""

    code = "not_found"
    status = 404


async def completed_audits(look: Look) -> list[Mapping[str, Any]]:
    """Return the audits to choose from, the newest first, and the one that the address names."""
    page = await look.api.value("/v1/audits", status="completed", limit=_AUDITS)
    found: list[Mapping[str, Any]] = page["data"]
    wanted = look.one("audit")
    if wanted and wanted not in {each["id"] for each in found}:
        found.append(await look.api.value(path_to("/v1/audits/{id}", id=wanted)))
    return found


def _chosen(look: Look, audits: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    wanted = look.one("audit")
    named = (each for each in audits if each["id"] == wanted)
    return next(named, audits[0] if audits and not wanted else None)


async def _list(look: Look) -> Mapping[str, Any]:
    audits = await completed_audits(look)
    audit = _chosen(look, audits)
    listed = (await look.api.get(LIST, limit="200"))["data"]
    held = audit["id"] if audit else None
    whole = [await look.api.value(path_to(_ONE, id=each["key"]), audit=held) for each in listed]
    return {"frameworks": whole, "audit": audit, "audits": audits, "statuses": STATUSES}


async def _assessed(look: Look) -> dict[str, Any]:
    """Return a framework as it stands in the audit that is asked for, or in the newest."""
    audits = await completed_audits(look)
    audit = _chosen(look, audits)
    held = audit["id"] if audit else None
    framework = await look.api.get(path_to(_ONE, id=look.ident), audit=held)
    return {
        "framework": framework,
        "audit": audit,
        "audits": audits,
        "statuses": STATUSES,
        "may_report": look.may(Scope.REPORTS_WRITE) and audit is not None,
    }


async def _framework(look: Look) -> Mapping[str, Any]:
    found = await _assessed(look)
    framework = found["framework"]
    shown = [each for each in framework["controls"] if _matches(look, each, _FACETS)]
    sections = [
        (section, [each for each in shown if each["section"] == section["id"]])
        for section in framework["sections"]
    ]
    return {
        **found,
        "sections": [(section, controls) for section, controls in sections if controls],
        "shown": len(shown),
        "facets": _facets(look, framework),
        "facet_names": _FACETS,
    }


def _matches(look: Look, control: Mapping[str, Any], names: Iterable[str]) -> bool:
    return all(control[name] in look.query[name] for name in names if look.query.get(name))


def _facets(look: Look, framework: Mapping[str, Any]) -> Facets:
    words = words_of(look.visit.taste.language)
    controls = framework["controls"]
    labels = {
        "status": {name: words.said(name) for name in STATUSES},
        "section": {each["id"]: f"{each['id']} {each['title']}" for each in framework["sections"]},
    }
    shown: dict[str, list[Value]] = {}
    for name, values in labels.items():
        others = [each for each in controls if _matches(look, each, set(_FACETS) - {name})]
        counts = {value: sum(1 for each in others if each[name] == value) for value in values}
        shown[name] = [Value(value, values[value], n) for value, n in counts.items() if n]
    return Facets(shown, len(controls), True)


async def _control(look: Look) -> Mapping[str, Any]:
    found = await _assessed(look)
    wanted = look.path["control"]
    controls = {each["id"]: each for each in found["framework"]["controls"]}
    if wanted not in controls:
        raise NoSuchControlError(f"The framework has no control {wanted}")
    control, page = controls[wanted], None
    asked = {"framework": look.ident, "control": wanted, "status": "open"}
    if look.may(Scope.FINDINGS_READ) and control["policies"]:
        audit = look.one("audit") or None
        page = await look.api.get(
            "/v1/findings", **asked, audit=audit, sort="-severity", limit=_FINDINGS
        )
    titles = {each["id"]: each["title"] for each in found["framework"]["sections"]}
    return {
        **found,
        "control": control,
        "section": titles.get(control["section"], ""),
        "policies": await _policies(look, control),
        "findings": page,
    }


async def _policies(look: Look, control: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the policies that judge a control, of one that is not listed only its key."""
    if not control["policies"]:
        return []
    known: dict[str, Mapping[str, Any]] = {}
    cursor = ""
    while not known.keys() >= set(control["policies"]):
        page = await look.api.get(  # which ends where its reading takes long
            "/v1/policies", framework=look.ident, limit="200", cursor=cursor
        )
        known |= {each["key"]: each for each in page["data"]}
        if not page["has_more"]:
            break
        cursor = page["next_cursor"]
    return [known.get(key, {"key": key}) for key in control["policies"]]


VIEWS = (
    View("/frameworks", "frameworks/list.html", _list),
    View("/frameworks/{id}", "frameworks/one.html", _framework),
    View("/frameworks/{id}/controls/{control}", "frameworks/control.html", _control),
)
