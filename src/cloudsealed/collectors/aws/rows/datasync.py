"""DataSync: tasks. What they copy is not read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.datasync.task",
        service="datasync",
        operation="ListTasks",
        items="Tasks",
        native_id="{TaskArn}",
        name="Name || TaskArn",
        created="Task.CreationTime",
        enrich=(
            Enrich(operation="DescribeTask", params={"TaskArn": "TaskArn"}, fills={"Task": "@"}),
        ),
        together=(tags("datasync:task", "Arn"),),
    ),
)
