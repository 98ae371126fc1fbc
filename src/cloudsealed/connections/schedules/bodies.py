"""What bodies about schedules may say, around what the work that they start may."""

from __future__ import annotations

from collections.abc import Mapping

from cloudsealed.kit.shapes import NAME, Component, Flag, Part, Record, Shape, Text
from cloudsealed.vocabulary import ScheduleKind

CRON = Component(
    "Cron",
    Text(longest=100, told=r"^\s*[^\s\u0000]+(\s+[^\s\u0000]+){4}\s*$", least=9),
    "Minute, hour, day of month, month, day of week; at most every 15 minutes.",
    ("0 6 * * MON",),
)
SCHEDULE_NAME = "Its name, unique in the tenant."
WHEN = "When: minute, hour, day of month, month, day of week; at most every 15 minutes."
ZONE = "IANA time zone in which the times are read."
ENABLED = "Whether it starts anything."
_AUDIT = {"connection_ids": ["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]}
_REPORT = {"kind": "executive_summary"}

Works = Mapping[ScheduleKind, Shape]
"""What a body says of each kind of work."""


def schedule(works: Works) -> Component:
    """Return the body of a new schedule."""
    parts = {
        "name": Part(NAME, SCHEDULE_NAME, needed=True, example="every Monday"),
        "cron": Part(CRON, WHEN, needed=True, example="0 6 * * MON"),
        "timezone": Part(NAME, f"{ZONE} Left out or null: UTC.", example="Europe/Berlin"),
        "enabled": Part(Flag(), ENABLED, default=True, example=True),
        **_works(works, "The {} to start; or `{}`."),
    }
    example = {"name": "every Monday", "cron": "0 6 * * MON", "audit": _AUDIT}
    return Component(
        "ScheduleBody",
        Record(parts),
        "A new schedule; it has either `audit` or `report`.",
        (example,),
    )


def schedule_change(works: Works) -> Component:
    """Return the body that changes a schedule."""
    parts = {
        "name": Part(NAME, SCHEDULE_NAME, needed=True, example="every Tuesday"),
        "cron": Part(CRON, WHEN, needed=True, example="0 6 * * TUE"),
        "timezone": Part(NAME, f"{ZONE} Null: UTC.", example="Europe/Berlin"),
        "enabled": Part(Flag(), ENABLED, example=False),
        **_works(works, "The {} to start, replaced whole."),
    }
    return Component(
        "SchedulePatch",
        Record(parts, change=True),
        "A change of a schedule; what it starts stays an audit or a report, and what is left out\n"
        "stays.",
        ({"cron": "0 6 * * TUE"},),
    )


def _works(works: Works, said: str) -> dict[str, Part]:
    audit, report = ScheduleKind.AUDIT, ScheduleKind.REPORT
    return {
        audit.value: Part(works[audit], said.format(audit, report), example=_AUDIT),
        report.value: Part(works[report], said.format(report, audit), example=_REPORT),
    }
