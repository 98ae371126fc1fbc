"""The parts of timestamps and durations: `getFullYear` and its kin.

Source: the CEL language definition, "List of Standard Definitions". Parts are in UTC unless a zone
is named. Refuses the local zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from cloudsealed.engine.signature import Function, kinds
from cloudsealed.engine.times import SECOND, datetime_of, zone_of
from cloudsealed.engine.values import Duration, Timestamp

_MOMENT: Final = kinds("timestamp")


def _getter(name: str, part: Callable[[datetime], int]) -> tuple[Function, Function]:
    """`timestamp.name()` in UTC, and `timestamp.name(zone)`."""

    def in_utc(when: Timestamp) -> int:
        return part(datetime_of(when))

    def in_zone(when: Timestamp, zone: str) -> int:
        return part(datetime_of(when, zone_of(zone)))

    in_utc.__doc__ = in_zone.__doc__ = f"`{name}` of a timestamp, in UTC or in a zone."
    return (
        Function(name, (_MOMENT,), "int", in_utc, "method"),
        Function(name, (_MOMENT, kinds("string")), "int", in_zone, "method"),
    )


def _elapsed(name: str, part: Callable[[datetime], int], unit: int) -> tuple[Function, Function]:
    """As `_getter`, and the same of a duration: how many whole units of nanoseconds it has."""

    def run(value: Timestamp | Duration) -> int:
        if isinstance(value, Timestamp):
            return part(datetime_of(value))
        # Of a duration all but the milliseconds are totals.
        rest = abs(value.nanos) % SECOND if name == "getMilliseconds" else abs(value.nanos)
        return rest // unit if value.nanos >= 0 else -(rest // unit)

    run.__doc__ = f"`{name}` of a timestamp in UTC, or of a whole duration."
    either = kinds("timestamp", "duration")
    return Function(name, (either,), "int", run, "method"), _getter(name, part)[1]


MOMENTS: Final = (
    *_getter("getFullYear", lambda t: t.year),
    *_getter("getMonth", lambda t: t.month - 1),
    *_getter("getDate", lambda t: t.day),
    *_getter("getDayOfMonth", lambda t: t.day - 1),
    *_getter("getDayOfWeek", lambda t: t.isoweekday() % 7),
    *_getter("getDayOfYear", lambda t: t.timetuple().tm_yday - 1),
    *_elapsed("getHours", lambda t: t.hour, 3_600 * SECOND),
    *_elapsed("getMinutes", lambda t: t.minute, 60 * SECOND),
    *_elapsed("getSeconds", lambda t: t.second, SECOND),
    *_elapsed("getMilliseconds", lambda t: t.microsecond // 1_000, 1_000_000),
)
