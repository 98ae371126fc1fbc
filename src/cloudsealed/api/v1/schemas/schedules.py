"""The shapes of schedules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel
from typing_extensions import TypeAliasType

from cloudsealed.api.v1.schemas.audits import Audit, AuditBody, AuditScope
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
    shown,
)
from cloudsealed.api.v1.schemas.reports import Report, ReportNarrowing
from cloudsealed.vocabulary import ReportKind

Cron = TypeAliasType(
    "Cron",
    Annotated[
        str,
        Field(
            min_length=9,
            max_length=100,
            pattern=r"^\s*[^\s\u0000]+(\s+[^\s\u0000]+){4}\s*$",
            description="Minute, hour, day of month, month, day of week; at most every 15 minutes.",
            examples=["0 6 * * MON"],
        ),
    ],
)
_NAME = "Its name, unique in the tenant."
_CRON = "When: minute, hour, day of month, month, day of week; at most every 15 minutes."
_ZONE = "IANA time zone in which the times are read."
_ENABLED = "Whether it starts anything."
_THROUGH = "Of the newest completed audit through these connections; null: through any."


class ScheduledAudit(Shape):
    """The audit that a schedule starts."""

    connection_ids: Few[ConnectionId] = Field(description="The connections to go through.")
    scope: AuditScope | None = Field(description="What it is narrowed to; null: nothing.")
    policies: Many[Word] | None = Field(
        description="The policies to judge by; null: all that are enabled then.",
        examples=[["aws-s3-bucket-versioning"]],
    )


class ScheduledReport(Shape):
    """The report that a schedule starts: of the newest completed audit through its connections."""

    kind: ReportKind = Field(description="What is told.", examples=["executive_summary"])
    framework: FrameworkKey | None = Field(
        description="Of compliance evidence: the framework; else null."
    )
    filters: dict[str, Few[Word]] = Field(
        description="What its findings are narrowed to: for each filter its values.",
        examples=[{"severity": ["high", "critical"]}],
    )
    connection_ids: Few[ConnectionId] | None = Field(description=_THROUGH)


class ScheduleResult(Shape):
    """What the last run made, or why it made nothing."""

    id: AuditId | ReportId | None = Field(
        description="The audit or report; null where nothing was made.",
        examples=["aud_01J8ZQ4X7M2N5P8R1T4V6W9YAC"],
    )
    error: Failure | None = Field(description="Why nothing was made; null where something was.")


class Schedule(Shape):
    """Audits or reports that come by themselves; of `audit` and `report` one is null."""

    id: ScheduleId = Field(description="The schedule's id.")
    object: Literal["schedule"] = Field(description="Always `schedule`.")
    name: Word = Field(description=_NAME, examples=["every Monday"])
    cron: Word = Field(description=_CRON, examples=["0 6 * * MON"])
    timezone: Word = Field(examples=["Europe/Berlin"], description=_ZONE)
    enabled: bool = Field(description=_ENABLED, examples=[True])
    audit: ScheduledAudit | None = Field(description="The audit that it starts, or null.")
    report: ScheduledReport | None = Field(description="The report that it starts, or null.")
    next_run_at: Time | None = Field(
        description="When it starts next; null while it is disabled.",
        examples=["2026-02-02T05:00:00.000Z"],
    )
    upcoming: Few[Time] | None = Field(
        description="Its next five times; null in lists.",
        examples=[["2026-02-02T05:00:00.000Z", "2026-02-09T05:00:00.000Z"]],
    )
    last_run_at: Time | None = Field(
        description="When it last ran; null while it never did.",
        examples=["2026-01-26T05:00:00.000Z"],
    )
    last_result: ScheduleResult | None = Field(
        description="What that made, or why it made nothing; null while it never ran."
    )
    created_at: Time = Field(description="When it was made.")


class ScheduledReportBody(Body):
    """A report of the newest completed audit through these connections, or through any."""

    kind: ReportKind = Field(description="What to tell.", examples=["executive_summary"])
    framework: FrameworkKey | None = Field(
        default=None, description="Of compliance evidence, which needs it, the framework."
    )
    filters: ReportNarrowing | None = Field(
        default=None,
        description="What to narrow its findings to.",
        examples=[{"severity": ["high", "critical"]}],
    )
    connection_ids: list[ConnectionId] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        json_schema_extra={"uniqueItems": True},
        description=_THROUGH,
    )


_AUDIT = {"connection_ids": ["con_01J8ZQ4X7M2N5P8R1T4V6W9YAC"]}


class ScheduleBody(Body):
    """A new schedule; it has either `audit` or `report`."""

    model_config = shown({"name": "every Monday", "cron": "0 6 * * MON", "audit": _AUDIT})

    name: Name = Field(description=_NAME, examples=["every Monday"])
    cron: Cron = Field(description=_CRON, examples=["0 6 * * MON"])
    timezone: Name | None = Field(
        default=None, examples=["Europe/Berlin"], description=f"{_ZONE} Left out or null: UTC."
    )
    enabled: bool = Field(default=True, description=_ENABLED, examples=[True])
    audit: AuditBody | None = Field(
        default=None, description="The audit to start; or `report`.", examples=[_AUDIT]
    )
    report: ScheduledReportBody | None = Field(
        default=None,
        description="The report to start; or `audit`.",
        examples=[{"kind": "executive_summary"}],
    )


class SchedulePatch(Body):
    """A change of a schedule; what it starts stays an audit or a report, and what is left out
    stays."""

    model_config = shown({"cron": "0 6 * * TUE"})

    name: Name = optional("every Tuesday", _NAME)
    cron: Cron = optional("0 6 * * TUE", _CRON)
    timezone: Name | None = Field(
        default=None, examples=["Europe/Berlin"], description=f"{_ZONE} Null: UTC."
    )
    enabled: bool = optional(False, _ENABLED)
    audit: AuditBody | None = Field(
        default=None, description="The audit to start, replaced whole.", examples=[_AUDIT]
    )
    report: ScheduledReportBody | None = Field(
        default=None,
        description="The report to start, replaced whole.",
        examples=[{"kind": "executive_summary"}],
    )


class StartedWork(RootModel[Annotated[Audit | Report, Field(discriminator="object")]]):
    """The audit or report that was started: `object` says which."""
