"""CloudWatch Logs: who delivers logs that way (CloudFront, Bedrock and others), and where to.

A source alone delivers nothing: a delivery names it. Log events are never read.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.logs.delivery_source",
        service="logs",
        operation="DescribeDeliverySources",
        items="deliverySources",
        native_id="{arn}",
        name="name",
        tags="tags",
    ),
    Row(
        type="aws.logs.delivery",
        service="logs",
        operation="DescribeDeliveries",
        items="deliveries",
        native_id="{arn}",
        name="id",
        tags="tags",
        relations=(Relation("source", "deliverySourceName", "aws.logs.delivery_source", "name"),),
    ),
)
