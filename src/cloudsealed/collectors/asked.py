"""Which of a row's calls an audit makes: those that fill what is asked for, and no others.

A pure function of the row. It refuses to know who asks: policies and settings do, further up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from cloudsealed.collectors.model import Enrich, Row, Together
from cloudsealed.collectors.paths import names_in
from cloudsealed.collectors.registry import RESOURCE_TYPES

NotAsked = Mapping[str, Collection[str]]
"""Attributes that an audit does without, by resource type."""


class UnknownCallError(ValueError):
    """A name names no call that could be left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`calls` are made for each resource and `lists` once a place; `instead` are the calls for a
    resource of which a list could not be read. `attributes` are what the first two fill."""

    calls: tuple[Enrich, ...]
    lists: tuple[Together, ...]
    instead: tuple[Enrich, ...]
    attributes: frozenset[str]


def asked(row: Row) -> Asked:
    """Return what is asked for `row`, but for what it does not ask.

    A call is made for what no list fills, and what that call fills needs no list.
    """
    wanted = filled(row) - row.not_asked
    calls = _needed(row, wanted - _filled(row.together))
    left = (wanted | _reads(calls)) - _filled(calls)
    lists = tuple(each for each in row.together if not left.isdisjoint(each.fills))
    others = tuple(each for each in row.enrich if each not in calls)
    instead = tuple(each for each in others if _stands_in(each, lists, row.not_asked))
    return Asked(calls, lists, instead, _filled(calls) | _filled(lists))


def rows_asked(rows: Iterable[Row], not_asked: NotAsked = MappingProxyType({})) -> list[Row]:
    """Return rows, each without what is not asked."""
    return [without(row, not_asked.get(row.type, ())) for row in rows]


def filled(row: Row) -> frozenset[str]:
    """Return every attribute of `row` that is not in its list."""
    return _filled(row.enrich) | _filled(row.together)


def without(row: Row, attributes: Iterable[str]) -> Row:
    """Return `row` without asking for `attributes`, as far as no others need them."""
    needed = asked(replace(row, not_asked=frozenset(attributes))).attributes
    return replace(row, not_asked=filled(row) - needed)


def calls_of(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the service and operation of every call that a row asks, but for those that only stand
    in for a list."""
    if row.operation is not None:
        yield row.service, row.operation
    made = asked(row)
    for each in made.lists:
        yield each.service, each.operation
    for call in made.calls:
        yield row.service, call.operation
    if row.parent is not None:
        parent = RESOURCE_TYPES[row.parent]
        assert parent.operation is not None
        yield parent.service, parent.operation


def own_reads(row: Row) -> frozenset[str]:
    """Return every name that a row reads of its own documents: a resource's name, tags and time of
    creation, its relations, whether it is given, what accounts are called, and what it is asked for
    by."""
    own = (row.name, row.tags, row.created, row.given, row.names_accounts)
    paths = [*own, *(each.path for each in row.relations)]
    joined = (
        each.key
        for other in RESOURCE_TYPES.values()
        for each in other.relations
        if each.type == row.type
    )
    return frozenset().union(*(names_in(path) for path in (*paths, *joined) if path), {"Tags"})


def left_out(calls: Iterable[str]) -> NotAsked:
    """Return what an audit does without when it leaves out `calls`, such as `s3:GetBucketAcl`.

    Raises UnknownCallError for a name that is no enriching call of any type.
    """
    found: dict[str, set[str]] = {}
    for name in calls:
        fills = [(row.type, each) for row in RESOURCE_TYPES.values() for each in _fills(row, name)]
        if not fills:
            raise UnknownCallError(f"{name} is no call that can be left out")
        for kind, attribute in fills:
            found.setdefault(kind, set()).add(attribute)
    return found


def joined(one: NotAsked, other: NotAsked) -> NotAsked:
    """Return what is in either."""
    return {name: {*one.get(name, ()), *other.get(name, ())} for name in {*one, *other}}


def shared(each: Iterable[NotAsked]) -> NotAsked:
    """Return what is in each."""
    found = [{name: set(names) for name, names in one.items()} for one in each]
    return {name: set.intersection(*(one.get(name, set()) for one in found)) for name in found[0]}


def _fills(row: Row, name: str) -> Iterator[str]:
    """Yield the attributes that would be missing without a call."""
    made = asked(row)
    for call in made.calls:
        if name == f"{row.service}:{call.operation}":
            yield from call.fills
    for each in made.lists:
        if name == f"{each.service}:{each.operation}":
            yield from each.fills


def _filled(sources: Iterable[Enrich | Together]) -> frozenset[str]:
    return frozenset(name for each in sources for name in each.fills)


def _needed(row: Row, names: frozenset[str]) -> tuple[Enrich, ...]:
    """Return the calls that fill `names`, those that decide them and those that they read."""
    needed: list[Enrich] = []
    found = [each for each in row.enrich if not names.isdisjoint(each.fills)]
    while found:
        needed += found
        reads = _reads(found) - _filled(row.together)
        deciders = [row.decider(each) for each in found]
        found = [
            each
            for each in row.enrich
            if each not in needed and (each in deciders or not reads.isdisjoint(each.fills))
        ]
    return tuple(each for each in row.enrich if each in needed)


def _reads(calls: Iterable[Enrich]) -> frozenset[str]:
    return frozenset(name for each in calls for name in each.reads)


def _stands_in(call: Enrich, lists: Collection[Together], not_asked: frozenset[str]) -> bool:
    """Say whether a call tells what a list would have told, and nothing that is not asked for."""
    return not _filled(lists).isdisjoint(call.fills) and not_asked.isdisjoint(call.fills)
