"""Amazon Inspector: what of a region it scans, and how much it found. Findings are not collected.

A delegated administrator is told the counts of all members, each with its account.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.inspector2.region_settings",
        service="inspector2",
        operation=None,
        native_id="arn:{partition}:inspector2:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="BatchGetAccountStatus",
                params={"accountIds": "[AccountId]"},
                fills={"Account": "accounts[0]"},
                absent=frozenset({"ResourceNotFoundException"}),
            ),
            Enrich(
                operation="ListFindingAggregations",
                constants={"aggregationType": "ACCOUNT"},
                when="Account.state.status == 'ENABLED'",
                fills={"FindingCounts": "responses[].accountAggregation"},
            ),
        ),
    ),
)
