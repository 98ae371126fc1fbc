"""CloudWatch Logs: log groups, metric filters and resource policies. Log events are never read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GROUP_ARN = "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.logs.log_group",
        service="logs",
        operation="DescribeLogGroups",
        items="logGroups",
        native_id=_GROUP_ARN,
        name="logGroupName",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "Arn"},
                fills={"Tags": "tags"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("logs", "Arn"),),
        relations=(Relation("key", "kmsKeyId", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.logs.metric_filter",
        service="logs",
        operation="DescribeMetricFilters",
        items="metricFilters",
        native_id=f"{_GROUP_ARN}:metric-filter:{{filterName}}",
        name="filterName",
        tags=None,
        relations=(Relation("log_group", "logGroupName", "aws.logs.log_group", "logGroupName"),),
    ),
    Row(
        type="aws.logs.resource_policy",
        service="logs",
        operation="DescribeResourcePolicies",
        items="resourcePolicies",
        native_id="arn:{partition}:logs:{region}:{account}:resource-policy:{policyName}",
        given="`true`",
        name="policyName",
        tags=None,
        decode={"policyDocument": json_text},
    ),
)
