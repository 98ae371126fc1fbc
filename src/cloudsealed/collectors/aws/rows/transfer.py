"""Transfer Family: servers. Users and their keys are not collected."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.transfer.server",
        service="transfer",
        operation="ListServers",
        items="Servers",
        native_id="{Arn}",
        name="ServerId",
        tags="Server.Tags",
        enrich=(
            Enrich(
                operation="DescribeServer",
                params={"ServerId": "ServerId"},
                fills={"Server": "Server"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        relations=(Relation("role", "Server.LoggingRole", "aws.iam.role", "Arn"),),
    ),
)
