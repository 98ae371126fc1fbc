"""EMR on EC2: the clusters that run, and what a region lets them open. No step is read."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.emr.cluster",
        service="emr",
        operation="ListClusters",
        constants={"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]},
        items="Clusters",
        native_id="{ClusterArn}",
        name="Name",
        tags="Cluster.Tags",
        created="Status.Timeline.CreationDateTime",
        enrich=(
            Enrich(
                operation="DescribeCluster",
                params={"ClusterId": "Id"},
                fills={"Cluster": "Cluster"},
                secret_paths=(
                    "Cluster.Configurations[].Properties",
                    "Cluster.KerberosAttributes.KdcAdminPassword",
                    "Cluster.KerberosAttributes.CrossRealmTrustPrincipalPassword",
                    "Cluster.KerberosAttributes.ADDomainJoinPassword",
                ),
            ),
            Enrich(
                operation="GetAutoTerminationPolicy",
                params={"ClusterId": "Id"},
                fills={"AutoTerminationPolicy": "AutoTerminationPolicy"},
                omits_empty=True,
            ),
        ),
        relations=(
            Relation(
                "subnet", "Cluster.Ec2InstanceAttributes.Ec2SubnetId", "aws.ec2.subnet", "SubnetId"
            ),
        ),
    ),
    Row(
        type="aws.emr.region_settings",
        service="emr",
        operation=None,
        native_id="arn:{partition}:elasticmapreduce:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="GetBlockPublicAccessConfiguration",
                fills={"BlockPublicAccess": "BlockPublicAccessConfiguration"},
            ),
        ),
    ),
)
