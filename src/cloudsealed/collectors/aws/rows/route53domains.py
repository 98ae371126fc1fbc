"""Route 53 domains: names that are registered through it. Whom they belong to is never asked."""

from __future__ import annotations

from cloudsealed.collectors.model import Row

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.route53domains.domain",
        service="route53domains",
        operation="ListDomains",
        scope="global",
        items="Domains",
        native_id="arn:{partition}:route53domains:::domain/{DomainName}",
        name="DomainName",
        tags=None,
    ),
)
