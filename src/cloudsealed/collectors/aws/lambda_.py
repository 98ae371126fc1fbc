"""Lambda: functions and their aliases, with who may call them. Their code is never fetched.

Each alias has a policy of its own, which lets in beside the function's. Policies of single versions
are not read: that would be a call for every version ever published.
"""

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
                operation="ListFunctionEventInvokeConfigs",
                params={"FunctionName": "FunctionName"},
                fills={"EventInvokeConfigs": "FunctionEventInvokeConfigs"},
                gone=_NONE,
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
                "security_groups", "VpcConfig.SecurityGroupIds", "aws.ec2.security_group", "GroupId"
            ),
        ),
    ),
    Row(
        type="aws.lambda.alias",
        service="lambda",
        operation="ListAliases",
        parent="aws.lambda.function",
        inherit={"FunctionName": "FunctionName"},
        params={"FunctionName": "FunctionName"},
        gone=_NONE,
        items="Aliases",
        native_id="{AliasArn}",
        name="Name",
        tags=None,
        enrich=(
            Enrich(
                operation="GetPolicy",
                params={"FunctionName": "FunctionName", "Qualifier": "Name"},
                fills={"Policy": "Policy"},
                absent=_NONE,
            ),
        ),
        decode={"Policy": json_text},
        relations=(Relation("function", "FunctionName", "aws.lambda.function", "FunctionName"),),
    ),
)
