"""RDS: database instances, clusters and the snapshots of both, their parameters of encryption, and
whom AWS tells of events; AWS lists those of DocumentDB and Neptune with them. What is being deleted
is no resource here.

Of parameters, which are hundreds a group, only those are asked for that say whether connections are
encrypted and what is logged (Amazon RDS API Reference, DescribeDBParameters, Filters).

An automated snapshot cannot be shared, so nobody is asked with whom (Amazon RDS user guide,
"Sharing a DB snapshot").
"""

from __future__ import annotations

from cloudsealed.collectors.aws.rows.backups import LAST_BACKUP
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

_KEY = Relation("key", "KmsKeyId", "aws.kms.key", "Arn")
_GROUPS = Relation(
    "security_groups", "VpcSecurityGroups[].VpcSecurityGroupId", "aws.ec2.security_group", "GroupId"
)
_PARAMETERS = (
    "rds.force_ssl",
    "require_secure_transport",
    "tls",
    "audit_logs",
    "neptune_enable_audit_log",
)
_ASKED = {"Filters": [{"Name": "parameter-name", "Values": list(_PARAMETERS)}]}
_FOUND = f"Parameters[?contains({list(_PARAMETERS)}, ParameterName)]"
_NO_GROUP = frozenset({"DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"})
_MAINTENANCE = Together(
    service="rds",
    operation="DescribePendingMaintenanceActions",
    items="PendingMaintenanceActions",
    key="ResourceIdentifier",
    of="Arn",
    fills={"PendingMaintenance": "PendingMaintenanceActionDetails"},
    lacking={"PendingMaintenance": []},
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
        together=(LAST_BACKUP, _MAINTENANCE),
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
        together=(LAST_BACKUP, _MAINTENANCE),
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
    Row(
        type="aws.rds.parameter_group",
        service="rds",
        operation="DescribeDBParameterGroups",
        items="DBParameterGroups",
        native_id="{DBParameterGroupArn}",
        given="starts_with(DBParameterGroupName, 'default.')",
        name="DBParameterGroupName",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeDBParameters",
                params={"DBParameterGroupName": "DBParameterGroupName"},
                constants=_ASKED,
                fills={"Parameters": _FOUND},
                gone=_NO_GROUP,
            ),
        ),
    ),
    Row(
        type="aws.rds.cluster_parameter_group",
        service="rds",
        operation="DescribeDBClusterParameterGroups",
        items="DBClusterParameterGroups",
        native_id="{DBClusterParameterGroupArn}",
        given="starts_with(DBClusterParameterGroupName, 'default.')",
        name="DBClusterParameterGroupName",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeDBClusterParameters",
                params={"DBClusterParameterGroupName": "DBClusterParameterGroupName"},
                constants=_ASKED,
                fills={"Parameters": _FOUND},
                gone=_NO_GROUP,
            ),
        ),
    ),
    Row(
        type="aws.rds.event_subscription",
        service="rds",
        operation="DescribeEventSubscriptions",
        items="EventSubscriptionsList",
        native_id="{EventSubscriptionArn}",
        name="CustSubscriptionId",
        tags=None,
        relations=(Relation("topic", "SnsTopicArn", "aws.sns.topic", "TopicArn"),),
    ),
    Row(
        type="aws.rds.region_settings",
        service="rds",
        operation=None,
        native_id="arn:{partition}:rds:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeEventSubscriptions",
                fills={"EventSubscriptions": "EventSubscriptionsList"},
                absent=frozenset({"SubscriptionNotFound"}),
            ),
        ),
    ),
)
