"""Facets: how many there are of each value of a filter, beside the list that the filters narrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsealed.console.look import Look

_MOST = 60


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a filter, what people call it, and how many have it."""

    value: str
    label: str
    count: int


async def counted(
    look: Look, path: str, names: Iterable[str], filters: Sequence[str]
) -> tuple[dict[str, list[Value]], int, bool]:
    """Return the values of each facet, most frequent first, how many objects the filters match,
    and whether all were counted.

    A facet counts with every filter but its own, so that another value can be taken beside one.
    """
    found: dict[str, list[Value]] = {}
    total, complete = 0, True
    given = {name: look.query.get(name, ()) for name in filters}
    for name in names:
        asked = {n: v for n, v in given.items() if n != name}
        summary = await look.api.value(path, group_by=name, **asked)
        found[name] = _values(name, summary["groups"])
        complete = complete and summary["complete"]
        if not given.get(name):
            total = summary["total"]
    return found, total, complete


def _values(name: str, groups: Sequence[Mapping[str, Any]]) -> list[Value]:
    shown = [
        Value(str(group[name]), str(group[name]), group["count"])
        for group in groups
        if group[name] is not None
    ]
    if name == "severity":
        return shown[::-1]
    return sorted(shown, key=lambda each: (-each.count, each.label))[:_MOST]
