"""Expressions are read as another program reads Debian's cron, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudsealed.connections.schedules.cron import Cron, CronError

MOMENTS = st.integers(0, 4 * 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, seconds=7)
)


def _texts(low: int, high: int, *others: str) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    run = st.lists(number, min_size=2, max_size=2, unique=True).map("-".join)
    step = st.integers(1, high).map(str)
    base = st.just("*") | number | run
    term = base | st.tuples(base, step).map("/".join) | st.sampled_from(("*", *others))
    return st.lists(term, min_size=1, max_size=2).map(",".join)


EXPRESSIONS = st.tuples(
    _texts(0, 59),
    _texts(0, 23),
    _texts(1, 31, "L", "LW", "L,5", "LW/2"),
    _texts(1, 12, "JAN", "feb-Apr", "DEC"),
    _texts(0, 7, "MON", "fri-SAT", "5L", "0L", "7L", "1#2", "SUN#5", "7#1", "MON/2"),
).map(" ".join)


def theirs(cron: str, moment: datetime) -> list[datetime] | None:
    found, last = [], moment
    try:
        for at in islice(CronSim(cron, moment), 8):
            if at.year >= moment.year + 50:
                break
            if (at := at.astimezone(UTC)) > last:  # it gives some twice where clocks change
                found.append(at)
                last = at
    except CronSimError:
        return None
    return found


def ours(cron: str, moment: datetime, number: int) -> list[datetime] | None:
    try:
        return list(islice(Cron.parse(cron).times(moment), number))
    except CronError:
        return None


@settings(max_examples=200)
@given(EXPRESSIONS, MOMENTS)
@example("0 0 29 2 MON#5", datetime(2026, 1, 1, tzinfo=UTC))
@example("0 0 LW 2 *", datetime(2026, 1, 1, tzinfo=UTC))
def test_it_names_the_times_that_another_program_names(cron: str, moment: datetime) -> None:
    expected = theirs(cron, moment)
    if expected is None:  # it refuses a day that no month has, which names no time
        assert not ours(cron, moment, 1)
    else:
        assert ours(cron, moment, len(expected) or 1) == expected


@settings(max_examples=40)
@given(
    EXPRESSIONS,
    st.sampled_from(
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC))
    ),
    st.integers(0, 36 * 60),
    st.sampled_from(("Europe/Berlin", "America/New_York")),
)
def test_so_it_does_where_clocks_change(cron: str, noon: datetime, minutes: int, name: str) -> None:
    minute, hour, _, _, weekday = cron.split()
    cron = f"{minute} {hour} * * {weekday.partition(chr(35))[0]}"
    moment = (noon + timedelta(minutes=minutes)).astimezone(ZoneInfo(name))
    expected = theirs(cron, moment)
    assert ours(cron, moment, len(expected or ()) or 1) == expected


@pytest.mark.parametrize("name", ["Pacific/Apia", "America/Havana", "Australia/Lord_Howe"])
def test_where_a_whole_day_or_midnight_is_skipped_a_fixed_time_comes_when_it_has_passed(
    name: str,
) -> None:
    zone = ZoneInfo(name)
    moment = datetime(2011, 3, 1, tzinfo=UTC).astimezone(zone)
    for at in islice(Cron.parse("0,15,30,45 0-3 * * *").times(moment), 16 * 300):
        wall = at.astimezone(zone)
        before = (at - timedelta(seconds=1)).astimezone(zone)
        moved = before.utcoffset() != wall.utcoffset()
        assert moved or (wall.hour < 4 and wall.minute % 15 == 0)
