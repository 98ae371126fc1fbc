"""EKS: clusters as AWS sees them, with their groups of nodes and add-ons.

What runs inside is not asked for.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

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
                gone=_GONE,
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
    Row(
        type="aws.eks.nodegroup",
        service="eks",
        operation="ListNodegroups",
        parent="aws.eks.cluster",
        inherit={"clusterName": "name"},
        params={"clusterName": "clusterName"},
        gone=_GONE,
        items="nodegroups[].{nodegroupName: @}",
        native_id="arn:{partition}:eks:{region}:{account}:nodegroup/{clusterName}/{nodegroupName}",
        name="nodegroupName",
        tags="Nodegroup.tags",
        created="Nodegroup.createdAt",
        enrich=(
            Enrich(
                operation="DescribeNodegroup",
                params={"clusterName": "clusterName", "nodegroupName": "nodegroupName"},
                fills={"Nodegroup": "nodegroup"},
                gone=_GONE,
            ),
        ),
        relations=(Relation("cluster", "clusterName", "aws.eks.cluster", "name"),),
    ),
    Row(
        type="aws.eks.addon",
        service="eks",
        operation="ListAddons",
        parent="aws.eks.cluster",
        inherit={"clusterName": "name"},
        params={"clusterName": "clusterName"},
        gone=_GONE,
        items="addons[].{addonName: @}",
        native_id="arn:{partition}:eks:{region}:{account}:addon/{clusterName}/{addonName}",
        name="addonName",
        tags="Addon.tags",
        created="Addon.createdAt",
        enrich=(
            Enrich(
                operation="DescribeAddon",
                params={"clusterName": "clusterName", "addonName": "addonName"},
                fills={"Addon": "addon"},
                gone=_GONE,
            ),
        ),
        relations=(Relation("cluster", "clusterName", "aws.eks.cluster", "name"),),
    ),
)
