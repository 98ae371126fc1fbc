"""Timestamps and durations as text, in CEL's forms. To the microsecond; finer digits are cut.

Sources: RFC 3339 for timestamps, the CEL language definition for durations. Refuses the local zone
and the real clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from cloudsealed.engine.errors import EvaluationError

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|ns)|0)+", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d*)?)(h|ms|m|s|us|ns)", re.ASCII)
_OFFSET: Final = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_MICROSECONDS: Final = {
    "h": 3_600_000_000.0,
    "m": 60_000_000.0,
    "s": 1_000_000.0,
    "ms": 1_000.0,
    "us": 1.0,
    "ns": 0.001,
}


def parse_timestamp(text: str) -> datetime:
    """An aware datetime of an RFC 3339 text; raises `EvaluationError`."""
    if len(text) == 20 and text[19] == "Z" and text[10] == "T" and text[4] == text[7] == "-":
        # The form of nearly every document; `fromisoformat` alone would take others too.
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise EvaluationError("this text is not an RFC 3339 timestamp")
    date, clock, fraction, zone = match.groups()
    micro = (fraction or "0").ljust(6, "0")[:6]
    offset = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{date}T{clock}.{micro}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise EvaluationError("this text is not an RFC 3339 timestamp") from None


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with Z, with no, three or six digits of the second, as they are needed."""
    utc = moment.astimezone(UTC)
    text = f"{utc.year:04}{utc:-%m-%dT%H:%M:%S}"
    fraction = f".{utc.microsecond:06}".removesuffix("000") if utc.microsecond else ""
    return f"{text}{fraction}Z"


def parse_duration(text: str) -> timedelta:
    """A timedelta of `1h30m`, `-2.5s` or `0`; raises `EvaluationError`."""
    if len(text) > 100 or _DURATION.fullmatch(text) is None:
        raise EvaluationError("this text is not a duration such as 1h30m or 2.5s")
    micros = sum(float(n) * _MICROSECONDS[unit] for n, unit in _AMOUNT.findall(text))
    try:
        return timedelta(microseconds=-micros if text.startswith("-") else micros)
    except OverflowError:
        raise EvaluationError("the duration is out of range") from None


def format_duration(length: timedelta) -> str:
    """Seconds with as many digits as there are: `5400s`, `0.25s`."""
    micros = length // timedelta(microseconds=1)
    whole, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}{whole}{fraction}s"


def offset_of(zone: str) -> timezone:
    """The zone of `UTC` or `+02:00`; raises `EvaluationError` for names of places."""
    if zone in ("UTC", "Z", ""):
        return UTC
    match = _OFFSET.fullmatch(zone)
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise EvaluationError("a time zone is UTC or an offset such as +02:00")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)
