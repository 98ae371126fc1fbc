"""AWS Security Hub: whether a region has it, and by which standards it judges. Its findings are not
collected.

An account without it is told InvalidAccessException; who lacks the permission, AccessDenied.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

_OFF = frozenset({"InvalidAccessException", "ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.securityhub.region_settings",
        service="securityhub",
        operation=None,
        native_id="arn:{partition}:securityhub:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(operation="DescribeHub", fills={"Hub": "@"}, absent=_OFF),
            Enrich(
                operation="GetEnabledStandards",
                when="Hub",
                fills={"Standards": "StandardsSubscriptions"},
                absent=_OFF,
            ),
        ),
    ),
)
