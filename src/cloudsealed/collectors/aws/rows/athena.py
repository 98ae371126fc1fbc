"""Athena: workgroups. No query is read, and none is run."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.athena.workgroup",
        service="athena",
        operation="ListWorkGroups",
        items="WorkGroups",
        native_id="arn:{partition}:athena:{region}:{account}:workgroup/{Name}",
        given="Name == 'primary'",
        name="Name",
        created="CreationTime",
        enrich=(
            Enrich(
                operation="GetWorkGroup",
                params={"WorkGroup": "Name"},
                fills={"Configuration": "WorkGroup.Configuration"},
            ),
        ),
        together=(tags("athena:workgroup", "Arn"),),
    ),
)
