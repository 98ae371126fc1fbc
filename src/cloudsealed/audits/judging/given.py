"""What a rule is given to judge: a resource and what is related to it, gaps where it was not read.

A gap stands where something was not read that the rule can read, and nowhere else: a document
without any is the snapshot's own, and is judged as fast as ever. Refuses to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cloudsealed.audits.judging.related import Found
from cloudsealed.audits.records.reasons import EVERYTHING, Reason, unknown
from cloudsealed.collectors.paths import names_in
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import PartialList, Path, Rule, Unknown
from cloudsealed.policies.rules import RESOURCE_NAMES

Snapshot: TypeAlias = Mapping[str, Any]
Names: TypeAlias = frozenset[str] | None
"""Attributes of a document by name; None is all of it."""
_NAMES = frozenset(RESOURCE_NAMES)


def attributes_read(paths: Iterable[Path], variable: str) -> Names:
    """Return the attributes of a variable's document that are read at these paths."""
    below = [path[1:] for path in paths if path[0] == variable]
    if () in below or ("*",) in below:
        return None
    found = frozenset(path[0] for path in below)
    return found | {"Tags"} if "tags" in found else found


def names_read(paths: Iterable[Path]) -> frozenset[str]:
    """Return which of RESOURCE_NAMES stand for fields of `resource` at these paths."""
    return frozenset(path[1] for path in paths if path[0] == "resource" and len(path) > 1) & _NAMES


@dataclass(frozen=True, slots=True)
class Reads:
    """Whose attributes a rule can read: the resource's own, and those of each relation it uses; and
    which `names` of RESOURCE_NAMES, also in its message."""

    attributes: Names
    relations: Mapping[str, Names]
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rule: Rule, relations: Iterable[str]) -> Reads:
        """Return what a rule reads, whose policy declares these relations."""
        own, names = attributes_read(rule.reads, "resource"), names_read(rule.reads | rule.shown)
        related = [path[1:] for path in rule.reads if path[0] == "related"]
        if () in related:
            return cls(own, dict.fromkeys(relations), names)
        used = {path[0] for path in related}
        below = [path for path in related if len(path) > 1]
        return cls(own, {name: attributes_read(below, name) for name in used}, names)


@dataclass(slots=True)
class Given:
    """The documents of one judgement; `partly` says that there are gaps in what is read of them."""

    resource: Any
    related: Mapping[str, Any]
    partly: bool


def given(reads: Reads, snapshot: Snapshot, found: Mapping[str, Found]) -> Given:
    """Return what a rule is given for a resource and for what its relations found."""
    resource, partly = resource_of(snapshot, reads.attributes, reads.names)
    related: dict[str, Any] = {}
    for name, each in found.items():
        items: Any = [target["document"] for target in each.snapshots]
        if (each.unread or each.reasons) and name in reads.relations:
            names = reads.relations[name]
            if _meets(each.unread, names):
                items, partly = [documented(t, names) for t in each.snapshots], True
            if each.reasons:
                perhaps = [documented(target, names) for target in each.perhaps]
                reasons = unknown(each.reasons).reasons
                items, partly = PartialList(items, reasons, perhaps, each.is_open), True
        related[name] = items
    return Given(resource, related, partly)


def resource_of(snapshot: Snapshot, attributes: Names, names: frozenset[str]) -> tuple[Any, bool]:
    """Return what an expression knows as `resource`, which reads these attributes and `names` of
    RESOURCE_NAMES, and whether there are gaps in it."""
    document = documented(snapshot, attributes)
    partly = document is not snapshot["document"]
    if not isinstance(document, Mapping) or names <= document.keys():
        return document, partly
    added = {name: _named(snapshot, name) for name in names - document.keys()}
    unread = any(isinstance(value, Unknown) for value in added.values())
    return {**added, **document}, partly or unread


def _named(snapshot: Snapshot, name: str) -> Any:
    """Return what a resource is known by; a gap where what it is read from was not read."""
    row = RESOURCE_TYPES.get(snapshot["type"])
    behind: Iterable[str] = ()
    if name == "tags":
        behind = ("Tags",)
    elif name == "name" and row is not None and row.name is not None:
        behind = names_in(row.name)
    gaps = [snapshot["unread"][each] for each in sorted(behind) if each in snapshot["unread"]]
    return unknown(gaps) if gaps else snapshot[name]


def documented(snapshot: Snapshot, names: Names) -> Any:
    """Return a snapshot's document, with a gap for each attribute that was not read if one of them
    is of these names; of a resource of which nothing is known, a gap."""
    gaps: Mapping[str, Reason] = snapshot["unread"]
    if not gaps or not _meets(gaps, names):
        return snapshot["document"]
    if EVERYTHING in gaps:
        return unknown([gaps[EVERYTHING]])
    lacking = {name: unknown([{**gap, "attribute": name}]) for name, gap in gaps.items()}
    return {**snapshot["document"], **lacking}


def _meets(unread: Iterable[str], names: Names) -> bool:
    """Say whether something unread is of these names."""
    if names is None:
        return any(True for _ in unread)
    return any(name in names or name == EVERYTHING for name in unread)
