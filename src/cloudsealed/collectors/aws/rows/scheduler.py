"""EventBridge Scheduler: schedules. What a schedule tells its target is redacted."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.scheduler.schedule",
        service="scheduler",
        operation="ListSchedules",
        items="Schedules",
        native_id="{Arn}",
        name="Name",
        tags=None,
        created="CreationDate",
        enrich=(
            Enrich(
                operation="GetSchedule",
                params={"Name": "Name", "GroupName": "GroupName"},
                fills={"Schedule": "@"},
                gone=_GONE,
                secret_paths=("Target.Input",),
            ),
        ),
        relations=(Relation("role", "Schedule.Target.RoleArn", "aws.iam.role", "Arn"),),
    ),
)
