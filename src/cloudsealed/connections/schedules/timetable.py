"""When a schedule is due: five fields of cron, read in a time zone. It keeps no state.

The fields are those of Debian's cron (crontab(5)) with its names of days and months, and `L`, `LW`
and `1#2` for the last day, the last weekday and the second Monday. Where a clock changes, a time
that is skipped comes as soon as the clock has passed it, and one that comes twice counts once;
a minute or an hour that begins with `*` goes by elapsed time instead, as Debian's cron has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from cloudsealed.connections.schedules.cron import Cron, CronError
from cloudsealed.kit.shapes import refuse

SHORTEST = timedelta(minutes=15)
_FIELDS = "minute hour day-of-month month day-of-week"
_LOOKED_AT = 200  # firings: two days of the densest expression that is taken
_LOOKED_AHEAD = timedelta(days=4 * 366)  # every 29 February has come once


@dataclass(frozen=True, slots=True)
class Timetable:
    """A cron expression and the time zone in which it is read."""

    cron: str
    timezone: str

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the times after `moment` within 50 years, in UTC and in order."""
        return Cron.parse(self.cron).times(moment.astimezone(_zone(self.timezone)))

    def next(self, moment: datetime) -> datetime | None:
        """Return the first time after `moment`, None when 50 years have none."""
        return next(self.after(moment), None)


def read_timetable(
    asked: Mapping[str, Any], now: datetime, known: Timetable | None = None
) -> Timetable:
    """Return the timetable of a body's `cron` and `timezone`, from `known` where it has none;
    raises the 422 that names the bad one and says what to do."""
    if known is not None and "cron" not in asked and "timezone" not in asked:
        return known
    cron = known.cron if known and "cron" not in asked else asked["cron"]
    zone = asked.get("timezone") or (known.timezone if known else "UTC")
    if zone not in _zones():
        raise refuse("timezone", "must be an IANA time zone such as Europe/Berlin")
    if len(cron.split()) != 5:
        raise refuse("cron", f"must have five fields, such as 0 6 * * 1: {_FIELDS}")
    found = Timetable(cron, zone)
    _refuse_pace(Timetable(cron, "UTC"), now)
    return found


def _refuse_pace(timetable: Timetable, now: datetime) -> None:
    """Refuse an expression that fires never or too often by an even clock."""
    try:
        times = list(
            islice(takewhile(lambda at: at < now + _LOOKED_AHEAD, timetable.after(now)), _LOOKED_AT)
        )
        never = not times and timetable.next(now) is None
    except CronError as error:
        raise refuse("cron", f"has a field that cannot be: {error}; it is {_FIELDS}") from error
    if never:
        raise refuse("cron", "never fires: choose a day that one of its months has")
    if any(later - earlier < SHORTEST for earlier, later in pairwise(times)):
        raise refuse(
            "cron", "fires more often than every 15 minutes: choose minutes 15 apart, such as */15"
        )


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"} | {"UTC"}


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
