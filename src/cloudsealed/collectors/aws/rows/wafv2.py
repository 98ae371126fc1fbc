"""AWS WAF: web ACLs of a region, and those of CloudFront. Requests that it saw are never read.

WAF Classic, which came before, ended on 30 September 2025 (AWS WAF Developer Guide).
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Row

_NONE = frozenset({"WAFNonexistentItemException"})
_SECRETS = ("WebACL.CustomResponseBodies",)


def _logging(attribute: str, scope: str, when: str | None = None) -> Enrich:
    """Return the call for one of the places that logs can be configured from; one is enough."""
    return Enrich(
        operation="GetLoggingConfiguration",
        params={"ResourceArn": "ARN"},
        constants={"LogScope": scope},
        fills={attribute: "LoggingConfiguration"},
        absent=_NONE,
        decided_by="GetWebACL",
        when=when,
    )


def _resources(attribute: str, kind: str) -> Enrich:
    return Enrich(
        operation="ListResourcesForWebACL",
        params={"WebACLArn": "ARN"},
        constants={"ResourceType": kind},
        fills={attribute: "ResourceArns"},
        absent=_NONE,
        decided_by="GetWebACL",
    )


def _acl(kind: str, scope: str, resources: tuple[Enrich, ...], *, is_global: bool = False) -> Row:
    return Row(
        type=kind,
        service="wafv2",
        operation="ListWebACLs",
        scope="global" if is_global else "region",
        constants={"Scope": scope, "Limit": 100},
        items="WebACLs",
        native_id="{ARN}",
        name="Name",
        tags="TagInfo",
        enrich=(
            *resources,
            _logging("LoggingConfiguration", "CUSTOMER"),
            _logging("ManagedLogging", "CLOUDWATCH_TELEMETRY_RULE_MANAGED", _UNLOGGED),
            _logging("SecurityLakeLogging", "SECURITY_LAKE", _UNLOGGED),
            Enrich(
                operation="ListTagsForResource",
                params={"ResourceARN": "ARN"},
                fills={"TagInfo": "TagInfoForResource.TagList"},
                absent=_NONE,
                decided_by="GetWebACL",
            ),
            Enrich(
                operation="GetWebACL",
                params={"Name": "Name", "Id": "Id"},
                constants={"Scope": scope},
                fills={"WebACL": "WebACL"},
                gone=_NONE,
                secret_paths=_SECRETS,
            ),
        ),
    )


_UNLOGGED = "!LoggingConfiguration"

ROWS: tuple[Row, ...] = (
    _acl(
        "aws.wafv2.web_acl",
        "REGIONAL",
        (
            _resources("LoadBalancers", "APPLICATION_LOAD_BALANCER"),
            _resources("RestApiStages", "API_GATEWAY"),
            _resources("GraphqlApis", "APPSYNC"),
            _resources("UserPools", "COGNITO_USER_POOL"),
            _resources("AppRunnerServices", "APP_RUNNER_SERVICE"),
            _resources("VerifiedAccessInstances", "VERIFIED_ACCESS_INSTANCE"),
            _resources("AgentCoreGateways", "AGENTCORE_GATEWAY"),
        ),
    ),
    _acl(
        "aws.wafv2.cloudfront_web_acl",
        "CLOUDFRONT",
        (_resources("AmplifyApps", "AMPLIFY"),),
        is_global=True,
    ),
)
