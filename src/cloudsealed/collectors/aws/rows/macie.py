"""Amazon Macie: whether it looks at a region's buckets. What it finds in them is not collected."""

from __future__ import annotations

from cloudsealed.collectors.aws.codes import NOT_ENABLED
from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.macie.region_settings",
        service="macie2",
        operation=None,
        native_id="arn:{partition}:macie2:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="GetMacieSession",
                fills={"Session": "@"},
                absent=frozenset({NOT_ENABLED, "ResourceNotFoundException"}),
            ),
            Enrich(
                operation="GetAutomatedDiscoveryConfiguration",
                when="Session.status == 'ENABLED'",
                fills={"AutomatedDiscovery": "@"},
            ),
        ),
    ),
)
