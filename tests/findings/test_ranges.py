"""Every finding is of one age, and of one saving where it has any; nothing is between two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloudsealed.findings.model import NO_SAVINGS
from cloudsealed.findings.ranges import AGES, SAVINGS, age_of, ages, bounded, dated, savings_of
from cloudsealed.kit.clock import rfc3339

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "age"),
    [
        (timedelta(0), "under_1d"),
        (timedelta(days=-3), "under_1d"),
        (timedelta(days=1), "under_1d"),
        (timedelta(days=1, milliseconds=1), "1d_to_7d"),
        (timedelta(days=30), "7d_to_30d"),
        (timedelta(days=89), "30d_to_90d"),
        (timedelta(days=91), "over_90d"),
        (timedelta(days=700_000), "over_90d"),
    ],
)
def test_an_age_is_counted_from_now(ago: timedelta, age: str) -> None:
    assert age_of(rfc3339(NOW - ago), ages(NOW)) == age


@pytest.mark.parametrize(
    ("cents", "name"),
    [
        (NO_SAVINGS, None),
        (0, "under_10"),
        (999, "under_10"),
        (1_000, "10_to_100"),
        (9_999, "10_to_100"),
        (100_000, "over_1000"),
        (2**53, "over_1000"),
    ],
)
def test_a_saving_is_in_whole_units(cents: int, name: str | None) -> None:
    assert savings_of(cents) == name


def test_ranges_join_and_become_two_values_each() -> None:
    ends = [ages(NOW)[name] for name in AGES]
    assert [start for start, _end in ends[:-1]] == [end for _start, end in ends[1:]]
    asked = {"age": ("under_1d", "over_90d"), "savings_not": ("10_to_100",), "status": ("open",)}
    assert bounded(dated(asked, NOW)) == {
        "age": ("2026-11-29T12:00:00.000Z", "~", "", "2026-09-01T12:00:00.000Z"),
        "savings_not": ("1000", "10000"),
        "status": ("open",),
    }
    assert len(SAVINGS) == 4
