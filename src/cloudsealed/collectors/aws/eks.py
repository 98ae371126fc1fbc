"""EKS: clusters as AWS sees them. What runs inside is not asked for."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.eks.cluster",
        service="eks",
        operation="ListClusters",
        items="clusters[].{name: @}",
        native_id="arn:{partition}:eks:{region}:{account}:cluster/{name}",
        name="name",
        tags="Cluster.tags",
        created="Cluster.createdAt",
        enrich=(
            Enrich(
                operation="DescribeCluster",
                params={"name": "name"},
                fills={"Cluster": "cluster"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        relations=(
            Relation("role", "Cluster.roleArn", "aws.iam.role", "Arn"),
            Relation("vpc", "Cluster.resourcesVpcConfig.vpcId", "aws.ec2.vpc", "VpcId"),
            Relation(
                "security_groups",
                "Cluster.resourcesVpcConfig.securityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
