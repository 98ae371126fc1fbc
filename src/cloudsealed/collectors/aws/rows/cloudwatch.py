"""CloudWatch: metric alarms, and of those that do nothing by themselves the composite alarms that
read them. Metrics are not collected."""

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
            Enrich(
                operation="DescribeAlarms",
                params={"ParentsOfAlarmName": "AlarmName"},
                constants={"AlarmTypes": ["CompositeAlarm"]},
                when="!AlarmActions",
                fills={"CompositeAlarms": "CompositeAlarms[].AlarmName"},
            ),
        ),
        together=(tags("cloudwatch", "AlarmArn"),),
        relations=(Relation("topics", "AlarmActions", "aws.sns.topic", "TopicArn"),),
    ),
)
