"""AppSync: GraphQL APIs. Keys that clients send are never listed."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.appsync.graphql_api",
        service="appsync",
        operation="ListGraphqlApis",
        items="graphqlApis",
        native_id="{arn}",
        owner="owner",
        name="name",
        tags="tags",
        enrich=(
            Enrich(
                operation="GetApiCache",
                params={"apiId": "apiId"},
                fills={"ApiCache": "apiCache"},
                absent=frozenset({"NotFoundException"}),
            ),
        ),
    ),
)
