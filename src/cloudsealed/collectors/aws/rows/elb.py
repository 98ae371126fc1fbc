"""Classic Elastic Load Balancing."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"LoadBalancerNotFound", "AccessPointNotFound"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.elb.load_balancer",
        service="elb",
        operation="DescribeLoadBalancers",
        items="LoadBalancerDescriptions",
        native_id="arn:{partition}:elasticloadbalancing:{region}:{account}"
        ":loadbalancer/{LoadBalancerName}",
        name="LoadBalancerName",
        created="CreatedTime",
        enrich=(
            Enrich(
                operation="DescribeLoadBalancerAttributes",
                params={"LoadBalancerName": "LoadBalancerName"},
                fills={"Attributes": "LoadBalancerAttributes"},
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeLoadBalancerPolicies",
                params={"LoadBalancerName": "LoadBalancerName"},
                fills={"PolicyDescriptions": "PolicyDescriptions"},
                absent=frozenset({"PolicyNotFound", "PolicyNotFoundException"}),
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeTags",
                params={"LoadBalancerNames": "[LoadBalancerName]"},
                fills={"Tags": "TagDescriptions[].Tags[]"},
                gone=_GONE,
            ),
        ),
        together=(tags("elasticloadbalancing", "Arn"),),
        relations=(
            Relation("instances", "Instances[].InstanceId", "aws.ec2.instance", "InstanceId"),
            Relation("security_groups", "SecurityGroups", "aws.ec2.security_group", "GroupId"),
            Relation("vpc", "VPCId", "aws.ec2.vpc", "VpcId"),
        ),
    ),
)
