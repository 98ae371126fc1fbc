"""Route 53: hosted zones. Record sets are not collected."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Row, Together

_GONE = frozenset({"NoSuchHostedZone"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.route53.hosted_zone",
        service="route53",
        operation="ListHostedZones",
        scope="global",
        items="HostedZones[].merge(@, {HostedZoneId: last_segment(Id)})",
        native_id="arn:{partition}:route53:::hostedzone/{HostedZoneId}",
        name="Name",
        enrich=(
            Enrich(
                operation="ListQueryLoggingConfigs",
                params={"HostedZoneId": "HostedZoneId"},
                fills={"QueryLoggingConfigs": "QueryLoggingConfigs"},
                gone=_GONE,
            ),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceId": "HostedZoneId"},
                constants={"ResourceType": "hostedzone"},
                fills={"Tags": "ResourceTagSet.Tags"},
                gone=_GONE,
            ),
        ),
        together=(
            Together(
                service="route53",
                operation="ListQueryLoggingConfigs",
                items="QueryLoggingConfigs",
                key="HostedZoneId",
                of="HostedZoneId",
                fills={"QueryLoggingConfigs": "[@]"},
                lacking={"QueryLoggingConfigs": []},
            ),
            tags("route53", "Arn"),
        ),
    ),
)
