"""What a schedule is, and what one that starts work must be able to do.

It refuses to know audits and reports: whoever puts the services together says how each is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

from cloudsealed.connections.schedules.timetable import Timetable, read_timetable
from cloudsealed.jobs import Admit
from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.errors import NotFoundError
from cloudsealed.kit.shapes import Shape, refuse
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import ScheduleKind

MOST_SCHEDULES = 100
_SHOWN_AHEAD = 5


class ScheduleNotFoundError(NotFoundError):
    """No schedule of the tenant has this id."""

    code = "schedule_not_found"

    def __init__(self, ident: str) -> None:
        super().__init__("schedule", ident)


class Started(NamedTuple):
    """What a run made: its id and its public JSON."""

    id: str
    content: bytes


class Work(Protocol):
    """One kind of work that schedules start."""

    @property
    def form(self) -> Shape:
        """What a body says of it."""
        ...

    @property
    def unsaid(self) -> Mapping[str, Any]:
        """What a request has whose schedule an earlier version kept, which did not know it."""
        ...

    def read(self, *, tenant: str, body: Any) -> dict[str, Any]:
        """Return a request in full, as JSON values; raises the 422 that the kind's own POST does,
        with fields named below the schedule's."""

    def start(
        self,
        connection: Connection,
        *,
        tenant: str,
        request: Mapping[str, Any],
        last: str | None,
        admit: Admit,
    ) -> Started:
        """Add what `request` asks for, and its job, in the caller's transaction.

        Raises a CloudSealedError when it cannot be, also when `last`, which the schedule started
        before, has not ended.
        """


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it stands. Times are RFC 3339 text; `next_run_at` is None while it is disabled.

    `made_id` is the newest audit or report that it started; `error` is why the last run made none.
    """

    id: str
    name: str
    timetable: Timetable
    enabled: bool
    kind: ScheduleKind
    request: Mapping[str, Any]
    created_at: str
    next_run_at: str | None
    last_run_at: str | None = None
    made_id: str | None = None
    error: Mapping[str, str] | None = None

    def next_run(self, now: datetime) -> str | None:
        """Return when it is due after `now`."""
        found = self.timetable.next(now) if self.enabled else None
        return rfc3339(found) if found else None

    def upcoming(self) -> list[str]:
        """Return its next times, the first of which is `next_run_at`."""
        if self.next_run_at is None:
            return []
        later = self.timetable.after(parse_rfc3339(self.next_run_at))
        return [self.next_run_at, *(rfc3339(at) for at in islice(later, _SHOWN_AHEAD - 1))]

    def public(self) -> dict[str, Any]:
        """Return the schedule as a list shows it."""
        made = self.made_id if self.error is None else None
        return {
            "id": self.id,
            "object": "schedule",
            "name": self.name,
            "cron": self.timetable.cron,
            "timezone": self.timetable.timezone,
            "enabled": self.enabled,
            **{kind.value: self.request if kind is self.kind else None for kind in ScheduleKind},
            "next_run_at": self.next_run_at,
            "upcoming": None,
            "last_run_at": self.last_run_at,
            "last_result": {"id": made, "error": self.error} if self.last_run_at else None,
            "created_at": self.created_at,
        }


def read_kind(asked: Mapping[str, Any]) -> ScheduleKind:
    """Return what a new schedule starts: the one of the kinds that its body has."""
    given = [kind for kind in ScheduleKind if asked[kind] is not None]
    if len(given) != 1:
        raise refuse("audit", "or report must be there, and not both: say what it starts")
    return given[0]


def read_timing(
    asked: Mapping[str, Any], now: datetime, known: Schedule | None = None
) -> dict[str, Any]:
    """Return name, timetable and `enabled` of a body; what it lacks is that of `known`."""
    kept = {"name": known.name, "enabled": known.enabled} if known else {}
    return {
        **{name: asked.get(name, kept.get(name)) for name in ("name", "enabled")},
        "timetable": read_timetable(asked, now, known.timetable if known else None),
    }
