"""AWS Service Catalog: portfolios and the accounts that they are shared with one by one."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.servicecatalog.portfolio",
        service="servicecatalog",
        operation="ListPortfolios",
        items="PortfolioDetails",
        native_id="{ARN}",
        name="DisplayName",
        tags=None,
        created="CreatedTime",
        enrich=(
            Enrich(
                operation="DescribePortfolioShares",
                params={"PortfolioId": "Id"},
                constants={"Type": "ACCOUNT"},
                fills={"AccountShares": "PortfolioShareDetails"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
    ),
)
