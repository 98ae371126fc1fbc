"""Timestamps and durations as text and as parts, in CEL's forms, to the nanosecond.

Sources: RFC 3339 for timestamps, the CEL language definition ("Timestamps", "Duration") for ranges
and durations. Refuses the local zone and the real clock; names of zones are read from the machine's
time zone database, as `zoneinfo` does.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.values import MAX_INT, MIN_INT, Duration, Timestamp

SECOND: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -62_135_596_800 * SECOND
_LAST: Final = 253_402_300_800 * SECOND - 1
_LONGEST: Final = 315_576_000_001 * SECOND - 1
_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION: Final = re.compile(
    r"[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+)", re.ASCII
)
_AMOUNT: Final = re.compile(r"(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|μs|ns)", re.ASCII)
_OFFSET: Final = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_OF_THE_MACHINE: Final = frozenset({"localtime", "posixrules", "Factory"})
"""Names in the tz database that stand for what an operator chose: not the same everywhere."""
_UNITS: Final = {
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    **dict.fromkeys(("us", "µs", "μs"), 1_000),
    "ns": 1,
}


def moment(nanos: int) -> Timestamp:
    """The timestamp at `nanos` since 1970; raises `EvaluationError` outside the years 1 to 9999."""
    if not _FIRST <= nanos <= _LAST:
        raise EvaluationError("the time is out of range")
    return Timestamp(nanos)


def length(nanos: int) -> Duration:
    """The duration of `nanos`; raises `EvaluationError` when they do not have 64 bits."""
    if not MIN_INT <= nanos <= MAX_INT:
        raise EvaluationError("the duration is out of range")
    return Duration(nanos)


def nanos_of(when: datetime) -> int:
    """The nanoseconds from 1970 to an aware datetime."""
    return (when - _EPOCH) // timedelta(microseconds=1) * 1_000


def datetime_of(when: Timestamp, zone: tzinfo = UTC) -> datetime:
    """The datetime of a timestamp in a zone, finer digits than microseconds cut."""
    try:
        return (_EPOCH + timedelta(microseconds=when.nanos // 1_000)).astimezone(zone)
    except OverflowError:
        raise EvaluationError("the time is out of range") from None


def parse_datetime(text: str) -> datetime:
    """An aware datetime of an RFC 3339 text, to the microsecond; raises `EvaluationError`."""
    if text[4:23:3] == "--T::Z":
        # The form of nearly every document; `fromisoformat` alone would take others too.
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    return datetime_of(parse_timestamp(text))


def parse_timestamp(text: str) -> Timestamp:
    """The timestamp of an RFC 3339 text; raises `EvaluationError`."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise EvaluationError("this text is not an RFC 3339 timestamp")
    date, clock, fraction, zone = match.groups()
    try:
        local = datetime.fromisoformat(f"{date}T{clock}+00:00")
    except ValueError:
        raise EvaluationError("this text is not an RFC 3339 timestamp, or out of range") from None
    offset = 0
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:])
        if hours > 23 or minutes > 59:
            raise EvaluationError("this text is not an RFC 3339 timestamp")
        offset = (hours * 60 + minutes) * (-60 if zone[0] == "-" else 60)
    whole = nanos_of(local) - offset * SECOND
    return moment(whole + int((fraction or "0").ljust(9, "0")))


def format_timestamp(when: Timestamp) -> str:
    """RFC 3339 in UTC with Z, with no, three, six or nine digits of the second, as needed."""
    utc = datetime_of(when)
    text = f"{utc.year:04}{utc:-%m-%dT%H:%M:%S}"
    fraction = f".{when.nanos % SECOND:09}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{text}{fraction if len(fraction) > 1 else ''}Z"


def parse_duration(text: str) -> Duration:
    """A duration of `1h30m`, `-2.5s` or `0`; raises `EvaluationError`."""
    if len(text) > 100 or _DURATION.fullmatch(text) is None:
        raise EvaluationError("this text is not a duration such as 1h30m or 2.5s")
    nanos = 0
    for whole, fraction, unit in _AMOUNT.findall(text):
        scale = _UNITS[unit]
        nanos += int(whole or 0) * scale
        nanos += int(fraction or 0) * scale // 10 ** len(fraction)
    if nanos > _LONGEST:
        raise EvaluationError("the duration is out of range")
    return Duration(-nanos if text.startswith("-") else nanos)


def format_duration(span: Duration) -> str:
    """Seconds with as many digits as there are: `5400s`, `0.25s`."""
    whole, rest = divmod(abs(span.nanos), SECOND)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{'-' if span.nanos < 0 else ''}{whole}{fraction}s"


@lru_cache(maxsize=256)
def zone_of(zone: str) -> tzinfo:
    """The zone of `UTC`, `+02:00` or `Europe/Berlin`; raises `EvaluationError`."""
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return UTC if zone in ("UTC", "Z", "") else _named(zone)
    if int(match[2]) > 23 or int(match[3]) > 59:
        raise EvaluationError("a time zone's offset is at most 23:59")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _named(zone: str) -> tzinfo:
    try:
        if len(zone) > 64 or zone in _OF_THE_MACHINE:
            raise ValueError
        return ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise EvaluationError("there is no time zone of this name") from None
