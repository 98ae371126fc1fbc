"""EC2: what joins networks: peering, transit gateways, VPNs and services behind endpoints.

Keys that the two ends of a tunnel share are redacted. What is being deleted or is, which AWS lists
for a while, is no resource here.
"""

from __future__ import annotations

from cloudsealed.collectors.model import Enrich, Relation, Row

_NAME = "Tags[?Key=='Name'].Value | [0]"
_OVER = "['deleted', 'deleting', 'expired', 'failed', 'rejected']"

ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ec2.vpc_peering_connection",
        service="ec2",
        operation="DescribeVpcPeeringConnections",
        constants={"MaxResults": 1000},
        items=f"VpcPeeringConnections[?!contains({_OVER}, Status.Code)]",
        native_id="arn:{partition}:ec2:{region}:{account}"
        ":vpc-peering-connection/{VpcPeeringConnectionId}",
        name=_NAME,
        relations=(
            Relation("vpcs", "[RequesterVpcInfo, AccepterVpcInfo][].VpcId", "aws.ec2.vpc", "VpcId"),
        ),
    ),
    Row(
        type="aws.ec2.transit_gateway",
        service="ec2",
        operation="DescribeTransitGateways",
        constants={"MaxResults": 1000},
        items="TransitGateways[?!contains(['deleting', 'deleted'], State)]",
        native_id="{TransitGatewayArn}",
        owner="OwnerId",
        name=_NAME,
        created="CreationTime",
    ),
    Row(
        type="aws.ec2.vpn_connection",
        service="ec2",
        operation="DescribeVpnConnections",
        items="VpnConnections[?!contains(['deleting', 'deleted'], State)]",
        native_id="arn:{partition}:ec2:{region}:{account}:vpn-connection/{VpnConnectionId}",
        name=_NAME,
        secret_paths=(
            "VpnConnections[].CustomerGatewayConfiguration",
            "VpnConnections[].Options.TunnelOptions[].PreSharedKey",
        ),
    ),
    Row(
        type="aws.ec2.client_vpn_endpoint",
        service="ec2",
        operation="DescribeClientVpnEndpoints",
        constants={"MaxResults": 1000},
        items="ClientVpnEndpoints[?!contains(['deleting', 'deleted'], Status.Code)]",
        native_id="arn:{partition}:ec2:{region}:{account}:client-vpn-endpoint/{ClientVpnEndpointId}",
        name=_NAME,
        created="CreationTime",
        relations=(Relation("vpc", "VpcId", "aws.ec2.vpc", "VpcId"),),
    ),
    Row(
        type="aws.ec2.vpc_endpoint_service",
        service="ec2",
        operation="DescribeVpcEndpointServiceConfigurations",
        constants={"MaxResults": 1000},
        items="ServiceConfigurations[?!contains(['Deleting', 'Deleted', 'Failed'], ServiceState)]",
        native_id="arn:{partition}:ec2:{region}:{account}:vpc-endpoint-service/{ServiceId}",
        name="ServiceName",
        enrich=(
            Enrich(
                operation="DescribeVpcEndpointServicePermissions",
                params={"ServiceId": "ServiceId"},
                fills={"AllowedPrincipals": "AllowedPrincipals"},
                gone=frozenset(
                    {"InvalidVpcEndpointServiceId.NotFound", "InvalidVpcEndpointService.NotFound"}
                ),
            ),
        ),
        relations=(
            Relation(
                "load_balancers",
                "NetworkLoadBalancerArns",
                "aws.elbv2.load_balancer",
                "LoadBalancerArn",
            ),
        ),
    ),
)
