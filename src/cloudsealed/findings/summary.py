"""Counts of findings by facets: which column a facet is read from, and how groups come of it.

A policy serves several controls, so a finding may be in several groups of `framework` or `control`;
a total counts it once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudsealed.findings.ranges import AGES, SAVINGS, Interval, age_of, ages, savings_of
from cloudsealed.storage.database import Row
from cloudsealed.vocabulary import Severity

_COLUMNS = {
    "dimension": "dimension",
    "severity": "severity",
    "status": "status",
    "provider": "provider",
    "account": "account",
    "region": "region",
    "connection": "connection_id",
    "resource_type": "resource_type",
    "service": "resource_type",
    "policy": "policy_id",
    "resource": "resource_id",
    "framework": "policy_id",
    "control": "policy_id",
    "owner": "owner",
    "triage": "triage",
    "age": "first_seen_at",
    "savings": "monthly_savings",
}
GROUPS = tuple(_COLUMNS)
_IN_ORDER: Mapping[str, Sequence[str]] = {
    "age": AGES,
    "savings": SAVINGS,
    "severity": tuple(Severity),
}
_SERVED = ("framework", "control")

Group = tuple[Any, ...]
Described = Callable[[str], tuple[str, Sequence[Mapping[str, str]]]]
"""From a policy's id to its key and the controls that it serves."""


def columns_of(group_by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the facets are read from, each once."""
    return tuple(dict.fromkeys(_COLUMNS[name] for name in group_by))


def groups(
    group_by: Sequence[str],
    rows: Sequence[Row],
    described: Described,
    now: datetime,
    top: int | None = None,
) -> tuple[list[dict[str, Any]], int]:
    """Return the groups of counted rows (column values …, count), in the order of their values, and
    how many values the first facet has; each value is one that the filter of that name takes at
    this moment, or null.

    With `top` there are groups of at most so many values of the first facet: those with the most
    findings of the highest severity, where that is counted by, then with the most; worst first.
    """
    tally = _tallied(group_by, rows, _Told(described, ages(now)))
    weights = _weights(group_by, tally)
    if top is None:
        ordered = sorted(tally, key=lambda group: _places(group_by, group))
    else:
        chosen = sorted(weights, key=lambda value: (weights[value], str(value)))[:top]
        ranks = {value: rank for rank, value in enumerate(chosen)}
        kept = [group for group in tally if group[0] in ranks]
        ordered = sorted(kept, key=lambda group: (ranks[group[0]], _places(group_by, group)))
    found = [
        {**dict(zip(group_by, group, strict=True)), "count": tally[group]} for group in ordered
    ]
    return found, len(weights)


def _weights(group_by: Sequence[str], tally: Mapping[Group, int]) -> dict[Any, list[int]]:
    """Return what makes each value of the first facet worse than another, the worst the lowest."""
    levels = list(Severity)
    place = group_by.index("severity") if "severity" in group_by else None
    weights: dict[Any, list[int]] = {}
    for group, count in tally.items():
        weight = weights.setdefault(group[0], [0] * (len(levels) + 1))
        weight[-1] -= count
        if place is not None:
            weight[-2 - levels.index(group[place])] -= count
    return weights


@dataclass(frozen=True, slots=True)
class _Told:
    """What the values of facets are told by."""

    described: Described
    spans: Mapping[str, Interval]


def _tallied(group_by: Sequence[str], rows: Sequence[Row], told: _Told) -> Counter[Group]:
    columns, tally = columns_of(group_by), Counter[Group]()
    served = [name for name in _SERVED if name in group_by]
    read = [(columns.index(_COLUMNS[name]), _Values(name, told)) for name in group_by]
    for row in rows:
        group = tuple([values[row[place]] for place, values in read])
        for each in _served(group_by, group, served) if served else (group,):
            tally[each] += row[-1]
    return tally


class _Values(dict[Any, Any]):
    """From what a column holds to the value of a facet, each found once."""

    def __init__(self, name: str, told: _Told) -> None:
        super().__init__()
        self._name, self._told = name, told

    def __missing__(self, held: Any) -> Any:
        found = self[held] = _value(self._name, held, self._told)
        return found


def _served(group_by: Sequence[str], group: Group, names: Sequence[str]) -> Iterator[Group]:
    """Yield the groups that a policy's controls make of one, in which each of `names` has all of
    them."""
    controls = group[group_by.index(names[0])]
    found = {tuple(each[name] for name in names) for each in controls}
    for one in sorted(found) or [(None,) * len(names)]:
        values = dict(zip(names, one, strict=True))
        yield tuple(values.get(name, group[place]) for place, name in enumerate(group_by))


def _value(name: str, held: Any, told: _Told) -> Any:
    match name:
        case "severity":
            return list(Severity)[held]
        case "service":
            return held.split(".")[1]
        case "policy":
            return told.described(held)[0]
        case "framework" | "control":
            return told.described(held)[1]
        case "age":
            return age_of(held, told.spans)
        case "savings":
            return savings_of(held)
    return held or None


def _places(group_by: Sequence[str], group: Group) -> tuple[tuple[bool, Any], ...]:
    return tuple(map(_place, group_by, group))


def _place(name: str, value: Any) -> tuple[bool, Any]:
    if value is not None and name in _IN_ORDER:
        return True, _IN_ORDER[name].index(value)
    return value is not None, "" if value is None else value
