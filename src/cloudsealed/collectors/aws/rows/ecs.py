"""ECS: clusters, their services, and active task definitions.

Whatever a container is told at its start (environment, command, log options) is redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ClusterNotFoundException"})
_LOG_OPTIONS = "logConfiguration.options"
_GROUPS = "networkConfiguration.awsvpcConfiguration.securityGroups"

# Older ARNs of services leave out the cluster, and two clusters may have services of one name
# (Amazon ECS Developer Guide, "Amazon Resource Names and IDs").
_SERVICE_ARN = (
    "arn:{partition}:ecs:{region}:{account}:service"
    "/{last_segment(clusterArn)}/{last_segment(serviceArn)}"
)

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ecs.cluster",
        service="ecs",
        operation="ListClusters",
        items="clusterArns[].{clusterArn: @}",
        native_id="{clusterArn}",
        name="Cluster.clusterName",
        tags="Cluster.tags",
        enrich=(
            Enrich(
                operation="DescribeClusters",
                params={"clusters": "[clusterArn]"},
                constants={"include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]},
                fills={"Cluster": "clusters[0]"},
                holds="clusters[?status != 'INACTIVE']",
            ),
        ),
    ),
    Row(
        type="aws.ecs.service",
        service="ecs",
        operation="ListServices",
        parent="aws.ecs.cluster",
        inherit={"clusterArn": "clusterArn"},
        params={"cluster": "clusterArn"},
        gone=_GONE,
        items="serviceArns[].{serviceArn: @}",
        native_id=_SERVICE_ARN,
        formerly_native_id="{serviceArn}",
        name="Service.serviceName",
        tags="Service.tags",
        created="Service.createdAt",
        enrich=(
            Enrich(
                operation="DescribeServices",
                params={"cluster": "clusterArn", "services": "[serviceArn]"},
                constants={"include": ["TAGS"]},
                fills={"Service": "services[0]"},
                gone=_GONE,
                holds="services[?status != 'INACTIVE']",
                secret_paths=(
                    f"services[].deployments[].serviceConnectConfiguration.{_LOG_OPTIONS}",
                ),
            ),
        ),
        relations=(
            Relation("cluster", "clusterArn", "aws.ecs.cluster", "clusterArn"),
            Relation(
                "task_definition",
                "Service.taskDefinition",
                "aws.ecs.task_definition",
                "taskDefinitionArn",
            ),
            Relation("security_groups", f"Service.{_GROUPS}", "aws.ec2.security_group", "GroupId"),
        ),
    ),
    Row(
        type="aws.ecs.task_definition",
        service="ecs",
        operation="ListTaskDefinitions",
        constants={"status": "ACTIVE"},
        items="taskDefinitionArns[].{taskDefinitionArn: @}",
        native_id="{taskDefinitionArn}",
        name="last_segment(taskDefinitionArn)",
        created="TaskDefinition.registeredAt",
        enrich=(
            Enrich(
                operation="DescribeTaskDefinition",
                params={"taskDefinition": "taskDefinitionArn"},
                constants={"include": ["TAGS"]},
                fills={"TaskDefinition": "taskDefinition", "Tags": "tags"},
                secret_paths=tuple(
                    f"taskDefinition.containerDefinitions[].{path}"
                    for path in (
                        "environment[].value",
                        "command",
                        "entryPoint",
                        "healthCheck.command",
                        "dockerLabels",
                        _LOG_OPTIONS,
                        "firelensConfiguration.options",
                    )
                ),
            ),
        ),
        relations=(
            Relation("task_role", "TaskDefinition.taskRoleArn", "aws.iam.role", "Arn"),
            Relation("execution_role", "TaskDefinition.executionRoleArn", "aws.iam.role", "Arn"),
        ),
    ),
)
