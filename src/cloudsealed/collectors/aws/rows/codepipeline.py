"""CodePipeline: pipelines. What their actions are configured with is redacted: tokens among it."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"PipelineNotFoundException", "PipelineVersionNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.codepipeline.pipeline",
        service="codepipeline",
        operation="ListPipelines",
        items="pipelines",
        native_id="arn:{partition}:codepipeline:{region}:{account}:{name}",
        name="name",
        tags=None,
        created="created",
        enrich=(
            Enrich(
                operation="GetPipeline",
                params={"name": "name"},
                fills={"Pipeline": "pipeline"},
                gone=_GONE,
                secret_paths=(
                    "pipeline.stages[].actions[].configuration",
                    "pipeline.stages[].actions[].commands",
                    "pipeline.stages[].actions[].environmentVariables[].value",
                    "pipeline.variables[].defaultValue",
                ),
            ),
        ),
        relations=(Relation("role", "Pipeline.roleArn", "aws.iam.role", "Arn"),),
    ),
)
