"""The ground of the sample estate that other steps stand on: networks, keys, roles, log groups."""

from __future__ import annotations

import json
from typing import Any

from cloudsealed.testing.estate_site import ALIAS, AUDIT_ROLE, EXTERNAL_ID, MAIN_ACCOUNT, Site, tags


def trust(principal: dict[str, Any], condition: dict[str, Any] | None = None) -> str:
    """Return a role's trust policy for `principal`."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return policy(statement | ({"Condition": condition} if condition else {}))


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document of `statements`, as JSON text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def audit_role(site: Site) -> None:
    """Make the role that an auditor of this account takes."""
    iam = site.client("iam")
    external = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
    document = trust({"AWS": site.arn("iam", "root", account=MAIN_ACCOUNT)}, external)
    iam.create_role(RoleName=AUDIT_ROLE, AssumeRolePolicyDocument=document, Tags=tags(AUDIT_ROLE))
    iam.attach_role_policy(RoleName=AUDIT_ROLE, PolicyArn=site.managed("SecurityAudit"))
    site.good("iam.role", AUDIT_ROLE, "security", "trusts one account and asks an external id")


def alias(site: Site) -> None:
    """Give the account a name."""
    site.client("iam").create_account_alias(AccountAlias=ALIAS)


def service_roles(site: Site) -> None:
    """Make the roles that services of the estate run under."""
    iam = site.client("iam")
    for name, service in (
        ("larkspur-lambda", "lambda"),
        ("larkspur-tasks", "ecs-tasks"),
        ("larkspur-eks", "eks"),
        ("larkspur-logging", "vpc-flow-logs"),
    ):
        document = trust(site.principal(service))
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=tags(name))
        site.ids[name] = role["Role"]["Arn"]
        site.good("iam.role", name, "security", "trusts one service only")


def keys(site: Site) -> None:
    """Make a key that rotates, and keys that do not, that anyone may use, that will be deleted."""
    kms = site.client("kms")
    public = policy(
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    )
    for name, extra in (
        ("larkspur-data", {}),
        ("larkspur-old", {}),
        ("larkspur-shared", {"Policy": public}),
        ("larkspur-retired", {}),
    ):
        tag = [{"TagKey": each["Key"], "TagValue": each["Value"]} for each in tags(name)]
        key = kms.create_key(Description=name, Tags=tag, **extra)["KeyMetadata"]
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key["KeyId"])
        site.ids[name] = key["Arn"]
    kms.enable_key_rotation(KeyId=site.ids["larkspur-data"])
    retired = site.ids["larkspur-retired"].rpartition("/")[2]
    kms.schedule_key_deletion(KeyId=retired, PendingWindowInDays=7)
    site.good("kms.key", "larkspur-data", "compliance", "rotates every year")
    site.bad("kms.key", "larkspur-old", "compliance", "does not rotate")
    site.bad("kms.key", "larkspur-shared", "security", "its policy lets anyone use it")
    site.bad("kms.key", "larkspur-retired", "compliance", "will be deleted")


def log_groups(site: Site) -> None:
    """Make log groups with and without an end to what they keep."""
    logs = site.client("logs")
    key = {"kmsKeyId": site.ids["larkspur-data"]} if "larkspur-data" in site.ids else {}
    logs.create_log_group(logGroupName="/larkspur/trail", tags={"owner": "platform"}, **key)
    logs.put_retention_policy(logGroupName="/larkspur/trail", retentionInDays=400)
    logs.create_log_group(logGroupName="/larkspur/flows", tags={"owner": "platform"}, **key)
    logs.put_retention_policy(logGroupName="/larkspur/flows", retentionInDays=90)
    logs.create_log_group(logGroupName="/larkspur/legacy-app")
    site.good("logs.log_group", "/larkspur/trail", "cost", "keeps 400 days")
    site.good("logs.log_group", "/larkspur/flows", "cost", "keeps 90 days")
    site.bad("logs.log_group", "/larkspur/legacy-app", "cost", "keeps its events for ever")
    site.bad("logs.log_group", "/larkspur/legacy-app", "compliance", "is not encrypted with a key")


def networks(site: Site) -> None:
    """Make a network that is watched, with subnets in two zones, and one that is not."""
    ec2 = site.client("ec2")
    for name, block in (("larkspur-prod", "10.20.0.0/16"), ("larkspur-lab", "10.99.0.0/16")):
        vpc = ec2.create_vpc(CidrBlock=block, TagSpecifications=tagged("vpc", name))["Vpc"]
        site.ids[name] = vpc["VpcId"]
    for name, vpc_name, block, zone in (
        ("larkspur-public-a", "larkspur-prod", "10.20.0.0/24", "a"),
        ("larkspur-private-a", "larkspur-prod", "10.20.1.0/24", "a"),
        ("larkspur-private-b", "larkspur-prod", "10.20.2.0/24", "b"),
        ("larkspur-lab-a", "larkspur-lab", "10.99.0.0/24", "a"),
    ):
        subnet = ec2.create_subnet(
            VpcId=site.ids[vpc_name],
            CidrBlock=block,
            AvailabilityZone=site.region + zone,
            TagSpecifications=tagged("subnet", name),
        )
        site.ids[name] = subnet["Subnet"]["SubnetId"]
        site.made("ec2.subnet", name)
    ec2.modify_subnet_attribute(
        SubnetId=site.ids["larkspur-public-a"], MapPublicIpOnLaunch={"Value": True}
    )
    site.bad("ec2.subnet", "larkspur-public-a", "security", "gives every instance a public address")
    site.good("ec2.subnet", "larkspur-private-a", "security", "gives no public addresses")
    site.good("ec2.vpc", "larkspur-prod", "architecture", "has subnets in two zones")
    site.bad("ec2.vpc", "larkspur-lab", "architecture", "has subnets in one zone")


def tagged(kind: str, name: str) -> list[dict[str, Any]]:
    """Return the TagSpecifications of a well-kept EC2 resource of `kind`."""
    return [{"ResourceType": kind, "Tags": tags(name)}]
