"""MemoryDB: clusters. No key is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.memorydb.cluster",
        service="memorydb",
        operation="DescribeClusters",
        items="Clusters[?Status != 'deleting']",
        native_id="{ARN}",
        name="Name",
        together=(tags("memorydb:cluster", "Arn"),),
        relations=(
            Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "security_groups",
                "SecurityGroups[].SecurityGroupId",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
