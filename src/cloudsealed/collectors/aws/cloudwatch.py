"""CloudWatch: metric alarms. Composite alarms and metrics are not collected."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.cloudwatch.alarm",
        service="cloudwatch",
        operation="DescribeAlarms",
        constants={"AlarmTypes": ["MetricAlarm"], "MaxRecords": 100},
        items="MetricAlarms",
        native_id="{AlarmArn}",
        name="AlarmName",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceARN": "AlarmArn"},
                fills={"Tags": "Tags"},
                gone=frozenset({"ResourceNotFoundException", "ResourceNotFound"}),
            ),
        ),
        together=(tags("cloudwatch", "AlarmArn"),),
        relations=(Relation("topics", "AlarmActions", "aws.sns.topic", "TopicArn"),),
    ),
)
