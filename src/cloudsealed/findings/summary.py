"""Counts of findings by facets: which column a facet is read from, and how groups come of it.

A policy serves several controls, so a finding may be in several groups of `framework` or `control`;
a total counts it once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

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
}
GROUPS = tuple(_COLUMNS)
_SERVED = ("framework", "control")

Described = Callable[[str], tuple[str, Sequence[Mapping[str, str]]]]
"""From a policy's id to its key and the controls that it serves."""


def columns_of(group_by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that the facets are read from, each once."""
    return tuple(dict.fromkeys(_COLUMNS[name] for name in group_by))


def groups(
    group_by: Sequence[str], rows: Sequence[Row], described: Described
) -> list[dict[str, Any]]:
    """Return the groups of counted rows (column values …, count), in the order of their values;
    each value is one that the filter of that name takes, or null."""
    columns, tally = columns_of(group_by), Counter[tuple[Any, ...]]()
    for *values, count in rows:
        held = dict(zip(columns, values, strict=True))
        for group in _groups_of(group_by, held, described):
            tally[group] += count
    ordered = sorted(tally, key=lambda group: tuple(map(_place, group_by, group)))
    return [{**dict(zip(group_by, group, strict=True)), "count": tally[group]} for group in ordered]


def _groups_of(
    group_by: Sequence[str], held: Mapping[str, Any], described: Described
) -> Iterator[tuple[Any, ...]]:
    wanted = [name for name in _SERVED if name in group_by]
    served: list[tuple[Any, ...]] = [()]
    if wanted:
        _key, controls = described(held["policy_id"])
        found = {tuple(each[name] for name in wanted) for each in controls}
        served = sorted(found) or [(None,) * len(wanted)]
    plain = {name: _value(name, held, described) for name in group_by if name not in wanted}
    for one in served:
        values = plain | dict(zip(wanted, one, strict=True))
        yield tuple(values[name] for name in group_by)


def _value(name: str, held: Mapping[str, Any], described: Described) -> Any:
    value = held[_COLUMNS[name]]
    if name == "severity":
        return list(Severity)[value]
    if name == "service":
        return value.split(".")[1]
    if name == "policy":
        return described(value)[0]
    return value or None


def _place(name: str, value: Any) -> tuple[bool, Any]:
    rank = Severity(value).rank if name == "severity" else value
    return value is not None, "" if value is None else rank
