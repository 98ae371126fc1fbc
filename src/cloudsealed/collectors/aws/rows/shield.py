"""Shield: whether the account has Shield Advanced, and what it protects."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

_NONE = frozenset({"ResourceNotFoundException"})  # no subscription

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.shield.account",
        service="shield",
        operation=None,
        scope="global",
        native_id="arn:{partition}:shield::{account}:subscription",
        tags=None,
        enrich=(
            Enrich(
                operation="DescribeSubscription",
                fills={"Subscription": "Subscription"},
                absent=_NONE,
            ),
            Enrich(operation="ListProtections", fills={"Protections": "Protections"}, absent=_NONE),
        ),
    ),
)
