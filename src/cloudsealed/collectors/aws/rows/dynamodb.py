"""DynamoDB: tables, their backups and how they scale, and the clusters of DAX. No item is read."""

from __future__ import annotations

from cloudsealed.collectors.aws.rows.backups import LAST_BACKUP
from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException", "TableNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.dynamodb.table",
        service="dynamodb",
        operation="ListTables",
        items="TableNames[].{TableName: @}",
        native_id="arn:{partition}:dynamodb:{region}:{account}:table/{TableName}",
        name="TableName",
        created="Table.CreationDateTime",
        enrich=(
            Enrich(
                operation="DescribeTable",
                params={"TableName": "TableName"},
                fills={"Table": "Table"},
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeContinuousBackups",
                params={"TableName": "TableName"},
                fills={"ContinuousBackups": "ContinuousBackupsDescription"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetResourcePolicy",
                params={"ResourceArn": "Arn"},
                fills={"Policy": "Policy"},
                absent=frozenset({"PolicyNotFoundException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsOfResource",
                params={"ResourceArn": "Arn"},
                fills={"Tags": "Tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("dynamodb", "Arn"), LAST_BACKUP),
        decode={"Policy": json_text},
        relations=(Relation("key", "Table.SSEDescription.KMSMasterKeyArn", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.dynamodb.scalable_target",
        service="application-autoscaling",
        operation="DescribeScalableTargets",
        constants={"ServiceNamespace": "dynamodb"},
        items="ScalableTargets",
        native_id=(
            "arn:{partition}:application-autoscaling:{region}:{account}"
            ":dynamodb/{ResourceId}/{ScalableDimension}"
        ),
        name="ResourceId",
        tags=None,
        created="CreationTime",
    ),
    Row(
        type="aws.dynamodb.dax_cluster",
        service="dax",
        operation="DescribeClusters",
        items="Clusters[?Status != 'deleting']",
        native_id="{ClusterArn}",
        name="ClusterName",
        enrich=(
            Enrich(
                operation="ListTags",
                params={"ResourceName": "ClusterArn"},
                fills={"Tags": "Tags"},
                gone=frozenset({"ClusterNotFoundFault"}),
            ),
        ),
        relations=(
            Relation("role", "IamRoleArn", "aws.iam.role", "Arn"),
            Relation(
                "security_groups",
                "SecurityGroups[].SecurityGroupIdentifier",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
