"""API Gateway: REST APIs with their methods, their stages, and the names that they are served by.

Keys that clients send are never listed; variables of stages are redacted.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"NotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.apigateway.rest_api",
        service="apigateway",
        operation="GetRestApis",
        constants={"limit": 500},
        items="items",
        native_id="arn:{partition}:apigateway:{region}::/restapis/{id}",
        name="name",
        tags="tags",
        created="createdDate",
        enrich=(
            Enrich(
                operation="GetResources",
                params={"restApiId": "id"},
                constants={"limit": 500, "embed": ["methods"]},
                fills={"Resources": "items"},
                gone=_GONE,
            ),
            Enrich(
                operation="GetStages",
                params={"restApiId": "id"},
                fills={"StageNames": "item[].stageName"},
                gone=_GONE,
                secret_paths=("item[].variables", "item[].canarySettings.stageVariableOverrides"),
            ),
        ),
    ),
    Row(
        type="aws.apigateway.stage",
        service="apigateway",
        operation="GetStages",
        parent="aws.apigateway.rest_api",
        inherit={
            "restApiId": "id",
            "apiName": "name",
            "endpointConfiguration": "endpointConfiguration",
        },
        params={"restApiId": "restApiId"},
        gone=_GONE,
        items="item",
        native_id=("arn:{partition}:apigateway:{region}::/restapis/{restApiId}/stages/{stageName}"),
        name="stageName",
        tags="tags",
        created="createdDate",
        secret_paths=("item[].variables", "item[].canarySettings.stageVariableOverrides"),
    ),
    Row(
        type="aws.apigateway.domain_name",
        service="apigateway",
        operation="GetDomainNames",
        constants={"limit": 500},
        items="items",
        native_id=("arn:{partition}:apigateway:{region}::/domainnames/{domainName}"),
        name="domainName",
        tags="tags",
    ),
)
