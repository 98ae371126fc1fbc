"""The shapes of schedules."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, RootModel

from cloudsealed.api.v1.schemas.audits import Audit, AuditScope
from cloudsealed.api.v1.schemas.base import (
    AuditId,
    ConnectionId,
    Failure,
    Few,
    FrameworkKey,
    Many,
    ReportId,
    ScheduleId,
    Shape,
    Time,
    Word,
)
from cloudsealed.api.v1.schemas.reports import Report
from cloudsealed.connections.schedules.bodies import ENABLED, SCHEDULE_NAME, WHEN, ZONE
from cloudsealed.reports.bodies import LANGUAGE, THROUGH
from cloudsealed.vocabulary import ReportKind


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
    language: Word | None = Field(description=LANGUAGE, examples=["de"])
    connection_ids: Few[ConnectionId] | None = Field(description=THROUGH)


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
    name: Word = Field(description=SCHEDULE_NAME, examples=["every Monday"])
    cron: Word = Field(description=WHEN, examples=["0 6 * * MON"])
    timezone: Word = Field(examples=["Europe/Berlin"], description=ZONE)
    enabled: bool = Field(description=ENABLED, examples=[True])
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


class StartedWork(RootModel[Annotated[Audit | Report, Field(discriminator="object")]]):
    """The audit or report that was started: `object` says which."""
