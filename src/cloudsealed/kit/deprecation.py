"""What will go away, and when: declared on an operation, a parameter or a field of a request.

The rules are those of docs/versioning.md; the headers RFC 9745's and RFC 8594's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

NOTICE = timedelta(days=365)
"""How long at least what is deprecated goes on working."""


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since which day, what to use instead, and the last day, None while nobody says."""

    since: date
    instead: str
    sunset: date | None = None

    def __post_init__(self) -> None:
        """Refuse an end that comes too soon."""
        if self.sunset is not None and self.sunset - self.since < NOTICE:
            raise ValueError(f"what is deprecated works for at least {NOTICE.days} days more")

    @property
    def text(self) -> str:
        """Return what a document says of it."""
        ends = f", and gone after {self.sunset}" if self.sunset else ""
        return f"Deprecated since {self.since}{ends}: {self.instead}."

    @property
    def schema(self) -> dict[str, Any]:
        """Return what OpenAPI and JSON Schema say of it."""
        ends = {"x-sunset": self.sunset.isoformat()} if self.sunset else {}
        return {"deprecated": True, **ends}


def headers(found: Iterable[Deprecation], document: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of an answer to who uses these: the first that was, the first that ends.

    `document` is where people read of it.
    """
    used = list(found)
    if not used:
        return []
    since = min(_moment(each.since) for each in used)
    ends = [_moment(each.sunset) for each in used if each.sunset is not None]
    link = f'<{document}>; rel="deprecation"; type="text/html"'
    return [
        (b"deprecation", f"@{int(since.timestamp())}".encode()),
        *((b"sunset", format_datetime(end, usegmt=True).encode()) for end in sorted(ends)[:1]),
        (b"link", link.encode()),
    ]


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
