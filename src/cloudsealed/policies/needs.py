"""Which calls a policy's verdict rests on: those that list what it judges and fill what it reads.

Derived from the rule and from the collector's rows; nothing is asked of a cloud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloudsealed.collectors.attributes import filling_calls
from cloudsealed.collectors.model import Row
from cloudsealed.collectors.paths import names_in
from cloudsealed.collectors.permissions import action_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import Path, Rule
from cloudsealed.packs import PolicySpec


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


def _attributes(
    reads: frozenset[Path], variable: tuple[str, ...], joins: Iterable[str]
) -> set[str] | None:
    """Return the attributes of a variable that are read; None is all of them."""
    if not reads.isdisjoint({variable[:1], (*variable, "*")}):
        return None
    size = len(variable)
    below = {path[size] for path in reads if path[:size] == variable and len(path) > size}
    return below.union(*map(names_in, joins))


def _needs(name: str, attributes: set[str] | None) -> Iterator[Need]:
    row = RESOURCE_TYPES[name]
    for service, operation in (*_listing(row), *_filling(row, attributes)):
        yield Need(name, f"{service}:{operation}", action_of(service, operation))


def _listing(row: Row) -> Iterator[tuple[str, str]]:
    for each in (row.parent and RESOURCE_TYPES[row.parent], row):
        if each and each.operation:
            yield each.service, each.operation


def _filling(row: Row, attributes: set[str] | None) -> list[tuple[str, str]]:
    """Return the enriching calls behind attributes, and behind what those calls are made of."""
    filled = filling_calls(row.type)
    needed = set(filled) if attributes is None else set(attributes)
    calls = []
    for enrich in (each for stage in reversed(row.stages) for each in stage):
        call = (row.service, enrich.operation)
        if any(filled.get(name) == call for name in needed):
            needed |= enrich.reads
            calls.append(call)
    return calls[::-1]
