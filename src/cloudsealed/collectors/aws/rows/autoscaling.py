"""EC2 Auto Scaling: groups, what scales them, and the older launch configurations."""

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
    Row(
        type="aws.autoscaling.launch_configuration",
        service="autoscaling",
        operation="DescribeLaunchConfigurations",
        constants={"MaxRecords": 100},
        items="LaunchConfigurations",
        native_id="{LaunchConfigurationARN}",
        name="LaunchConfigurationName",
        tags=None,
        created="CreatedTime",
        secret_paths=("LaunchConfigurations[].UserData",),
        relations=(
            Relation("security_groups", "SecurityGroups", "aws.ec2.security_group", "GroupId"),
        ),
    ),
    Row(
        type="aws.autoscaling.scaling_policy",
        service="autoscaling",
        operation="DescribePolicies",
        constants={"MaxRecords": 100},
        items="ScalingPolicies",
        native_id="{PolicyARN}",
        name="PolicyName",
        tags=None,
        relations=(
            Relation(
                "group", "AutoScalingGroupName", "aws.autoscaling.group", "AutoScalingGroupName"
            ),
        ),
    ),
    Row(
        type="aws.autoscaling.scheduled_action",
        service="autoscaling",
        operation="DescribeScheduledActions",
        constants={"MaxRecords": 100},
        items="ScheduledUpdateGroupActions",
        native_id="{ScheduledActionARN}",
        name="ScheduledActionName",
        tags=None,
        relations=(
            Relation(
                "group", "AutoScalingGroupName", "aws.autoscaling.group", "AutoScalingGroupName"
            ),
        ),
    ),
)
