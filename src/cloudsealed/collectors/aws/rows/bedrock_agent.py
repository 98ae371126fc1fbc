"""Bedrock: agents, prompts and knowledge bases. What agents and prompts are told is redacted."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.bedrock.agent",
        service="bedrock-agent",
        operation="ListAgents",
        items="agentSummaries",
        native_id="arn:{partition}:bedrock:{region}:{account}:agent/{agentId}",
        name="agentName",
        enrich=(
            Enrich(
                operation="GetAgent",
                params={"agentId": "agentId"},
                fills={"Agent": "agent"},
                gone=_GONE,
                secret_paths=(
                    "agent.instruction",
                    "agent.promptOverrideConfiguration.promptConfigurations[].basePromptTemplate",
                ),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "Arn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:agent", "Arn"),),
        relations=(
            Relation("role", "Agent.agentResourceRoleArn", "aws.iam.role", "Arn"),
            Relation("key", "Agent.customerEncryptionKeyArn", "aws.kms.key", "Arn"),
        ),
    ),
    Row(
        type="aws.bedrock.prompt",
        service="bedrock-agent",
        operation="ListPrompts",
        items="promptSummaries",
        native_id="{arn}",
        name="name",
        created="createdAt",
        enrich=(
            Enrich(
                operation="GetPrompt",
                params={"promptIdentifier": "id"},
                constants={"includedData": "METADATA_ONLY"},
                fills={"CustomerEncryptionKeyArn": "customerEncryptionKeyArn", "PromptId": "id"},
                gone=_GONE,
                secret_paths=("variants[].templateConfiguration",),
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "arn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:prompt", "arn"),),
        relations=(Relation("key", "CustomerEncryptionKeyArn", "aws.kms.key", "Arn"),),
    ),
    Row(
        type="aws.bedrock.knowledge_base",
        service="bedrock-agent",
        operation="ListKnowledgeBases",
        items="knowledgeBaseSummaries",
        native_id="arn:{partition}:bedrock:{region}:{account}:knowledge-base/{knowledgeBaseId}",
        name="name",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"resourceArn": "Arn"},
                fills={"Tags": "tags"},
                gone=_GONE,
            ),
        ),
        together=(tags("bedrock:knowledge-base", "Arn"),),
    ),
    Row(
        type="aws.bedrock.data_source",
        service="bedrock-agent",
        operation="ListDataSources",
        parent="aws.bedrock.knowledge_base",
        inherit={"knowledgeBaseId": "knowledgeBaseId"},
        params={"knowledgeBaseId": "knowledgeBaseId"},
        gone=_GONE,
        items="dataSourceSummaries",
        native_id=(
            "arn:{partition}:bedrock:{region}:{account}:knowledge-base/{knowledgeBaseId}"
            "/data-source/{dataSourceId}"
        ),
        name="name",
        tags=None,
        enrich=(
            Enrich(
                operation="GetDataSource",
                params={"knowledgeBaseId": "knowledgeBaseId", "dataSourceId": "dataSourceId"},
                fills={"DataSource": "dataSource"},
                gone=_GONE,
            ),
        ),
        relations=(
            Relation(
                "knowledge_base", "knowledgeBaseId", "aws.bedrock.knowledge_base", "knowledgeBaseId"
            ),
        ),
    ),
)
