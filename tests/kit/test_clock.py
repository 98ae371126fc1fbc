"""Times are text of one length that sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.kit.clock import parse_rfc3339, rfc3339, utc_now

MOMENTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(MOMENTS, MOMENTS)
def test_text_sorts_as_time_does_to_the_millisecond(one: datetime, two: datetime) -> None:
    first, second = rfc3339(one), rfc3339(two)
    assert len(first) == len(second) == 24
    if abs(one - two) >= timedelta(milliseconds=1):
        assert (first < second) == (one < two)


@given(MOMENTS)
def test_what_is_read_back_is_the_same_millisecond(moment: datetime) -> None:
    found = parse_rfc3339(rfc3339(moment))
    assert timedelta(0) <= moment - found < timedelta(milliseconds=1)
    assert found.tzinfo is UTC
    assert rfc3339(found) == rfc3339(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T01:30:00+01:30", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T00:00:00.1239Z", "2026-01-31T00:00:00.123Z"),
    ],
)
def test_any_offset_becomes_utc(text: str, expected: str) -> None:
    assert rfc3339(parse_rfc3339(text)) == expected


@pytest.mark.parametrize("text", ["", "2026-01-31", "2026-01-31T00:00:00", "yesterday", "1"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        parse_rfc3339(text)


def test_now_is_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
