"""Times of a cron expression: after now, as its fields say, and once where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from cloudsealed.connections.schedules.bodies import schedule
from cloudsealed.connections.schedules.timetable import Timetable, read_timetable
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.shapes import Anything, Record, read_body
from cloudsealed.vocabulary import ScheduleKind

FORMS = {kind: Anything() for kind in ScheduleKind}
SCHEDULE = schedule(FORMS).shape
assert isinstance(SCHEDULE, Record)
TIMING = Record({name: SCHEDULE.parts[name] for name in ("cron", "timezone")})
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Havana",
    "Africa/Cairo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
)
Meaning = tuple[str, frozenset[int]]


def _field(low: int, high: int) -> st.SearchStrategy[Meaning]:
    """Texts of one field, each with what it names by its own reading of crontab(5)."""
    everything = range(low, high + 1)
    numbers = st.integers(low, high)
    several = st.sets(numbers, min_size=1, max_size=4)
    return st.one_of(
        st.just(("*", frozenset(everything))),
        st.integers(2, 30).map(lambda n: (f"*/{n}", frozenset(everything[::n]))),
        several.map(lambda s: (",".join(map(str, sorted(s))), frozenset(s))),
        st.tuples(numbers, numbers)
        .map(sorted)
        .map(lambda p: (f"{p[0]}-{p[1]}", frozenset(range(p[0], p[1] + 1)))),
    )


EXPRESSIONS = st.tuples(*(_field(low, high) for low, high in RANGES))
MOMENTS = st.integers(0, 3 * 366 * 24 * 60 * 60).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def _is_day(fields: tuple[Meaning, ...], day: date) -> bool:
    days, months, weekdays = fields[2], fields[3][1], fields[4]
    if day.month not in months:
        return False
    by_day, by_weekday = day.day in days[1], day.isoweekday() % 7 in weekdays[1]
    if days[0].startswith("*") or weekdays[0].startswith("*"):
        return by_day and by_weekday
    return by_day or by_weekday


def _first_after(fields: tuple[Meaning, ...], now: datetime) -> datetime | None:
    for ahead in range(800):
        day = now.date() + timedelta(days=ahead)
        if _is_day(fields, day):
            for hour in sorted(fields[1][1]):
                for minute in sorted(fields[0][1]):
                    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if at > now:
                        return at
    return None


def _cron(fields: tuple[Meaning, ...]) -> str:
    return " ".join(text for text, _ in fields)


@given(EXPRESSIONS, MOMENTS)
@settings(max_examples=300)
def test_the_next_time_is_the_first_after_now_that_the_fields_name(
    fields: tuple[Meaning, ...], now: datetime
) -> None:
    expected = _first_after(fields, now)
    assume(expected is not None)
    assert Timetable(_cron(fields), "UTC").next(now) == expected


@given(EXPRESSIONS, MOMENTS, st.sampled_from(ZONES))
@example(
    (
        ("45", frozenset({45})),
        ("2", frozenset({2})),
        *(("*", frozenset(range(32))) for _ in range(3)),
    ),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),  # 02:30 in Berlin for the second time
    "Europe/Berlin",
)
@settings(max_examples=300)
def test_in_every_zone_times_come_in_order_and_are_what_the_clock_on_the_wall_shows(
    fields: tuple[Meaning, ...], now: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    assume(_first_after(fields, now))
    times = list(islice(Timetable(_cron(fields), name).after(now), 8))
    assert times[0] > now
    assert all(later > earlier for earlier, later in pairwise(times))
    for at in times:
        wall = at.astimezone(zone)
        before = (at - timedelta(seconds=1)).astimezone(zone)
        skipped = before.utcoffset() != wall.utcoffset()  # the clock was put forward to here
        shown = wall.minute in fields[0][1] and wall.hour in fields[1][1]
        assert skipped or (shown and _is_day(fields, wall.date()))


@pytest.mark.parametrize(
    ("cron", "day", "local"),
    [
        ("30 2 * * *", "2026-03-29", ["03:00"]),  # 02:00 to 03:00 is skipped
        ("0,30 2,3 * * *", "2026-03-29", ["03:00", "03:30"]),
        ("30 2 * * *", "2026-10-25", ["02:30"]),  # 02:00 to 03:00 comes twice
        ("30 1 * * *", "2026-10-25", ["01:30"]),
        ("30 * * * *", "2026-10-25", ["00:30", "01:30", "02:30", "02:30", "03:30"]),
        ("30 * * * *", "2026-03-29", ["00:30", "01:30", "03:30", "04:30", "05:30"]),
    ],
)
def test_a_fixed_time_runs_once_where_the_clock_changes_and_an_hourly_one_by_elapsed_time(
    cron: str, day: str, local: list[str]
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=zone)
    start = midnight - timedelta(seconds=1)
    found = [at.astimezone(zone) for at in islice(Timetable(cron, zone.key).after(start), 5)]
    today = [f"{at:%H:%M}" for at in found if f"{at:%Y-%m-%d}" == day]
    assert today == local


def test_the_second_half_of_a_doubled_hour_waits_for_tomorrow() -> None:
    again = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Berlin for the second time
    assert Timetable("45 2 * * *", "Europe/Berlin").next(again) == datetime(
        2026, 10, 26, 1, 45, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "cron", "is required"),
        ({"cron": "* * * *"}, "cron", "five fields"),
        ({"cron": "0 0 * * * *"}, "cron", "five fields"),
        ({"cron": "@daily"}, "cron", "five fields"),
        ({"cron": "0 25 * * *"}, "cron", "Bad hour"),
        ({"cron": "0 0 31 2 *"}, "cron", "never fires: choose a day"),
        ({"cron": "0 0 */30 * MON#2"}, "cron", "never fires: choose a day"),
        ({"cron": "* * * * *"}, "cron", "every 15 minutes: choose"),
        ({"cron": "*/14 * * * *"}, "cron", "every 15 minutes"),
        ({"cron": "0,50 23,0 * * *"}, "cron", "every 15 minutes"),
        ({"cron": "0,1 0 1 1 *"}, "cron", "every 15 minutes"),
        ({"cron": "0,50 0,23 29,1 2,3 *"}, "cron", "every 15 minutes"),  # in leap years alone
        ({"cron": "0 0 * * *" + " " * 100}, "cron", "1 to 100"),
        ({"cron": 5}, "cron", "string"),
        ({"cron": "0 0 * * *", "timezone": "Mars"}, "timezone", "IANA"),
        ({"cron": "0 0 * * *", "timezone": "Europe"}, "timezone", "IANA"),
        ({"cron": "0 0 * * *", "timezone": "../../etc/passwd"}, "timezone", "IANA"),
        ({"cron": "0 0 * * *", "timezone": "localtime"}, "timezone", "IANA"),
    ],
)
def test_what_is_no_timetable_is_refused_with_what_to_do(
    body: dict[str, object], field: str, says: str
) -> None:
    with pytest.raises(CloudSealedError, match=says) as caught:
        read_timetable(read_body(TIMING, body), NOW)
    assert caught.value.status == 422
    assert [detail["field"] for detail in caught.value.details] == [field]


@pytest.mark.parametrize(
    "cron",
    ["*/15 * * * *", "0 6 * * MON", "0,50 3 * * *", "0 0 29 2 *", "0 0 L * *", "0 0 29 2 MON#5"],
)
def test_what_fires_seldom_enough_is_taken(cron: str) -> None:
    found = read_timetable(read_body(TIMING, {"cron": cron}), NOW)
    assert found == Timetable(cron, "UTC")
    following = found.next(NOW)
    assert following is not None
    assert following > NOW


@given(st.text(alphabet="0123456789*/,-#LWMONJAn² ", max_size=100))
@settings(max_examples=500)
def test_no_text_does_anything_but_fit_or_be_refused(text: str) -> None:
    try:
        found = read_timetable(read_body(TIMING, {"cron": text}), NOW)
    except CloudSealedError as error:
        assert error.status == 422  # noqa: PT017 - either way is good
    else:
        assert found.next(NOW) is not None
