"""EC2: instances, volumes, images, networks and the settings of a region.

What is being deleted or is, which AWS lists for a while, is no resource here.
"""

from __future__ import annotations

from cloudsealed.collectors.decode import json_text
from cloudsealed.collectors.model import Enrich, Relation, Row, Together

_PAGE = {"MaxResults": 1000}
_SMALL_PAGE = {"MaxResults": 100}
_GROUPS = "aws.ec2.security_group"
_VPC = Relation("vpc", "VpcId", "aws.ec2.vpc", "VpcId")
_SUBNET = Relation("subnet", "SubnetId", "aws.ec2.subnet", "SubnetId")
_OWNER = "{owner}"  # of what is shared, as VPCs and their subnets are, it is another account


def _arn(kind: str, field: str, owner: str = "{account}") -> str:
    return f"arn:{{partition}}:ec2:{{region}}:{owner}:{kind}/{{{field}}}"


ROWS: tuple[Row, ...] = (
    Row(
        type="aws.ec2.instance",
        service="ec2",
        operation="DescribeInstances",
        constants=_PAGE,
        items="Reservations[].Instances[]"
        " | [?!contains(['shutting-down', 'terminated'], State.Name)]",
        native_id=_arn("instance", "InstanceId"),
        name="Tags[?Key=='Name'].Value | [0]",
        created="LaunchTime",
        enrich=(
            Enrich(
                operation="DescribeInstanceAttribute",
                params={"InstanceId": "InstanceId"},
                constants={"Attribute": "userData"},
                fills={"UserData": "UserData.Value"},
                gone=frozenset({"InvalidInstanceID.NotFound"}),
                secret_paths=("UserData.Value",),
            ),
        ),
        together=(
            Together(
                service="ec2",
                operation="DescribeInstanceImageMetadata",
                constants=_PAGE,
                items="InstanceImageMetadata",
                key="InstanceId",
                of="InstanceId",
                fills={"ImageMetadata": "ImageMetadata"},
                lacking={"ImageMetadata": None},
            ),
            Together(
                service="ssm",
                operation="DescribeInstanceInformation",
                constants={"MaxResults": 50},
                items="InstanceInformationList",
                key="InstanceId",
                of="InstanceId",
                fills={"SystemsManager": "@"},
                lacking={"SystemsManager": None},
            ),
        ),
        relations=(
            Relation("security_groups", "SecurityGroups[].GroupId", _GROUPS, "GroupId"),
            Relation("volumes", "BlockDeviceMappings[].Ebs.VolumeId", "aws.ec2.volume", "VolumeId"),
            Relation("image", "ImageId", "aws.ec2.image", "ImageId"),
            _VPC,
            _SUBNET,
        ),
    ),
    Row(
        type="aws.ec2.volume",
        service="ec2",
        operation="DescribeVolumes",
        constants=_PAGE,
        items="Volumes[?!contains(['deleting', 'deleted'], State)]",
        native_id=_arn("volume", "VolumeId", _OWNER),
        formerly_native_id=_arn("volume", "VolumeId"),
        owner="OwnerId",
        name="Tags[?Key=='Name'].Value | [0]",
        created="CreateTime",
        relations=(
            Relation("instances", "Attachments[].InstanceId", "aws.ec2.instance", "InstanceId"),
            Relation("snapshot", "SnapshotId", "aws.ec2.snapshot", "SnapshotId"),
        ),
    ),
    Row(
        type="aws.ec2.snapshot",
        service="ec2",
        operation="DescribeSnapshots",
        constants={"OwnerIds": ["self"], **_PAGE},
        items="Snapshots",
        native_id=_arn("snapshot", "SnapshotId", owner=""),
        owner="OwnerId",
        name="Tags[?Key=='Name'].Value | [0]",
        created="StartTime",
        enrich=(
            Enrich(
                operation="DescribeSnapshotAttribute",
                params={"SnapshotId": "SnapshotId"},
                constants={"Attribute": "createVolumePermission"},
                fills={
                    "CreateVolumePermissions": "CreateVolumePermissions",
                    "Public": "contains((CreateVolumePermissions || `[]`)[].Group, 'all')",
                },
                gone=frozenset({"InvalidSnapshot.NotFound"}),
            ),
        ),
        together=(
            Together(
                service="ec2",
                operation="DescribeSnapshots",
                constants={"OwnerIds": ["self"], "RestorableByUserIds": ["all"], **_PAGE},
                items="Snapshots",
                key="SnapshotId",
                of="SnapshotId",
                fills={"Public": "`true`"},
                lacking={"Public": False},
            ),
        ),
        relations=(Relation("volume", "VolumeId", "aws.ec2.volume", "VolumeId"),),
    ),
    Row(
        type="aws.ec2.address",
        service="ec2",
        operation="DescribeAddresses",
        items="Addresses",
        native_id="arn:{partition}:ec2:{region}:{account}:elastic-ip/{AllocationId || PublicIp}",
        name="PublicIp",
        relations=(
            Relation("instance", "InstanceId", "aws.ec2.instance", "InstanceId"),
            Relation(
                "network_interface",
                "NetworkInterfaceId",
                "aws.ec2.network_interface",
                "NetworkInterfaceId",
            ),
        ),
    ),
    Row(
        type="aws.ec2.security_group",
        service="ec2",
        operation="DescribeSecurityGroups",
        constants=_PAGE,
        items="SecurityGroups",
        native_id=_arn("security-group", "GroupId", _OWNER),
        formerly_native_id=_arn("security-group", "GroupId"),
        owner="OwnerId",
        given="GroupName == 'default'",
        name="GroupName",
        relations=(_VPC,),
    ),
    Row(
        type="aws.ec2.vpc",
        service="ec2",
        operation="DescribeVpcs",
        constants=_PAGE,
        items="Vpcs",
        native_id=_arn("vpc", "VpcId", _OWNER),
        formerly_native_id=_arn("vpc", "VpcId"),
        owner="OwnerId",
        given="IsDefault",
        name="Tags[?Key=='Name'].Value | [0]",
    ),
    Row(
        type="aws.ec2.subnet",
        service="ec2",
        operation="DescribeSubnets",
        constants=_PAGE,
        items="Subnets",
        native_id=_arn("subnet", "SubnetId", _OWNER),
        formerly_native_id=_arn("subnet", "SubnetId"),
        owner="OwnerId",
        given="DefaultForAz",
        name="Tags[?Key=='Name'].Value | [0]",
        relations=(_VPC,),
    ),
    Row(
        type="aws.ec2.nat_gateway",
        service="ec2",
        operation="DescribeNatGateways",
        constants=_PAGE,
        items="NatGateways[?!contains(['deleting', 'deleted'], State)]",
        native_id=_arn("natgateway", "NatGatewayId"),
        name="Tags[?Key=='Name'].Value | [0]",
        created="CreateTime",
        relations=(_VPC, _SUBNET),
    ),
    Row(
        type="aws.ec2.flow_log",
        service="ec2",
        operation="DescribeFlowLogs",
        constants=_PAGE,
        items="FlowLogs",
        native_id=_arn("vpc-flow-log", "FlowLogId"),
        given="`true`",
        created="CreationTime",
        relations=(Relation("vpc", "ResourceId", "aws.ec2.vpc", "VpcId"),),
    ),
    Row(
        type="aws.ec2.image",
        service="ec2",
        operation="DescribeImages",
        # Disabled images still hold their snapshots, and are left out unless asked for.
        constants={"Owners": ["self"], "IncludeDisabled": True, **_PAGE},
        items="Images",
        native_id=_arn("image", "ImageId", owner=""),
        owner="OwnerId",
        name="Name",
        created="CreationDate",
        relations=(
            Relation(
                "snapshots",
                "BlockDeviceMappings[].Ebs.SnapshotId",
                "aws.ec2.snapshot",
                "SnapshotId",
            ),
        ),
    ),
    Row(
        type="aws.ec2.network_acl",
        service="ec2",
        operation="DescribeNetworkAcls",
        constants=_PAGE,
        items="NetworkAcls",
        native_id=_arn("network-acl", "NetworkAclId", _OWNER),
        formerly_native_id=_arn("network-acl", "NetworkAclId"),
        owner="OwnerId",
        given="IsDefault",
        relations=(
            _VPC,
            Relation("subnets", "Associations[].SubnetId", "aws.ec2.subnet", "SubnetId"),
        ),
    ),
    Row(
        type="aws.ec2.launch_template",
        service="ec2",
        operation="DescribeLaunchTemplates",
        constants={"MaxResults": 200},
        items="LaunchTemplates",
        native_id=_arn("launch-template", "LaunchTemplateId"),
        name="LaunchTemplateName",
        created="CreateTime",
        enrich=(
            Enrich(
                operation="DescribeLaunchTemplateVersions",
                params={"LaunchTemplateId": "LaunchTemplateId"},
                constants={"Versions": ["$Default", "$Latest"]},
                fills={"Versions": "LaunchTemplateVersions"},
                gone=frozenset({"InvalidLaunchTemplateId.NotFound"}),
                secret_paths=("LaunchTemplateVersions[].LaunchTemplateData.UserData",),
            ),
        ),
    ),
    Row(
        type="aws.ec2.prefix_list",
        service="ec2",
        operation="DescribeManagedPrefixLists",
        constants=_SMALL_PAGE,
        items="PrefixLists",
        native_id="{PrefixListArn}",
        owner="OwnerId",
        given="OwnerId == 'AWS'",
        name="PrefixListName",
        enrich=(
            Enrich(  # what is in the lists that AWS manages changes from week to week
                operation="GetManagedPrefixListEntries",
                params={"PrefixListId": "PrefixListId"},
                constants=_SMALL_PAGE,
                fills={"Entries": "Entries"},
                when="OwnerId != 'AWS'",
                gone=frozenset({"InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound"}),
            ),
        ),
    ),
    Row(
        type="aws.ec2.route_table",
        service="ec2",
        operation="DescribeRouteTables",
        constants=_SMALL_PAGE,
        items="RouteTables",
        native_id=_arn("route-table", "RouteTableId", _OWNER),
        owner="OwnerId",
        given="Associations[?Main] | [0].Main",
        name="Tags[?Key=='Name'].Value | [0]",
        relations=(
            _VPC,
            Relation("subnets", "Associations[].SubnetId", "aws.ec2.subnet", "SubnetId"),
        ),
    ),
    Row(
        type="aws.ec2.network_interface",
        service="ec2",
        operation="DescribeNetworkInterfaces",
        constants=_PAGE,
        items="NetworkInterfaces",
        native_id=_arn("network-interface", "NetworkInterfaceId", _OWNER),
        formerly_native_id=_arn("network-interface", "NetworkInterfaceId"),
        owner="OwnerId",
        tags="TagSet",
        relations=(
            Relation("security_groups", "Groups[].GroupId", _GROUPS, "GroupId"),
            Relation("instance", "Attachment.InstanceId", "aws.ec2.instance", "InstanceId"),
            _VPC,
            _SUBNET,
        ),
    ),
    Row(
        type="aws.ec2.vpc_endpoint",
        service="ec2",
        operation="DescribeVpcEndpoints",
        constants=_PAGE,
        items="VpcEndpoints[?!contains(['Deleting', 'deleting', 'Deleted', 'deleted'], State)]",
        native_id=_arn("vpc-endpoint", "VpcEndpointId", _OWNER),
        formerly_native_id=_arn("vpc-endpoint", "VpcEndpointId"),
        owner="OwnerId",
        name="ServiceName",
        created="CreationTimestamp",
        decode={"PolicyDocument": json_text},
        relations=(_VPC, Relation("security_groups", "Groups[].GroupId", _GROUPS, "GroupId")),
    ),
    Row(
        type="aws.ec2.region_settings",
        service="ec2",
        operation=None,
        native_id="arn:{partition}:ec2:{region}:{account}:region-settings",
        tags=None,
        enrich=(
            Enrich(
                operation="GetEbsEncryptionByDefault",
                fills={"EbsEncryptionByDefault": "EbsEncryptionByDefault"},
            ),
            Enrich(
                operation="GetSnapshotBlockPublicAccessState",
                fills={"SnapshotBlockPublicAccess": "State"},
            ),
            Enrich(
                operation="GetImageBlockPublicAccessState",
                fills={"ImageBlockPublicAccess": "ImageBlockPublicAccessState"},
            ),
            Enrich(
                operation="GetInstanceMetadataDefaults",
                fills={"InstanceMetadataDefaults": "AccountLevel"},
                omits_empty=True,
            ),
            Enrich(operation="GetAllowedImagesSettings", fills={"AllowedImages": "State"}),
        ),
    ),
)
