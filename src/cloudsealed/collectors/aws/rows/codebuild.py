"""CodeBuild: projects, and groups of reports. Logs and artifacts of builds are never read.

What a project tells its builds, where its source is and the commands that stand in it are redacted:
each of them holds credentials in some accounts.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.codebuild.project",
        service="codebuild",
        operation="ListProjects",
        items="projects[].{name: @}",
        native_id="arn:{partition}:codebuild:{region}:{account}:project/{name}",
        name="name",
        tags="Project.tags",
        created="Project.created",
        enrich=(
            Enrich(
                operation="BatchGetProjects",
                params={"names": "[name]"},
                fills={"Project": "projects[0]"},
                holds="projects",
                secret_paths=(
                    "projects[].environment.environmentVariables[].value",
                    "projects[].source.location",
                    "projects[].source.buildspec",
                    "projects[].secondarySources[].location",
                    "projects[].secondarySources[].buildspec",
                    "projects[].webhook.secret",
                ),
            ),
        ),
        relations=(
            Relation("role", "Project.serviceRole", "aws.iam.role", "Arn"),
            Relation(
                "security_groups",
                "Project.vpcConfig.securityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
    Row(
        type="aws.codebuild.report_group",
        service="codebuild",
        operation="ListReportGroups",
        items="reportGroups[].{arn: @}",
        native_id="{arn}",
        name="last_segment(arn)",
        tags="ReportGroup.tags",
        created="ReportGroup.created",
        enrich=(
            Enrich(
                operation="BatchGetReportGroups",
                params={"reportGroupArns": "[arn]"},
                fills={"ReportGroup": "reportGroups[0]"},
                holds="reportGroups",
            ),
        ),
    ),
)
