"""The shapes of schedules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from cloudsealed.api.v1.schemas.audits import Audit, AuditBody, AuditScope, Report, ReportFilters
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    Body,
    ConnectionId,
    Failure,
    Few,
    FrameworkKey,
    Many,
    Name,
    ReportId,
    ScheduleId,
    Shape,
    Time,
    Word,
    optional,
)
from cloudsealed.vocabulary import ReportKind

Cron = Annotated[
    str,
    Field(
        min_length=9,
        max_length=100,
        pattern=r"^\s*[^\s\u0000]+(\s+[^\s\u0000]+){4}\s*$",
        description="Minute, hour, day of month, month, day of week; at most every 15 minutes",
        examples=["0 6 * * MON"],
    ),
]
_ZONE = "IANA time zone in which the times are read"


class ScheduledAudit(Shape):
    """The audit that a schedule starts."""

    connection_ids: Few[ConnectionId]
    scope: AuditScope | None
    policies: Many[Word] | None = Field(examples=[["aws-s3-bucket-versioning"]])


class ScheduledReport(Shape):
    """The report that a schedule starts: of the newest completed audit through its connections."""

    kind: ReportKind
    framework: FrameworkKey | None
    filters: dict[str, Few[Word]]
    connection_ids: Few[ConnectionId] | None


class ScheduleResult(Shape):
    """What the last run made, or why it made nothing."""

    id: AuditId | ReportId | None
    error: Failure | None


class Schedule(Shape):
    """Audits or reports that come by themselves; of `audit` and `report` one is null."""

    id: ScheduleId
    object: Literal["schedule"]
    name: Word = Field(examples=["every Monday"])
    cron: Word = Field(examples=["0 6 * * MON"])
    timezone: Word = Field(examples=["Europe/Berlin"], description=_ZONE)
    enabled: bool
    audit: ScheduledAudit | None
    report: ScheduledReport | None
    next_run_at: Time | None = Field(description="Null while it is disabled")
    upcoming: Few[Time] | None = Field(description="Its next five times; null in lists")
    last_run_at: Time | None
    last_result: ScheduleResult | None
    created_at: Time


class ScheduledReportBody(Body):
    """A report of the newest completed audit through these connections, or through any."""

    kind: ReportKind
    framework: FrameworkKey | None = None
    filters: ReportFilters | None = None
    connection_ids: list[ConnectionId] | None = Field(
        default=None, min_length=1, max_length=100, json_schema_extra={"uniqueItems": True}
    )


class ScheduleBody(Body):
    """A new schedule; it has either `audit` or `report`."""

    name: Name = Field(examples=["every Monday"])
    cron: Cron
    timezone: Name | None = Field(default=None, examples=["Europe/Berlin"], description=_ZONE)
    enabled: bool = True
    audit: AuditBody | None = None
    report: ScheduledReportBody | None = None


class SchedulePatch(Body):
    """A change of a schedule; what it starts stays an audit or a report."""

    name: Name = optional("every Tuesday")
    cron: Cron = optional("0 6 * * TUE")
    timezone: Name | None = Field(default=None, examples=["Europe/Berlin"], description=_ZONE)
    enabled: bool = True
    audit: AuditBody | None = None
    report: ScheduledReportBody | None = None


class StartedWork(RootModel[Audit | Report]):
    """The audit or report that was started."""
