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
_IN_ORDER: Mapping[str, Sequence[str]] = {"age": AGES, "savings": SAVINGS}
_SERVED = ("framework", "control")

Described = Callable[[str], tuple[str, Sequence[Mapping[str, str]]]]
"""From a policy's id to its key and the controls that it serves."""


def columns_of(group_by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the facets are read from, each once."""
    return tuple(dict.fromkeys(_COLUMNS[name] for name in group_by))


def groups(
    group_by: Sequence[str], rows: Sequence[Row], described: Described, now: datetime
) -> list[dict[str, Any]]:
    """Return the groups of counted rows (column values …, count), in the order of their values;
    each value is one that the filter of that name takes at this moment, or null."""
    columns, tally = columns_of(group_by), Counter[tuple[Any, ...]]()
    told = _Told(described, ages(now))
    for *values, count in rows:
        held = dict(zip(columns, values, strict=True))
        for group in _groups_of(group_by, held, told):
            tally[group] += count
    ordered = sorted(tally, key=lambda group: tuple(map(_place, group_by, group)))
    return [{**dict(zip(group_by, group, strict=True)), "count": tally[group]} for group in ordered]


def worst(
    group_by: Sequence[str], found: Sequence[Mapping[str, Any]], top: int
) -> list[Mapping[str, Any]]:
    """Return the groups of at most so many values of the first facet: those with the most findings
    of the highest severity, where that is counted by, then with the most; the worst first."""
    first = group_by[0]
    weights: dict[Any, list[int]] = {}
    for group in found:
        weight = weights.setdefault(group[first], [0] * (len(Severity) + 1))
        weight[-1] -= group["count"]
        if "severity" in group:
            weight[-2 - Severity(group["severity"]).rank] -= group["count"]
    chosen = sorted(weights, key=lambda value: (weights[value], str(value)))[:top]
    places = {value: place for place, value in enumerate(chosen)}
    kept = [group for group in found if group[first] in places]
    return sorted(kept, key=lambda group: places[group[first]])


@dataclass(frozen=True, slots=True)
class _Told:
    """What the values of facets are told by."""

    described: Described
    spans: Mapping[str, Interval]


def _groups_of(
    group_by: Sequence[str], held: Mapping[str, Any], told: _Told
) -> Iterator[tuple[Any, ...]]:
    wanted = [name for name in _SERVED if name in group_by]
    served: list[tuple[Any, ...]] = [()]
    if wanted:
        _key, controls = told.described(held["policy_id"])
        found = {tuple(each[name] for name in wanted) for each in controls}
        served = sorted(found) or [(None,) * len(wanted)]
    plain = {name: _value(name, held, told) for name in group_by if name not in wanted}
    for one in served:
        values = plain | dict(zip(wanted, one, strict=True))
        yield tuple(values[name] for name in group_by)


def _value(name: str, held: Mapping[str, Any], told: _Told) -> Any:
    value = held[_COLUMNS[name]]
    if name == "severity":
        return list(Severity)[value]
    if name == "service":
        return value.split(".")[1]
    if name == "policy":
        return told.described(value)[0]
    if name == "age":
        return age_of(value, told.spans)
    if name == "savings":
        return savings_of(value)
    return value or None


def _place(name: str, value: Any) -> tuple[bool, Any]:
    if value is not None and name in _IN_ORDER:
        return True, _IN_ORDER[name].index(value)
    rank = Severity(value).rank if name == "severity" else value
    return value is not None, "" if value is None else rank
