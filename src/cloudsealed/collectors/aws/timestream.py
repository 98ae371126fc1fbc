"""Timestream for InfluxDB: database instances. No point is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
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
        ),
        together=(tags("timestream-influxdb:db-instance", "Arn"),),
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
