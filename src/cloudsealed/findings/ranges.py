"""Ranges that findings are told apart by: how long ago one was first seen, and what its cure saves.

Each name is a value of a filter and a group of a summary. An interval is `START/END` as text, the
end not in it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from cloudsealed.findings.model import NO_SAVINGS
from cloudsealed.kit.clock import rfc3339

Filters = Mapping[str, tuple[str, ...]]
Interval = tuple[str, str]

_BEFORE_ALL, _AFTER_ALL = "", "~"  # of every time
_DAYS = {"under_1d": 1, "1d_to_7d": 7, "7d_to_30d": 30, "30d_to_90d": 90}
_MOST = 2**62  # cents
_FROM = {"under_10": 0, "10_to_100": 10, "100_to_1000": 100, "over_1000": 1_000}

AGES = (*_DAYS, "over_90d")
"""Ages, the youngest first."""
SAVINGS = tuple(_FROM)
"""What a cure saves a month, in whole units of its currency, the least first."""


def ages(now: datetime) -> dict[str, Interval]:
    """Return the times between which a finding of each age was first seen."""
    ends = [rfc3339(now - timedelta(days=days)) for days in _DAYS.values()]
    spans = pairwise([_AFTER_ALL, *ends, _BEFORE_ALL])
    return {name: (start, end) for name, (end, start) in zip(AGES, spans, strict=True)}


def savings() -> dict[str, tuple[int, int]]:
    """Return the cents between which a finding of each name saves."""
    starts = [100 * amount for amount in _FROM.values()]
    return dict(zip(SAVINGS, pairwise([*starts, _MOST]), strict=True))


def dated(filters: Filters, now: datetime) -> Filters:
    """Return filters with ages as the intervals that they are at a moment."""
    known = {name: f"{start}/{end}" for name, (start, end) in ages(now).items()}
    return {
        name: tuple(known[value] for value in given) if name in ("age", "age_not") else given
        for name, given in filters.items()
    }


def bounded(filters: Filters) -> Filters:
    """Return filters with intervals as their conditions are bound: each start and end."""
    amounts = {name: f"{start}/{end}" for name, (start, end) in savings().items()}
    found = dict(filters)
    for name, known in (("age", {}), ("savings", amounts)):
        for each in (name, f"{name}_not"):
            if each in filters:
                found[each] = tuple(_parts(known.get(value, value) for value in filters[each]))
    return found


def _parts(intervals: Iterable[str]) -> Iterator[str]:
    for interval in intervals:
        yield from interval.split("/")


def age_of(first_seen_at: str, spans: Mapping[str, Interval]) -> str:
    """Return the age of what was first seen at a time; `spans` are those of `ages`."""
    return next(name for name, (start, end) in spans.items() if start <= first_seen_at < end)


def savings_of(cents: int) -> str | None:
    """Return which of SAVINGS an amount is; None where there is none."""
    if cents == NO_SAVINGS:
        return None
    return next(name for name, (start, end) in savings().items() if start <= cents < end)
