"""Timestream for InfluxDB: database instances. No point is read."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.timestream.influxdb_instance",
        service="timestream-influxdb",
        operation="ListDbInstances",
        items="items[?!contains(['DELETING', 'DELETED'], status)]",
        native_id="{arn}",
        name="name",
        enrich=(
            Enrich(
                operation="GetDbInstance",
                params={"identifier": "id"},
                fills={"Instance": "@"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "arn"},
                fills={"Tags": "tags"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        relations=(
            Relation(
                "security_groups",
                "Instance.vpcSecurityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
