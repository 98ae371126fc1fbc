"""RDS: database instances, clusters and the snapshots of both; AWS lists those of DocumentDB and
Neptune with them. What is being deleted is no resource here.

An automated snapshot cannot be shared, so nobody is asked with whom (Amazon RDS user guide,
"Sharing a DB snapshot").
"""

from __future__ import annotations

from cloudsealed.collectors.aws.backups import LAST_BACKUP
from cloudsealed.collectors.model import Enrich, Relation, Row

_KEY = Relation("key", "KmsKeyId", "aws.kms.key", "Arn")
_GROUPS = Relation(
    "security_groups", "VpcSecurityGroups[].VpcSecurityGroupId", "aws.ec2.security_group", "GroupId"
)

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.rds.instance",
        service="rds",
        operation="DescribeDBInstances",
        items="DBInstances[?DBInstanceStatus != 'deleting']",
        native_id="{DBInstanceArn}",
        name="DBInstanceIdentifier",
        tags="TagList",
        created="InstanceCreateTime",
        secret_paths=("DBInstances[].PendingModifiedValues.MasterUserPassword",),
        together=(LAST_BACKUP,),
        relations=(
            _KEY,
            _GROUPS,
            Relation("cluster", "DBClusterIdentifier", "aws.rds.cluster", "DBClusterIdentifier"),
        ),
    ),
    Row(
        type="aws.rds.cluster",
        service="rds",
        operation="DescribeDBClusters",
        items="DBClusters[?Status != 'deleting']",
        native_id="{DBClusterArn}",
        name="DBClusterIdentifier",
        tags="TagList",
        created="ClusterCreateTime",
        secret_paths=("DBClusters[].PendingModifiedValues.MasterUserPassword",),
        together=(LAST_BACKUP,),
        relations=(
            _KEY,
            _GROUPS,
            Relation(
                "instances",
                "DBClusterMembers[].DBInstanceIdentifier",
                "aws.rds.instance",
                "DBInstanceIdentifier",
            ),
        ),
    ),
    Row(
        type="aws.rds.snapshot",
        service="rds",
        operation="DescribeDBSnapshots",
        items="DBSnapshots",
        native_id="{DBSnapshotArn}",
        name="DBSnapshotIdentifier",
        tags="TagList",
        created="SnapshotCreateTime",
        enrich=(
            Enrich(
                operation="DescribeDBSnapshotAttributes",
                params={"DBSnapshotIdentifier": "DBSnapshotIdentifier"},
                when="SnapshotType != 'automated'",
                fills={"SnapshotAttributes": "DBSnapshotAttributesResult.DBSnapshotAttributes"},
                gone=frozenset({"DBSnapshotNotFound", "DBSnapshotNotFoundFault"}),
            ),
        ),
        relations=(
            _KEY,
            Relation(
                "instance", "DBInstanceIdentifier", "aws.rds.instance", "DBInstanceIdentifier"
            ),
        ),
    ),
    Row(
        type="aws.rds.cluster_snapshot",
        service="rds",
        operation="DescribeDBClusterSnapshots",
        items="DBClusterSnapshots",
        native_id="{DBClusterSnapshotArn}",
        name="DBClusterSnapshotIdentifier",
        tags="TagList",
        created="SnapshotCreateTime",
        enrich=(
            Enrich(
                operation="DescribeDBClusterSnapshotAttributes",
                params={"DBClusterSnapshotIdentifier": "DBClusterSnapshotIdentifier"},
                when="SnapshotType != 'automated'",
                fills={
                    "SnapshotAttributes": (
                        "DBClusterSnapshotAttributesResult.DBClusterSnapshotAttributes"
                    )
                },
                gone=frozenset({"DBClusterSnapshotNotFoundFault"}),
            ),
        ),
        relations=(
            _KEY,
            Relation("cluster", "DBClusterIdentifier", "aws.rds.cluster", "DBClusterIdentifier"),
        ),
    ),
)
