"""Data Pipeline: pipelines. Their definitions are redacted."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.datapipeline.pipeline",
        service="datapipeline",
        operation="ListPipelines",
        items="pipelineIdList",
        native_id="arn:{partition}:datapipeline:{region}:{account}:pipeline/{id}",
        name="name",
        tags=None,
        enrich=(
            Enrich(
                operation="GetPipelineDefinition",
                params={"pipelineId": "id"},
                fills={"Objects": "pipelineObjects", "ParameterValues": "parameterValues"},
                gone=frozenset({"PipelineNotFoundException", "PipelineDeletedException"}),
                secret_paths=(
                    "pipelineObjects[].fields[].stringValue",
                    "parameterValues[].stringValue",
                    "parameterObjects[].attributes[].stringValue",
                ),
            ),
        ),
    ),
)
