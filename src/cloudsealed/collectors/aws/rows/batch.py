"""Batch: active job definitions, and the environments that their jobs run in.

Whatever a container is told at its start (environment, command, log options) is redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

_TOLD = ("environment[].value", "command", "logConfiguration.options")
_PODS = "eksProperties.podProperties"
_SECRETS = (
    *(f"containerProperties.{path}" for path in _TOLD),
    *(f"nodeProperties.nodeRangeProperties[].container.{path}" for path in _TOLD),
    *(
        f"{tasks}ecsProperties.taskProperties[].containers[].{path}"
        for tasks in ("", "nodeProperties.nodeRangeProperties[].")
        for path in _TOLD
    ),
    *(
        f"{pods}.{kind}[].{path}"
        for pods in (_PODS, f"nodeProperties.nodeRangeProperties[].{_PODS}")
        for kind in ("containers", "initContainers")
        for path in ("env[].value", "command", "args")
    ),
    "parameters",
)

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.batch.job_definition",
        service="batch",
        operation="DescribeJobDefinitions",
        constants={"status": "ACTIVE"},
        items="jobDefinitions",
        native_id="{jobDefinitionArn}",
        name="jobDefinitionName",
        tags="tags",
        secret_paths=tuple(f"jobDefinitions[].{path}" for path in _SECRETS),
    ),
    Row(
        type="aws.batch.compute_environment",
        service="batch",
        operation="DescribeComputeEnvironments",
        items="computeEnvironments[?!contains(['DELETING', 'DELETED'], status)]",
        native_id="{computeEnvironmentArn}",
        name="computeEnvironmentName",
        tags="tags",
        relations=(
            Relation("subnets", "computeResources.subnets", "aws.ec2.subnet", "SubnetId"),
            Relation(
                "security_groups",
                "computeResources.securityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
