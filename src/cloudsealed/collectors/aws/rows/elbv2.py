"""Elastic Load Balancing v2: application, network and gateway load balancers, target groups."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"LoadBalancerNotFound", "TargetGroupNotFound"})


def _tags(arn: str) -> Enrich:
    return Enrich(
        operation="DescribeTags",
        params={"ResourceArns": f"[{arn}]"},
        fills={"Tags": "TagDescriptions[].Tags[]"},
        gone=_GONE,
    )


ROWS: tuple[Row, ...] = (
    Row(
        type="aws.elbv2.load_balancer",
        service="elbv2",
        operation="DescribeLoadBalancers",
        items="LoadBalancers",
        native_id="{LoadBalancerArn}",
        name="LoadBalancerName",
        created="CreatedTime",
        enrich=(
            Enrich(
                operation="DescribeListeners",
                params={"LoadBalancerArn": "LoadBalancerArn"},
                fills={"Listeners": "Listeners"},
                gone=_GONE,
                secret_paths=("Listeners[].DefaultActions[].AuthenticateOidcConfig.ClientSecret",),
            ),
            Enrich(
                operation="DescribeLoadBalancerAttributes",
                params={"LoadBalancerArn": "LoadBalancerArn"},
                fills={"Attributes": "Attributes"},
                gone=_GONE,
            ),
            _tags("LoadBalancerArn"),
        ),
        together=(tags("elasticloadbalancing", "LoadBalancerArn"),),
        relations=(
            Relation("security_groups", "SecurityGroups", "aws.ec2.security_group", "GroupId"),
            Relation("vpc", "VpcId", "aws.ec2.vpc", "VpcId"),
        ),
    ),
    Row(
        type="aws.elbv2.target_group",
        service="elbv2",
        operation="DescribeTargetGroups",
        items="TargetGroups",
        native_id="{TargetGroupArn}",
        name="TargetGroupName",
        enrich=(
            Enrich(
                operation="DescribeTargetHealth",
                params={"TargetGroupArn": "TargetGroupArn"},
                fills={"TargetHealth": "TargetHealthDescriptions"},
                gone=_GONE,
            ),
            _tags("TargetGroupArn"),
        ),
        together=(tags("elasticloadbalancing", "TargetGroupArn"),),
        relations=(
            Relation(
                "load_balancers", "LoadBalancerArns", "aws.elbv2.load_balancer", "LoadBalancerArn"
            ),
        ),
    ),
)
