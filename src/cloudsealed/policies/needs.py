"""Which calls a policy's verdict rests on: those that list what it judges and fill what it reads.

Derived from the rule and from the collector's rows; nothing is asked of a cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cloudsealed.collectors.asked import NotAsked, asked, filled, own_reads, without
from cloudsealed.collectors.model import Row
from cloudsealed.collectors.paths import names_in
from cloudsealed.collectors.providers import provider_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import ExpressionError, Path, Rule, Template
from cloudsealed.kit.canonical import canonical, digest
from cloudsealed.kit.kept import kept
from cloudsealed.packs import PolicySpec, load_policies
from cloudsealed.policies.rules import compile_check, compile_classification
from cloudsealed.vocabulary import PolicyKind


@dataclass(frozen=True, slots=True)
class Need:
    """A call for the resources of one type, and the IAM action that allows it."""

    type: str
    call: str
    action: str


def needs_of(spec: PolicySpec, rule: Rule) -> tuple[Need, ...]:
    """Return every call that the policy needs, by type and in the order in which it is made."""
    read = {path[:2] for path in rule.reads}
    related = {
        name: relation
        for name, relation in spec.related.items()
        if not read.isdisjoint({("related",), ("related", name)})
    }
    joins = [relation.source for relation in related.values() if relation.source]
    own = _attributes(rule.reads, ("resource",), joins)
    found = [need for name in spec.resource_types for need in _needs(name, own)]
    for name, relation in related.items():
        keys = [relation.key] if relation.key else []
        found += _needs(relation.type, _attributes(rule.reads, ("related", name), keys))
    return tuple(dict.fromkeys(found))


def not_asked(policies: Iterable[tuple[PolicyKind, Mapping[str, Any]]]) -> NotAsked:
    """Return the attributes that no policy of these, kind and words, and no row itself reads."""
    read: dict[str, set[str] | None] = {name: set() for name in RESOURCE_TYPES}
    for kind, spec in policies:
        for name, attributes in _read(kind, spec):
            known = read[name]
            read[name] = None if known is None or attributes is None else known | attributes
    return {
        name: filled(row) - attributes - own_reads(row)
        for name, row in RESOURCE_TYPES.items()
        if (attributes := read[name]) is not None
    }


def _read(kind: PolicyKind, spec: Mapping[str, Any]) -> Iterable[tuple[str, set[str] | None]]:
    """Return types with the attributes that a policy reads of them, None for all."""
    if kind is PolicyKind.CHECK and (found := _shipped().get(digest(spec))) is not None:
        return found
    return _found(kind, spec)


@cache
def _shipped() -> dict[str, list[tuple[str, set[str] | None]]]:
    """Return what the policies that ship read, by the digest of their words: of these no audit
    compiles more than it judges by."""
    said = [spec.words for spec in load_policies()]
    code = ("collectors", "engine", "kit", "packs", "policies", "vocabulary.py")
    models = sorted({provider_of(row.provider).models for row in RESOURCE_TYPES.values()})
    sources = [*map(str.encode, models), *map(canonical, said)]
    found = kept("policies/reads", code, sources, lambda: [_plain(words) for words in said])
    return {
        digest(words): [(name, None if read is None else set(read)) for name, read in reads]
        for words, reads in zip(said, found, strict=True)
    }


def _plain(words: Mapping[str, Any]) -> list[tuple[str, list[str] | None]]:
    found = _found(PolicyKind.CHECK, words)
    return [(name, None if read is None else sorted(read)) for name, read in found]


def _found(kind: PolicyKind, spec: Mapping[str, Any]) -> Iterator[tuple[str, set[str] | None]]:
    """Yield what `_read` returns; a policy that no longer compiles reads everything, so that what
    it needs is there when it does again."""
    types = [
        name for name in spec.get("resource_types") or RESOURCE_TYPES if name in RESOURCE_TYPES
    ]
    try:
        if kind is PolicyKind.CLASSIFICATION:
            reads = compile_classification(spec).reads
        else:
            reads = compile_check(spec).reads | _shown(spec.get("message"))
    except ExpressionError:
        yield from dict.fromkeys(types).items()
        return
    related = {
        name: relation
        for name, relation in (spec.get("related") or {}).items()
        if relation["type"] in RESOURCE_TYPES
    }
    joins = [relation["from"] for relation in related.values() if relation.get("from")]
    for name in types:
        yield name, _attributes(reads, ("resource",), joins)
    for name, relation in related.items():
        keys = [relation["key"]] if relation.get("key") else []
        yield relation["type"], _attributes(reads, ("related", name), keys)


def _shown(message: str | None) -> frozenset[Path]:
    """Return what a message shows: it is read of what fails, though no verdict rests on it."""
    return Template(message, ("resource", "related", "params")).paths if message else frozenset()


def _attributes(
    reads: frozenset[Path], variable: tuple[str, ...], joins: Iterable[str]
) -> set[str] | None:
    """Return the attributes of a variable that are read; None is all of them."""
    if not reads.isdisjoint({variable[:1], (*variable, "*")}):
        return None
    size = len(variable)
    below = {path[size] for path in reads if path[:size] == variable and len(path) > size}
    if variable == ("resource",) and "tags" in below:
        below.add("Tags")
    return below.union(*map(names_in, joins))


def _needs(name: str, attributes: set[str] | None) -> Iterator[Need]:
    row = RESOURCE_TYPES[name]
    for service, operation in (*_listing(row), *_filling(row, attributes)):
        permission = provider_of(row.provider).permission_of(service, operation)
        yield Need(name, f"{service}:{operation}", permission)


def _listing(row: Row) -> Iterator[tuple[str, str]]:
    for each in (row.parent and RESOURCE_TYPES[row.parent], row):
        if each and each.operation:
            yield each.service, each.operation


def _filling(row: Row, attributes: set[str] | None) -> Iterator[tuple[str, str]]:
    """Yield the calls behind attributes, and behind what those calls are made of."""
    everything = filled(row)
    wanted = everything if attributes is None else attributes
    if attributes and "Tags" in attributes and row.tags:
        wanted = wanted | names_in(row.tags)
    made = asked(without(row, everything - wanted))
    for each in made.lists:
        yield each.service, each.operation
    for call in (call for stage in row.stages for call in stage if call in made.calls):
        yield row.service, call.operation
