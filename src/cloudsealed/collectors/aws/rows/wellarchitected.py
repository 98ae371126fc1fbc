"""AWS Well-Architected Tool: workloads and the risks that their reviews named."""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.wellarchitected.workload",
        service="wellarchitected",
        operation="ListWorkloads",
        items="WorkloadSummaries",
        native_id="{WorkloadArn}",
        given="`true`",
        owner="Owner",
        name="WorkloadName",
        tags=None,
    ),
)
