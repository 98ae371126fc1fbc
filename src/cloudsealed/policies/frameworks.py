"""Frameworks: which control is served by which policy. Read from the packs, not a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cloudsealed import __version__
from cloudsealed.packs import Control, Framework, Section, load_frameworks
from cloudsealed.policies.model import FrameworkNotFoundError
from cloudsealed.vocabulary import FIRST_PROVIDER, Dimension, PolicyKind


@cache
def frameworks() -> Mapping[str, Framework]:
    """Return every framework by key."""
    return {framework.key: framework for framework in load_frameworks()}


@cache
def builtin_controls() -> Mapping[str, tuple[dict[str, str], ...]]:
    """Return the controls that each built-in policy serves, by policy key."""
    return {
        key: tuple({"framework": name, "control": control} for name, control in served)
        for key, served in _served().items()
    }


@dataclass(frozen=True, slots=True)
class Served:
    """A control that a policy serves, in words; of a framework that is not known only the names."""

    framework: str
    version: str
    control: str
    asks: str


def served_by(key: str, own: Iterable[tuple[str, str]] = ()) -> tuple[Served, ...]:
    """Return the controls that a policy serves: the packs' for a built-in one, else its own."""
    return tuple(_described(*each) for each in _served().get(key, own))


def _described(name: str, ident: str) -> Served:
    known = frameworks().get(name)
    if known is None:
        return Served(name, "", ident, "")
    asks = next((control.title for control in known.controls if control.id == ident), "")
    return Served(known.title, known.version, ident, asks)


@cache
def _served() -> Mapping[str, list[tuple[str, str]]]:
    """Return (framework's key, control's id) of what each built-in policy serves."""
    served: dict[str, list[tuple[str, str]]] = {}
    for framework in frameworks().values():
        for control in framework.controls:
            for key in control.policies:
                served.setdefault(key, []).append((framework.key, control.id))
    return served


def controls_of(key: str, spec: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
    """Return the controls that a policy serves: the packs' for a built-in one, else its own."""
    return builtin_controls().get(key, tuple(spec.get("controls") or ()))


def framework(key: str) -> Framework:
    """Return one framework; raises FrameworkNotFoundError."""
    found = frameworks().get(key)
    if found is None:
        raise FrameworkNotFoundError(key)
    return found


OWN = "cloudsealed"
"""The key of what `own` returns; no route of the API knows it."""


def own(versions: Iterable[Mapping[str, Any]]) -> Framework:
    """Return the framework whose controls are the checks that an audit judged by, each one of
    itself, a section a dimension; `versions` are as `assess` takes them."""
    by_dimension: dict[str, list[Control]] = {dimension.value: [] for dimension in Dimension}
    for each in versions:
        if each["kind"] == PolicyKind.CHECK:
            spec, key = each["spec"], each["key"]
            by_dimension[spec["dimension"]].append(Control(key, spec["title"], 1, (key,), False))
    sections = (
        Section(name, name.capitalize(), tuple(sorted(controls, key=lambda each: each.id)))
        for name, controls in by_dimension.items()
    )
    title, source = "CloudSealed policies", "The policies that the audit judged by"
    return Framework(OWN, title, __version__, source, FIRST_PROVIDER, tuple(sections))


def summary(item: Framework) -> dict[str, Any]:
    """Return a framework as the list shows it."""
    covered = sum(1 for control in item.controls if control.policies)
    return {
        "object": "framework",
        "key": item.key,
        "title": item.title,
        "version": item.version,
        "provider": item.provider,
        "source": item.source,
        "controls": len(item.controls),
        "controls_with_policies": covered,
    }


def assess(
    item: Framework,
    verdicts: Mapping[str, Mapping[str, int]],
    policies: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a framework with each control's status in one audit.

    `verdicts` gives, for each policy key that the audit used, how many resources had each outcome,
    and under `unread` in how many places not all of them could be listed.
    `policies` are versions as `PolicyVersion.as_dict` gives them: a tenant's own one serves the
    controls that it names, beside the packs'.
    A control fails if one of its policies does; it is unknown before it passes.
    """
    own = _own(item, policies)
    controls = []
    for section in item.sections:
        for control in section.controls:
            keys = [*control.policies, *own.get(control.id, ())]
            status = _status(control.manual, [verdicts[key] for key in keys if key in verdicts])
            controls.append(
                {
                    "id": control.id,
                    "title": control.title,
                    "section": section.id,
                    "level": control.level,
                    "manual": control.manual,
                    "responsibility": control.responsibility,
                    "policies": keys,
                    **status,
                }
            )
    counts = {status: sum(1 for c in controls if c["status"] == status) for status in STATUSES}
    covered = sum(1 for control in controls if control["policies"])
    return {
        **summary(item),
        "controls_with_policies": covered,
        "sections": [{"id": each.id, "title": each.title} for each in item.sections],
        "controls": controls,
        "counts": counts,
    }


def _own(item: Framework, policies: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the keys of the policies, not of the packs, that serve each control, in order."""
    own: dict[str, list[str]] = {}
    for version in policies:
        key = version["key"]
        if version["kind"] == PolicyKind.CHECK and key not in builtin_controls():
            named = controls_of(key, version["spec"])
            for control in sorted({c["control"] for c in named if c["framework"] == item.key}):
                own.setdefault(control, []).append(key)
    return {control: sorted(keys) for control, keys in own.items()}


JUDGED = ("passing", "failing", "unknown")
STATUSES = (*JUDGED, "manual", "not_assessed")


def _status(manual: bool, verdicts: Iterable[Mapping[str, int]]) -> dict[str, Any]:
    totals: dict[str, int] = {}
    for verdict in verdicts:
        for outcome, count in verdict.items():
            totals[outcome] = totals.get(outcome, 0) + count
    if totals.get("fail"):
        status = "failing"
    elif totals.get("unknown") or totals.get("unread"):
        status = "unknown"
    elif totals.get("pass"):
        status = "passing"
    else:
        status = "manual" if manual else "not_assessed"
    return {
        "status": status,
        "failing": totals.get("fail", 0),
        "passing": totals.get("pass", 0),
        "unknown": totals.get("unknown", 0),
    }
