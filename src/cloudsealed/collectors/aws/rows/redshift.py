"""Redshift: clusters, their parameters and the snapshots that people took. No data is queried."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_KEY = Relation("key", "KmsKeyId", "aws.kms.key", "Arn")

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.redshift.cluster",
        service="redshift",
        operation="DescribeClusters",
        items="Clusters[?ClusterStatus != 'deleting']",
        native_id="arn:{partition}:redshift:{region}:{account}:cluster:{ClusterIdentifier}",
        name="ClusterIdentifier",
        created="ClusterCreateTime",
        secret_paths=("Clusters[].PendingModifiedValues.MasterUserPassword",),
        enrich=(
            Enrich(
                operation="DescribeLoggingStatus",
                params={"ClusterIdentifier": "ClusterIdentifier"},
                fills={"LoggingStatus": "@"},
                gone=frozenset({"ClusterNotFound", "ClusterNotFoundFault"}),
            ),
        ),
        relations=(
            _KEY,
            Relation(
                "security_groups",
                "VpcSecurityGroups[].VpcSecurityGroupId",
                "aws.ec2.security_group",
                "GroupId",
            ),
            Relation(
                "parameter_groups",
                "ClusterParameterGroups[].ParameterGroupName",
                "aws.redshift.parameter_group",
                "ParameterGroupName",
            ),
        ),
    ),
    Row(
        type="aws.redshift.parameter_group",
        service="redshift",
        operation="DescribeClusterParameterGroups",
        items="ParameterGroups",
        native_id="arn:{partition}:redshift:{region}:{account}:parametergroup:{ParameterGroupName}",
        given="starts_with(ParameterGroupName, 'default.')",
        name="ParameterGroupName",
        enrich=(
            Enrich(
                operation="DescribeClusterParameters",
                params={"ParameterGroupName": "ParameterGroupName"},
                fills={"Parameters": "Parameters"},
                gone=frozenset(
                    {"ClusterParameterGroupNotFound", "ClusterParameterGroupNotFoundFault"}
                ),
            ),
        ),
    ),
    Row(
        type="aws.redshift.snapshot",
        service="redshift",
        operation="DescribeClusterSnapshots",
        constants={"SnapshotType": "manual"},
        items="Snapshots[?Status != 'deleted']",
        native_id=(
            "arn:{partition}:redshift:{region}:{account}"
            ":snapshot:{ClusterIdentifier}/{SnapshotIdentifier}"
        ),
        owner="OwnerAccount",
        name="SnapshotIdentifier",
        created="SnapshotCreateTime",
        relations=(
            _KEY,
            Relation("cluster", "ClusterIdentifier", "aws.redshift.cluster", "ClusterIdentifier"),
        ),
    ),
)
