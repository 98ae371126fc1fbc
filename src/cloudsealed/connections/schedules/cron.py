"""The five fields of crontab(5), as Debian's cron reads them, and the times that they name.

Beside numbers, names, lists, ranges and steps, a day of the month may be `L`, its last day, or
`LW`, the last of its weekdays, and a day of the week `5L`, the last Friday, or `1#2`, the second
Monday.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_YEARS = 50  # that are looked at: every 29 February has been every day of the week
_LAST = -1


class CronError(ValueError):
    """A field cannot be; the text names it."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    bounds: range
    words: Sequence[str] = ()

    def bad(self) -> CronError:
        return CronError(f"Bad {self.name}")

    def numbers(self, text: str) -> frozenset[int]:
        """Return what a list of numbers, ranges and steps names; raises CronError."""
        return frozenset(n for term in text.split(",") for n in self._term(term))

    def number(self, text: str) -> int:
        """Return a number or the one of a name; raises CronError."""
        if text in self.words:
            return self.words.index(text) + self.bounds[0]
        if (number := self.count(text)) not in self.bounds:
            raise self.bad()
        return number

    def count(self, text: str) -> int:
        """Return a number of any size; raises CronError."""
        if not (text.isascii() and text.isdigit()):
            raise self.bad()
        return int(text)

    def _term(self, text: str) -> Sequence[int]:
        base, slash, step = text.partition("/")
        every = self.count(step) if slash else 1
        if not every:
            raise self.bad()
        return self._run(base, open_ended=bool(slash))[::every]

    def _run(self, text: str, *, open_ended: bool) -> range:
        if text == "*":
            return self.bounds
        first, dash, last = text.partition("-")
        start = self.number(first)
        end = self.number(last) if dash else self.bounds[-1] if open_ended else start
        if end < start:
            raise self.bad()
        return range(start, end + 1)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTE, _HOUR = _Field("minute", range(60)), _Field("hour", range(24))
_DAY, _MONTH = _Field("day-of-month", range(1, 32)), _Field("month", range(1, 13), _MONTHS)
_WEEKDAY = _Field("day-of-week", range(8), _WEEK)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression, read. `weekdays` are 0 to 6 from Sunday on, each with which of the month it
    is: 1 to 5, the last, or 0 for any."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    ends: frozenset[str]
    months: frozenset[int]
    weekdays: frozenset[tuple[int, int]]
    is_both: bool
    is_elapsed: bool

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read five fields; raises CronError that names the bad one."""
        minute, hour, day, month, weekday = text.upper().split()
        terms = day.split(",")
        ends = frozenset(t.partition("/")[0] for t in terms) & {"L", "LW"}
        numbers = ",".join(t for t in terms if t.partition("/")[0] not in ends)
        return cls(
            _MINUTE.numbers(minute),
            _HOUR.numbers(hour),
            _DAY.numbers(numbers) if numbers or not ends else frozenset(),
            ends,
            _MONTH.numbers(month),
            frozenset(each for term in weekday.split(",") for each in _weekdays(term)),
            is_both=day.startswith("*") or weekday.startswith("*"),
            is_elapsed=minute.startswith("*") or hour.startswith("*"),
        )

    def times(self, moment: datetime) -> Iterator[datetime]:
        """Yield the times after a moment in its time zone, in UTC and in order."""
        zone, last = moment.tzinfo or UTC, moment.astimezone(UTC)
        real = _shown if self.is_elapsed else _passed
        for midnight in self._midnights(moment):
            walls = (midnight + timedelta(minutes=at) for at in self._minutes)
            for found in sorted(at for wall in walls for at in real(wall, zone)):
                if found > last:
                    yield found
                    last = found

    def _midnights(self, moment: datetime) -> Iterator[datetime]:
        """Yield the days that are named from a moment's on, as a calendar on a wall has them."""
        first = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
        for year, month in _months(moment.year, moment.month):
            for day in self._days(year, month):
                if (found := first.replace(year, month, day)) >= first:
                    yield found

    @property
    def _minutes(self) -> list[int]:
        """Return the minutes of a day that are named."""
        return [
            60 * hour + minute for hour in sorted(self.hours) for minute in sorted(self.minutes)
        ]

    def _days(self, year: int, month: int) -> list[int]:
        """Return the days of a month that both fields name, or either (crontab(5))."""
        if month not in self.months:
            return []
        first, length = monthrange(year, month)
        week = [(first + day) % 7 for day in range(length + 1)]  # of each day, 0 is Sunday
        named = set(self.days) | ({length} if "L" in self.ends else set())
        if "LW" in self.ends:
            named.add(max(day for day in range(length - 2, length + 1) if 0 < week[day] < 6))
        by_week = {
            day
            for day in range(1, length + 1)
            for nth in (0, (day + 6) // 7, *((_LAST,) if day + 7 > length else ()))
            if (week[day], nth) in self.weekdays
        }
        found = named & by_week if self.is_both else named | by_week
        return sorted(day for day in found if day <= length)


def _weekdays(term: str) -> Iterator[tuple[int, int]]:
    day, hash_, nth = term.partition("#")
    if hash_:
        if _WEEKDAY.count(nth) not in range(1, 6):
            raise _WEEKDAY.bad()
        yield _WEEKDAY.number(day) % 7, int(nth)
    elif term.endswith("L"):
        yield _WEEKDAY.number(str(_WEEKDAY.count(term[:-1]))) % 7, _LAST
    else:
        yield from ((number % 7, 0) for number in _WEEKDAY.numbers(term))


def _months(year: int, month: int) -> Iterator[tuple[int, int]]:
    for number in range(12 * year + month - 1, 12 * (year + _YEARS) + month):
        yield number // 12, number % 12 + 1


def _shown(wall: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield when a clock shows a time: never where it is skipped, twice where it comes twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        yield first.astimezone(UTC)
        return
    for at in (first, second):  # the clock changes here (PEP 495)
        if at.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            yield at.astimezone(UTC)


def _passed(wall: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield when a clock first shows a time, or has just skipped it."""
    while not (found := list(_shown(wall, zone))):
        wall += timedelta(minutes=1)
    yield found[0]
