"""Secrets Manager: what secrets there are. `GetSecretValue` is never called."""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.secretsmanager.secret",
        service="secretsmanager",
        operation="ListSecrets",
        constants={"MaxResults": 100},
        items="SecretList",
        native_id="{ARN}",
        name="Name",
        created="CreatedDate",
        enrich=(
            Enrich(
                operation="GetResourcePolicy",
                params={"SecretId": "ARN"},
                fills={"ResourcePolicy": "ResourcePolicy", "ResourcePolicyOf": "ARN"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        decode={"ResourcePolicy": json_text},
        relations=(
            Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "rotation_function", "RotationLambdaARN", "aws.lambda.function", "FunctionArn"
            ),
        ),
    ),
)
