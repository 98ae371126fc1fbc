"""Route 53: hosted zones, the record sets of each, and health checks."""

from __future__ import annotations

from cloudsealed.collectors.aws.tagging import tags
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

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
                operation="GetDNSSEC",
                params={"HostedZoneId": "HostedZoneId"},
                fills={"DnssecStatus": "Status", "KeySigningKeys": "KeySigningKeys"},
                when="!(Config.PrivateZone || `false`)",  # of a private zone it is an error
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
    Row(
        type="aws.route53.record",
        service="route53",
        operation="ListResourceRecordSets",
        scope="global",
        parent="aws.route53.hosted_zone",
        inherit={"HostedZoneId": "HostedZoneId", "ZoneName": "Name", "ZoneConfig": "Config"},
        params={"HostedZoneId": "HostedZoneId"},
        gone=_GONE,
        items="ResourceRecordSets",
        native_id=(
            "arn:{partition}:route53:::hostedzone/{HostedZoneId}"
            "/recordset/{Type}/{Name}/{SetIdentifier || ''}"
        ),
        name="Name",
        tags=None,
        relations=(Relation("health_check", "HealthCheckId", "aws.route53.health_check", "Id"),),
    ),
    Row(
        type="aws.route53.health_check",
        service="route53",
        operation="ListHealthChecks",
        scope="global",
        items="HealthChecks",
        native_id="arn:{partition}:route53:::healthcheck/{Id}",
        name="Id",
        enrich=(
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceId": "Id"},
                constants={"ResourceType": "healthcheck"},
                fills={"Tags": "ResourceTagSet.Tags"},
                gone=frozenset({"NoSuchHealthCheck", "NoSuchHostedZone"}),
            ),
        ),
        together=(tags("route53:healthcheck", "Arn"),),
    ),
)
