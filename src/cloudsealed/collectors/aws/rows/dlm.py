"""Data Lifecycle Manager: policies that make and delete snapshots and images."""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.dlm.lifecycle_policy",
        service="dlm",
        operation="GetLifecyclePolicies",
        items="Policies",
        native_id="arn:{partition}:dlm:{region}:{account}:policy/{PolicyId}",
        name="PolicyId",
        tags="Tags",
    ),
)
