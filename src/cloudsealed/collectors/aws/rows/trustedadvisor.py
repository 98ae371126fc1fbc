"""AWS Trusted Advisor: its recommendations, with the savings that it reckons.

AWS answers accounts with a plan of business support or more; which resources each is about is not
collected.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.trustedadvisor.recommendation",
        service="trustedadvisor",
        operation="ListRecommendations",
        scope="global",
        items="recommendationSummaries",
        native_id="{arn}",
        name="name",
        tags=None,
        created="createdAt",
    ),
)
