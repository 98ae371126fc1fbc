"""Lambda: functions, their aliases and sources, with who may call them.

Their code is never fetched.

Each alias and each published version has a policy of its own, which lets in beside the function's.
Of versions there may be thousands, each deployment one, and no list says which have a policy: the
newest are asked for theirs, and what is not asked is unread.
"""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row

_NONE = frozenset({"ResourceNotFoundException"})  # no policy, no address, or no function
_NEWEST = 5  # versions of a function; ten calls a second are made of Lambda
_OLDEST_FIRST = "(Versions && sort_by(Versions, &to_number(@)))"
_SECRETS = (
    "Environment.Variables",
    "ImageConfigResponse.ImageConfig.Command",
    "ImageConfigResponse.ImageConfig.EntryPoint",
)


def _version_policies(attribute: str, versions: str, *, too_many: bool = False) -> Enrich:
    """The policies of some of a function's versions; one without a policy has none among them."""
    return Enrich(
        operation="GetPolicy",
        params={"FunctionName": "FunctionName", "Qualifier": "each"},
        each=versions,
        fills={attribute: "Policy"},
        absent=_NONE,
        decided_by="ListTags",
        too_many=too_many,
    )


ROWS: tuple[Row, ...] = (
    Row(
        type="aws.lambda.function",
        service="lambda",
        operation="ListFunctions",
        items="Functions",
        native_id="{FunctionArn}",
        name="FunctionName",
        secret_paths=tuple(f"Functions[].{path}" for path in _SECRETS),
        enrich=(
            Enrich(
                operation="GetPolicy",
                params={"FunctionName": "FunctionName"},
                fills={"Policy": "Policy"},
                absent=_NONE,
                decided_by="ListTags",
            ),
            Enrich(
                operation="ListVersionsByFunction",
                params={"FunctionName": "FunctionName"},
                fills={"Versions": "Versions[?to_number(Version) != `null`].Version"},
                gone=_NONE,
                secret_paths=tuple(f"Versions[].{path}" for path in _SECRETS),
            ),
            _version_policies("VersionPolicies", f"{_OLDEST_FIRST}[-{_NEWEST}:]"),
            _version_policies(
                "OlderVersionPolicies", f"{_OLDEST_FIRST}[:-{_NEWEST}]", too_many=True
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
        decode={"Policy": json_text, "VersionPolicies[]": json_text},
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
    Row(
        type="aws.lambda.event_source_mapping",
        service="lambda",
        operation="ListEventSourceMappings",
        items="EventSourceMappings",
        native_id="arn:{partition}:lambda:{region}:{account}:event-source-mapping:{UUID}",
        name="UUID",
        tags=None,
        relations=(Relation("function", "FunctionArn", "aws.lambda.function", "FunctionArn"),),
    ),
)
