"""Bedrock: guardrails, models of one's own, bought throughput, and what a region logs of calls.

Prompts and answers of models are never read.
"""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.bedrock.guardrail",
        service="bedrock",
        operation="ListGuardrails",
        items="guardrails",
        native_id="{arn}",
        name="name",
        created="createdAt",
        enrich=(
            Enrich(
                operation="GetGuardrail",
                params={"guardrailIdentifier": "id"},
                fills={"Guardrail": "@"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceARN": "arn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:guardrail", "arn"),),
        relations=(Relation("key", "Guardrail.kmsKeyArn", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.bedrock.custom_model",
        service="bedrock",
        operation="ListCustomModels",
        constants={"isOwned": True},
        owner="ownerAccountId",
        items="modelSummaries",
        native_id="{modelArn}",
        name="modelName",
        created="creationTime",
        enrich=(
            Enrich(
                operation="GetCustomModel",
                params={"modelIdentifier": "modelArn"},
                fills={"Model": "@"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceARN": "modelArn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:custom-model", "modelArn"),),
        relations=(Relation("key", "Model.modelKmsKeyArn", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.bedrock.provisioned_throughput",
        service="bedrock",
        operation="ListProvisionedModelThroughputs",
        items="provisionedModelSummaries",
        native_id="{provisionedModelArn}",
        name="provisionedModelName",
        created="creationTime",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"resourceARN": "provisionedModelArn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:provisioned-model", "provisionedModelArn"),),
    ),
    Row(
        type="aws.bedrock.region_settings",
        service="bedrock",
        operation=None,
        native_id="arn:{partition}:bedrock:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="GetModelInvocationLoggingConfiguration",
                fills={"Logging": "loggingConfig"},
                omits_empty=True,
            ),
        ),
    ),
)
