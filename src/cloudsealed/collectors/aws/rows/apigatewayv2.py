"""API Gateway: HTTP and WebSocket APIs with their routes, and their stages."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

_GONE = frozenset({"NotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.apigatewayv2.api",
        service="apigatewayv2",
        operation="GetApis",
        items="Items",
        native_id="arn:{partition}:apigateway:{region}::/apis/{ApiId}",
        name="Name",
        created="CreatedDate",
        enrich=(
            Enrich(
                operation="GetRoutes",
                params={"ApiId": "ApiId"},
                fills={"Routes": "Items"},
                gone=_GONE,
            ),
        ),
    ),
    Row(
        type="aws.apigatewayv2.stage",
        service="apigatewayv2",
        operation="GetStages",
        parent="aws.apigatewayv2.api",
        inherit={"ApiId": "ApiId", "ApiName": "Name", "ProtocolType": "ProtocolType"},
        params={"ApiId": "ApiId"},
        gone=_GONE,
        items="Items",
        native_id="arn:{partition}:apigateway:{region}::/apis/{ApiId}/stages/{StageName}",
        name="StageName",
        created="CreatedDate",
        secret_paths=("Items[].StageVariables",),
    ),
)
