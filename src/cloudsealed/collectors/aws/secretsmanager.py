"""Secrets Manager: what secrets there are. `GetSecretValue` is never called."""

from __future__ import annotations

from cloudsealed.collectors.model import Relation, Row

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
        relations=(
            Relation("key", "KmsKeyId", "aws.kms.key", "Arn"),
            Relation(
                "rotation_function", "RotationLambdaARN", "aws.lambda.function", "FunctionArn"
            ),
        ),
    ),
)
