"""WorkSpaces Applications (AppStream 2.0): fleets."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.appstream.fleet",
        service="appstream",
        operation="DescribeFleets",
        items="Fleets",
        native_id="{Arn}",
        name="Name",
        created="CreatedTime",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceArn": "Arn"},
                fills={"Tags": "Tags"},
                gone=frozenset({"ResourceNotFoundException"}),
            ),
        ),
        together=(tags("appstream:fleet", "Arn"),),
        relations=(Relation("role", "IamRoleArn", "aws.iam.role", "Arn"),),
    ),
)
