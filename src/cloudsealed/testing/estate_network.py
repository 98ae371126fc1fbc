"""Network, machines and disks of the sample estate: EC2, load balancers, scaling groups."""

from __future__ import annotations

from typing import Any

from cloudsealed.testing.emulator import control
from cloudsealed.testing.estate_foundation import tagged
from cloudsealed.testing.estate_site import USER_DATA, Site, tags

SHOP_ACL = "larkspur-shop"
_IMAGE = "ami-0larkspur00000001"


def security_groups(site: Site) -> None:
    """Make groups open to the internet on ports that should not be, and closed ones."""
    for name, port, source in (
        ("larkspur-bastion", 22, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
        ("larkspur-windows", 3389, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
        ("larkspur-postgres", 5432, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
        ("larkspur-mysql", 3306, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
    ):
        open_group(site, name, port, source)
        site.bad("ec2.security_group", name, "security", f"lets the internet reach port {port}")
    open_group(site, "larkspur-anything", None, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    site.bad("ec2.security_group", "larkspur-anything", "security", "lets the internet reach all")
    open_group(site, "larkspur-web", 443, {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
    open_group(site, "larkspur-office-ssh", 22, {"IpRanges": [{"CidrIp": "198.51.100.0/24"}]})
    site.good("ec2.security_group", "larkspur-web", "security", "opens HTTPS only")
    site.good("ec2.security_group", "larkspur-office-ssh", "security", "opens SSH to one office")


def open_group(site: Site, name: str, port: int | None, source: dict[str, Any]) -> str:
    """Make a security group that lets `source` reach `port` (None: everything); returns its id."""
    ec2 = site.client("ec2")
    group = ec2.create_security_group(
        GroupName=name,
        Description=f"Larkspur {name}",
        VpcId=site.ids["larkspur-prod"],
        TagSpecifications=tagged("security-group", name),
    )["GroupId"]
    protocol: dict[str, Any] = {"IpProtocol": "-1"}
    if port is not None:
        protocol = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[protocol | source])
    site.ids[name] = group
    return str(group)


def default_groups(site: Site) -> None:
    """Empty the default group of the production network; leave the lab's as AWS made it."""
    ec2 = site.client("ec2")
    query = [
        {"Name": "group-name", "Values": ["default"]},
        {"Name": "vpc-id", "Values": [site.ids["larkspur-prod"]]},
    ]
    group = ec2.describe_security_groups(Filters=query)["SecurityGroups"][0]
    for direction, rules in (
        ("ingress", group["IpPermissions"]),
        ("egress", group["IpPermissionsEgress"]),
    ):
        if rules:
            revoke = getattr(ec2, f"revoke_security_group_{direction}")
            revoke(GroupId=group["GroupId"], IpPermissions=rules)
    ec2.create_tags(Resources=[group["GroupId"]], Tags=tags("larkspur-default"))
    site.good("ec2.security_group", "larkspur-default", "security", "a default group with no rules")


def gateways(site: Site) -> None:
    """Make a NAT gateway with its address, an address nobody uses, an endpoint and flow logs."""
    ec2 = site.client("ec2")
    nat = tagged("elastic-ip", "larkspur-nat")
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=nat)
    ec2.create_nat_gateway(
        SubnetId=site.ids["larkspur-public-a"],
        AllocationId=address["AllocationId"],
        TagSpecifications=tagged("natgateway", "larkspur-nat"),
    )
    ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip", "larkspur-forgotten"))
    ec2.create_vpc_endpoint(
        VpcId=site.ids["larkspur-prod"],
        ServiceName=f"com.amazonaws.{site.region}.s3",
        TagSpecifications=tagged("vpc-endpoint", "larkspur-s3"),
    )
    ec2.create_flow_logs(
        ResourceIds=[site.ids["larkspur-prod"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="/larkspur/flows",
        DeliverLogsPermissionArn=site.ids["larkspur-logging"],
    )
    site.made("ec2.nat_gateway", "larkspur-nat")
    site.made("ec2.vpc_endpoint", "larkspur-s3")
    site.made("ec2.flow_log", "larkspur-prod")
    site.good("ec2.address", "larkspur-nat", "cost", "serves a gateway")
    site.bad("ec2.address", "larkspur-forgotten", "cost", "is paid for and not used")
    site.good("ec2.vpc", "larkspur-prod", "security", "has flow logs")
    site.bad("ec2.vpc", "larkspur-lab", "security", "has no flow logs")


def instances(site: Site) -> None:
    """Run a well-kept machine, a legacy one with a secret in its user data, and stop a third."""
    web = _run(site, "larkspur-web-1", "t3.small", MetadataOptions=_metadata("required"))
    _run(
        site,
        "larkspur-legacy",
        "m3.medium",
        MetadataOptions=_metadata("optional"),
        UserData=USER_DATA,
    )
    stopped = _run(site, "larkspur-batch", "t2.micro", MetadataOptions=_metadata("required"))
    site.client("ec2").stop_instances(InstanceIds=[stopped])
    site.age("ec2.instance", stopped, 120)
    site.ids["larkspur-web-1"] = web
    site.good("ec2.instance", "larkspur-web-1", "security", "asks IMDSv2 of its callers")
    site.bad("ec2.instance", "larkspur-legacy", "security", "allows IMDSv1", "secret in user data")
    site.bad("ec2.instance", "larkspur-legacy", "cost", "is of an old generation")
    site.bad("ec2.instance", "larkspur-batch", "cost", "is stopped and its disks are paid for")
    _image(site, web)


def _metadata(tokens: str) -> dict[str, str]:
    return {"HttpTokens": tokens, "HttpEndpoint": "enabled"}


def _run(site: Site, name: str, kind: str, **more: Any) -> str:
    answer = site.client("ec2").run_instances(
        ImageId=_IMAGE,
        InstanceType=kind,
        MinCount=1,
        MaxCount=1,
        SubnetId=site.ids["larkspur-private-a"],
        SecurityGroupIds=[site.ids["larkspur-web"]],
        TagSpecifications=tagged("instance", name),
        **more,
    )
    return str(answer["Instances"][0]["InstanceId"])


def _image(site: Site, instance: str) -> None:
    ec2 = site.client("ec2")
    for name in ("larkspur-golden", "larkspur-demo-image"):
        image = ec2.create_image(InstanceId=instance, Name=name)["ImageId"]
        ec2.create_tags(Resources=[image], Tags=tags(name))
    ec2.modify_image_attribute(
        ImageId=image, LaunchPermission={"Add": [{"Group": "all"}]}, Attribute="launchPermission"
    )
    site.good("ec2.image", "larkspur-golden", "security", "is private")
    site.bad("ec2.image", "larkspur-demo-image", "security", "anyone can launch it")


def volumes(site: Site) -> None:
    """Make a used, encrypted disk and a forgotten one; snapshots, one for everyone."""
    ec2 = site.client("ec2")
    ec2.enable_ebs_encryption_by_default()
    zone = site.region + "a"
    used = ec2.create_volume(
        AvailabilityZone=zone,
        Size=20,
        VolumeType="gp3",
        Encrypted=True,
        TagSpecifications=tagged("volume", "larkspur-data"),
    )["VolumeId"]
    ec2.attach_volume(VolumeId=used, InstanceId=site.ids["larkspur-web-1"], Device="/dev/sdf")
    ec2.disable_ebs_encryption_by_default()
    spare = ec2.create_volume(
        AvailabilityZone=zone,
        Size=200,
        VolumeType="gp2",
        Encrypted=False,
        TagSpecifications=tagged("volume", "larkspur-spare"),
    )["VolumeId"]
    for name, volume in (("larkspur-nightly", used), ("larkspur-shared", spare)):
        site.ids[f"snapshot {name}"] = ec2.create_snapshot(
            VolumeId=volume, TagSpecifications=tagged("snapshot", name)
        )["SnapshotId"]
    ec2.modify_snapshot_attribute(
        SnapshotId=site.ids["snapshot larkspur-shared"],
        Attribute="createVolumePermission",
        OperationType="add",
        GroupNames=["all"],
    )
    site.age("ec2.snapshot", site.ids["snapshot larkspur-shared"], 500)
    ec2.enable_ebs_encryption_by_default()
    site.good("ec2.volume", "larkspur-data", "security", "is encrypted")
    site.bad("ec2.volume", "larkspur-spare", "security", "is not encrypted")
    site.good("ec2.volume", "larkspur-data", "cost", "is gp3", "is attached")
    site.bad("ec2.volume", "larkspur-spare", "cost", "is gp2", "is attached to nothing")
    site.bad("ec2.snapshot", "larkspur-shared", "cost", "is older than a year")
    site.good("ec2.snapshot", "larkspur-nightly", "security", "is private", "is encrypted")
    site.bad("ec2.snapshot", "larkspur-shared", "security", "is public", "is not encrypted")


def load_balancers(site: Site) -> None:
    """Make a balancer with TLS and targets, one with neither, and a classic one."""
    elb = site.client("elbv2")
    zones = [site.ids["larkspur-private-a"], site.ids["larkspur-private-b"]]
    groups = {}
    for name in ("larkspur-web", "larkspur-empty"):
        groups[name] = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=80, VpcId=site.ids["larkspur-prod"]
        )["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(
        TargetGroupArn=groups["larkspur-web"], Targets=[{"Id": site.ids["larkspur-web-1"]}]
    )
    shop = _balancer(
        elb,
        "larkspur-shop",
        zones,
        groups["larkspur-web"],
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": site.ids["certificate"]}],
    )
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=shop,
        Attributes=[
            {"Key": "deletion_protection.enabled", "Value": "true"},
            {"Key": "access_logs.s3.enabled", "Value": "true"},
            {"Key": "access_logs.s3.bucket", "Value": "larkspur-logs"},
            {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
        ],
    )
    _behind_firewall(site, shop)
    _balancer(elb, "larkspur-intranet", zones, groups["larkspur-empty"], Protocol="HTTP", Port=80)
    site.good("elbv2.load_balancer", "larkspur-shop", "security", "speaks TLS")
    site.bad("elbv2.load_balancer", "larkspur-intranet", "security", "speaks no TLS")
    site.good("elbv2.load_balancer", "larkspur-shop", "architecture", "cannot be deleted")
    site.bad("elbv2.load_balancer", "larkspur-intranet", "architecture", "no protection")
    site.bad("elbv2.load_balancer", "larkspur-intranet", "compliance", "has no access log")
    site.good("elbv2.target_group", "larkspur-web", "cost", "has a target")
    site.bad("elbv2.target_group", "larkspur-empty", "cost", "has no target")


def _balancer(elb: Any, name: str, subnets: list[str], group: str, **listener: Any) -> str:
    arn = str(
        elb.create_load_balancer(Name=name, Subnets=subnets, Tags=tags(name))["LoadBalancers"][0][
            "LoadBalancerArn"
        ]
    )
    action = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(LoadBalancerArn=arn, DefaultActions=action, **listener)
    return arn


def _behind_firewall(site: Site, balancer: str) -> None:
    """Associate a balancer with the web ACL of the shop, which the emulator holds."""
    acl = f"regional/webacl/{SHOP_ACL}/{SHOP_ACL}-1"
    asked = {
        "WebACLArn": f"arn:{site.partition}:wafv2:{site.region}:{site.account}:{acl}",
        "ResourceType": "APPLICATION_LOAD_BALANCER",
    }
    answer = {"operation": "ListResourcesForWebACL", "when": asked}
    place = {"account": site.account, "region": site.region, "service": "wafv2"}
    held = {**place, "answers": [{**answer, "answer": {"ResourceArns": [balancer]}}], "tags": {}}
    control(site.endpoint, "POST", "hold", held)


def classic_balancer(site: Site) -> None:
    """Make a load balancer of the first generation that nothing stands behind."""
    site.client("elb").create_load_balancer(
        LoadBalancerName="larkspur-classic",
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
        AvailabilityZones=[site.region + "a"],
    )
    site.bad("elb.load_balancer", "larkspur-classic", "cost", "has no instances")


def scaling_groups(site: Site) -> None:
    """Make one group over two zones and one in a single zone."""
    scaling = site.client("autoscaling")
    scaling.create_launch_configuration(
        LaunchConfigurationName="larkspur", ImageId=_IMAGE, InstanceType="t3.small"
    )
    both = f"{site.ids['larkspur-private-a']},{site.ids['larkspur-private-b']}"
    for name, zones, check in (
        ("larkspur-web", both, "ELB"),
        ("larkspur-worker", site.ids["larkspur-private-a"], "EC2"),
    ):
        scaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchConfigurationName="larkspur",
            MinSize=0,
            MaxSize=2,
            DesiredCapacity=0,
            VPCZoneIdentifier=zones,
            HealthCheckType=check,
            HealthCheckGracePeriod=60,
            Tags=[{**tag, "PropagateAtLaunch": False} for tag in tags(name)],
        )
    site.good("autoscaling.group", "larkspur-web", "architecture", "spans two zones")
    site.bad("autoscaling.group", "larkspur-worker", "architecture", "lives in one zone")
