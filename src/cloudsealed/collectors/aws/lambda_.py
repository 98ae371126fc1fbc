"""Lambda: functions, with who may call them. Their code is never fetched."""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_NONE = frozenset({"ResourceNotFoundException"})  # no policy, no address, or no function

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.lambda.function",
        service="lambda",
        operation="ListFunctions",
        items="Functions",
        native_id="{FunctionArn}",
        name="FunctionName",
        secret_paths=(
            "Functions[].Environment.Variables",
            "Functions[].ImageConfigResponse.ImageConfig.Command",
            "Functions[].ImageConfigResponse.ImageConfig.EntryPoint",
        ),
        enrich=(
            Enrich(
                operation="GetPolicy",
                params={"FunctionName": "FunctionName"},
                fills={"Policy": "Policy"},
                absent=_NONE,
                decided_by="ListTags",
            ),
            Enrich(
                operation="GetFunctionUrlConfig",
                params={"FunctionName": "FunctionName"},
                fills={"UrlConfig": "@"},
                absent=_NONE,
                decided_by="ListTags",
            ),
            Enrich(
                operation="ListTags",
                params={"Resource": "FunctionArn"},
                fills={"Tags": "Tags"},
                gone=_NONE,
            ),
        ),
        decode={"Policy": json_text},
        relations=(
            Relation("role", "Role", "aws.iam.role", "Arn"),
            Relation("key", "KMSKeyArn", "aws.kms.key", "Arn"),
            Relation(
                "security_groups",
                "VpcConfig.SecurityGroupIds",
                "aws.ec2.security_group",
                "GroupId",
            ),
        ),
    ),
)
