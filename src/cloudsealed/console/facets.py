"""Facets: how many there are of each value of a filter, beside the list that the filters narrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from cloudsealed.console.look import Look, Query

_NOTHING: Query = MappingProxyType({})
_MOST_VALUES = 60
_IN_ORDER = ("age", "savings")  # as the API tells them


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a filter, what people call it, and how many have it."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """The values of each facet, most frequent first; how many objects the filters match, and
    whether all were counted. `age` in seconds; `partial` are the facets for which not all were."""

    shown: Mapping[str, Sequence[Value]]
    total: int
    complete: bool
    age: float = 0.0
    partial: frozenset[str] = frozenset()


def labeled(facets: Facets, labels: Mapping[str, Mapping[str, str]]) -> Facets:
    """Return facets with what people call their values, as far as `labels` say it."""
    return replace(
        facets,
        shown={
            name: [replace(each, label=labels[name].get(each.value, each.label)) for each in values]
            if name in labels
            else values
            for name, values in facets.shown.items()
        },
    )


async def counted(
    look: Look,
    path: str,
    names: Iterable[str],
    filters: Sequence[str],
    together: Sequence[str] = (),
    assumed: Query = _NOTHING,
) -> Facets | None:
    """Return the facets of a list, None when counting takes long.

    A facet counts with every filter but its own, so that another value can be taken beside one.
    Those of `together`, of which an object has one value at most, are counted by one request where
    nothing is chosen of them. `assumed` is asked for where the address does not say otherwise.
    """
    given = {name: tuple(look.query[name]) for name in filters if look.query.get(name)}
    caller = look.visit.me.caller
    key = (caller.tenant_id, caller.scopes, path, tuple(sorted(given.items())))
    at_once = [name for name in together if name not in given]
    found = await look.counts.of(
        key, lambda: _count(look, path, tuple(names), given, at_once, assumed)
    )
    return replace(found.value, age=found.age) if found is not None else None


async def _count(
    look: Look,
    path: str,
    names: Sequence[str],
    given: Mapping[str, Sequence[str]],
    at_once: Sequence[str],
    assumed: Query,
) -> Facets:
    values: dict[str, Sequence[Value]] = {}
    total, complete = 0, False
    partial: set[str] = set()
    for asked in [*([at_once] if at_once else []), *([n] for n in names if n not in at_once)]:
        others = {**assumed, **{n: v for n, v in given.items() if n not in asked}}
        summary = await look.api.value(path, group_by=asked, **others)
        values |= {name: _values(name, _of(name, summary["groups"])) for name in asked}
        if not summary["complete"]:
            partial |= set(asked)
        if given.keys().isdisjoint(asked) and not complete:
            total, complete = max(total, summary["total"]), summary["complete"]
    return Facets(values, total, complete, partial=frozenset(partial))


def _of(name: str, groups: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the groups of one facet, whatever else they are parted by."""
    tally: Counter[Any] = Counter()
    for group in groups:
        tally[group[name]] += group["count"]
    return [{name: value, "count": count} for value, count in tally.items()]


def _values(name: str, groups: Sequence[Mapping[str, Any]]) -> list[Value]:
    shown = [
        Value(str(group[name]), str(group[name]), group["count"])
        for group in groups
        if group[name] is not None
    ]
    if name == "severity":
        return shown[::-1]
    if name in _IN_ORDER:
        return shown
    return sorted(shown, key=lambda each: (-each.count, each.label))[:_MOST_VALUES]
