"""EC2 Auto Scaling: groups."""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.autoscaling.group",
        service="autoscaling",
        operation="DescribeAutoScalingGroups",
        constants={"MaxRecords": 100},
        items="AutoScalingGroups",
        native_id="{AutoScalingGroupARN}",
        name="AutoScalingGroupName",
        created="CreatedTime",
        relations=(
            Relation("instances", "Instances[].InstanceId", "aws.ec2.instance", "InstanceId"),
            Relation(
                "target_groups", "TargetGroupARNs", "aws.elbv2.target_group", "TargetGroupArn"
            ),
        ),
    ),
)
