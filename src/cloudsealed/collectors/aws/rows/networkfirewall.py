"""Network Firewall: firewalls, what they log, and the policies that they follow."""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_GONE = frozenset({"ResourceNotFoundException"})

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.networkfirewall.firewall",
        service="network-firewall",
        operation="ListFirewalls",
        constants={"MaxResults": 100},
        items="Firewalls",
        native_id="{FirewallArn}",
        name="FirewallName",
        tags="Firewall.Tags",
        enrich=(
            Enrich(
                operation="DescribeFirewall",
                params={"FirewallArn": "FirewallArn"},
                fills={"Firewall": "Firewall", "FirewallStatus": "FirewallStatus"},
                gone=_GONE,
            ),
            Enrich(
                operation="DescribeLoggingConfiguration",
                params={"FirewallArn": "FirewallArn"},
                fills={"LoggingConfiguration": "LoggingConfiguration || (FirewallArn && `{}`)"},
                gone=_GONE,
            ),
        ),
        relations=(
            Relation(
                "policy", "Firewall.FirewallPolicyArn", "aws.networkfirewall.firewall_policy", "Arn"
            ),
            Relation("vpc", "Firewall.VpcId", "aws.ec2.vpc", "VpcId"),
        ),
    ),
    Row(
        type="aws.networkfirewall.firewall_policy",
        service="network-firewall",
        operation="ListFirewallPolicies",
        constants={"MaxResults": 100},
        items="FirewallPolicies",
        native_id="{Arn}",
        name="Name",
        tags="FirewallPolicyResponse.Tags",
        enrich=(
            Enrich(
                operation="DescribeFirewallPolicy",
                params={"FirewallPolicyArn": "Arn"},
                fills={
                    "FirewallPolicyResponse": "FirewallPolicyResponse",
                    "FirewallPolicy": "FirewallPolicy",
                },
                gone=_GONE,
            ),
        ),
    ),
)
