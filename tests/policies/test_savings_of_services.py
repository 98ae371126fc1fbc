"""What a cure saves of services whose prices came later, each amount reckoned by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cloudsealed.engine import Unknown
from cloudsealed.packs import EXAMPLES_AT, load_policies
from cloudsealed.packs.prices import price
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.savings import saved
from cloudsealed.vocabulary import Dimension

POLICIES = {policy.key: policy for policy in load_policies()}
LONG_AGO = "2025-06-01T00:00:00Z"
GIB = 2**30
ALARM = {
    "AlarmName": "a",
    "Namespace": "AWS/EC2",
    "MetricName": "CPUUtilization",
    "Period": 300,
    "StateValue": "INSUFFICIENT_DATA",
    "StateUpdatedTimestamp": LONG_AGO,
}
CERTIFICATE = {
    "Id": "E1",
    "ARN": "arn:aws:cloudfront::111122223333:distribution/E1",
    "Enabled": True,
    "ViewerCertificate": {"IAMCertificateId": "c", "SSLSupportMethod": "vip"},
}
PORT = {
    "connectionId": "dxcon-1",
    "connectionState": "available",
    "bandwidth": "1Gbps",
    "location": "EqDC2",
}
DMS = {
    "ReplicationInstanceArn": "a",
    "ReplicationInstanceClass": "dms.t2.micro",
    "InstanceCreateTime": LONG_AGO,
    "AllocatedStorage": 50,
    "MultiAZ": False,
}
HOST = {
    "HostId": "h",
    "State": "available",
    "AllocationTime": LONG_AGO,
    "HostProperties": {"InstanceFamily": "c5"},
}
FAST = {"SnapshotId": "s", "State": "enabled", "EnablingTime": LONG_AGO}
FILES = {"FileSystemId": "f", "NumberOfMountTargets": 0, "CreationTime": LONG_AGO}
REDIS = {"ReplicationGroupId": "r", "Arn": "x", "Engine": "redis", "MemberClusters": ["a", "b"]}
FIREWALL = {
    "FirewallArn": "arn:aws:network-firewall:us-east-1:111122223333:firewall/f",
    "Firewall": {"VpcId": "v"},
    "FirewallStatus": {"Status": "READY", "SyncStates": {"us-east-1a": {}, "us-east-1b": {}}},
}
OWN_VPC = {"vpcs": [{"VpcId": "v", "OwnerId": "111122223333"}]}
IO1 = {
    "DBInstanceIdentifier": "d",
    "Engine": "mysql",
    "StorageType": "io1",
    "Iops": 1_000,
    "AllocatedStorage": 100,
    "MultiAZ": False,
}
POSTGRES = {
    "DBInstanceIdentifier": "d",
    "Engine": "postgres",
    "EngineVersion": "12.19",
    "DBInstanceClass": "db.m5.large",
    "MultiAZ": False,
}
OUTPOST = {"DBSubnetGroup": {"Subnets": [{"SubnetOutpost": {"Arn": "o"}}]}}
UNUSED = {"Name": "w", "WebACL": {"Rules": []}}


def cluster(version: str) -> dict[str, Any]:
    return {"Cluster": {"name": "k", "version": version}}


def domain(**values: Any) -> dict[str, Any]:
    return {"DomainName": "d", "Domain": {"EngineVersion": "OpenSearch_2.19"} | values}


def kafka(kind: str, brokers: int) -> dict[str, Any]:
    group = {"InstanceType": kind}
    return {
        "ClusterName": "k",
        "Provisioned": {"BrokerNodeGroupInfo": group, "NumberOfBrokerNodes": brokers},
    }


def key(**values: Any) -> dict[str, Any]:
    return {"Metadata": {"KeyId": "k", "KeyManager": "CUSTOMER", "KeyState": "Disabled"}} | values


def server(*protocols: str) -> dict[str, Any]:
    return {"ServerId": "s", "State": "OFFLINE", "Server": {"Protocols": list(protocols)}}


def acl(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Name": "w", "WebACL": {"Rules": [{"Statement": each} for each in statements]}}


def managed(name: str, vendor: str = "AWS") -> dict[str, Any]:
    return {"ManagedRuleGroupStatement": {"VendorName": vendor, "Name": name}}


def files(standard: int, infrequent: int = 0, archive: int = 0, **more: Any) -> dict[str, Any]:
    sizes = {
        "ValueInStandard": standard * GIB,
        "ValueInIA": infrequent * GIB,
        "ValueInArchive": archive * GIB,
    }
    return FILES | {"SizeInBytes": sizes} | more


def reckoned(
    name: str, resource: dict[str, Any], region: str, **known: list[dict[str, Any]]
) -> dict[str, Any]:
    policy = POLICIES[f"aws-{name}"]
    related = {each: known.get(each, []) for each in policy.related}
    judgement = rule_of(policy).judge(resource, related, now=EXAMPLES_AT)
    assert judgement.outcome == "fail"
    if judgement.unsaid is not None:
        return {"unknown": judgement.unsaid}
    return saved(judgement.savings, provider="aws", region=region)


@pytest.mark.parametrize(
    ("name", "resource", "amount"),
    [
        ("acmpca-authority-unused", {"Arn": "x", "Status": "EXPIRED"}, "400.00"),
        (
            "acmpca-authority-unused",
            {"Arn": "x", "Status": "EXPIRED", "UsageMode": "SHORT_LIVED_CERTIFICATE"},
            "50.00",
        ),
        (
            "apigateway-stage-cache-unused",  # 730 x 0.02
            {"Arn": "x", "cacheClusterEnabled": True, "cacheClusterSize": "0.5"},
            "14.60",
        ),
        (
            "apigateway-stage-cache-unused",  # 730 x 3.8
            {"Arn": "x", "cacheClusterEnabled": True, "cacheClusterSize": "237"},
            "2774.00",
        ),
        ("directconnect-connection-unused", PORT, "219.00"),  # 730 x 0.3
        ("dms-instance-idle", DMS, "13.14"),  # 730 x 0.018, storage included
        # 730 x 0.036 + (70 - 50) x 0.23
        ("dms-instance-idle", DMS | {"MultiAZ": True, "AllocatedStorage": 70}, "30.88"),
        ("ec2-dedicated-host-empty", HOST, "2457.18"),  # 730 x 3.366
        ("ec2-snapshot-fast-restore-kept", FAST, "547.50"),  # 730 x 0.75
        ("efs-unmounted", files(230, 100), "71.50"),  # 230 x 0.3 + 100 x 0.025
        # 230 x 0.16 + 100 x 0.0133
        ("efs-unmounted", files(230, 100, AvailabilityZoneName="us-east-1a"), "38.13"),
        # 230 x 0.3 + (100 - 230 / 20) x 6
        ("efs-unmounted", files(230, ProvisionedThroughputInMibps=100.0), "600.00"),
        ("eks-extended-support", cluster("1.30"), "365.00"),  # 730 x (0.6 - 0.1)
        # 2 x 730 x (0.216 - 0.1728)
        ("elasticache-redis-not-valkey", REDIS | {"CacheNodeType": "cache.r5.large"}, "63.07"),
        # 2 x 730 x (0.216 - 0.206)
        ("elasticache-x86", REDIS | {"CacheNodeType": "cache.r5.large"}, "14.60"),
        (
            "elasticache-x86",  # 3 x 730 x (0.068 - 0.065)
            {
                "CacheClusterId": "c",
                "Arn": "x",
                "Engine": "memcached",
                "EngineVersion": "1.6.22",
                "CacheNodeType": "cache.t3.medium",
                "NumCacheNodes": 3,
            },
            "6.57",
        ),
        ("kafka-cluster-x86", kafka("kafka.m5.large", 3), "13.14"),  # 3 x 730 x (0.21 - 0.204)
        ("kms-key-disabled", key(), "1.00"),
        (
            "opensearch-domain-gp2",  # 2 x 100 x (0.135 - 0.122)
            domain(
                EBSOptions={"EBSEnabled": True, "VolumeType": "gp2", "VolumeSize": 100},
                ClusterConfig={"InstanceCount": 2},
            ),
            "2.60",
        ),
        (
            "opensearch-x86",  # 3 x 730 x (0.186 - 0.167)
            domain(ClusterConfig={"InstanceType": "r5.large.search", "InstanceCount": 3}),
            "41.61",
        ),
        ("rds-instance-extended-support", POSTGRES, "146.00"),  # 2 vCPU x 730 x 0.1
        (
            "rds-instance-extended-support",  # 4 x 730 x 0.1
            POSTGRES | {"DBInstanceClass": "db.r6g.xlarge"},
            "292.00",
        ),
        (
            "rds-instance-extended-support",  # 4 x 12 x 730 x 0.1
            POSTGRES | {"DBInstanceClass": "db.m6i.12xlarge"},
            "3504.00",
        ),
        ("rds-instance-iops-needless", IO1, "101.00"),  # 100 x (0.125 - 0.115) + 1,000 x 0.1
        ("secretsmanager-unused", {"Arn": "x", "Name": "s", "CreatedDate": LONG_AGO}, "0.40"),
        ("transfer-stopped", server("SFTP"), "219.00"),  # 730 x 0.3
        ("transfer-stopped", server("SFTP", "FTPS"), "438.00"),  # 2 x 219
        ("wafv2-acl-unused", UNUSED, "5.00"),
        # 5 + 2 x 1
        ("wafv2-acl-unused", acl({}, managed("AWSManagedRulesCommonRuleSet")), "7.00"),
    ],
)
def test_the_amount_is_what_one_reckons_by_hand(
    name: str, resource: dict[str, Any], amount: str
) -> None:
    assert_amount(reckoned(name, resource, "us-east-1"), amount)


@pytest.mark.parametrize(
    ("name", "resource", "amount"),
    [
        ("cloudfront-dedicated-ip", CERTIFICATE, "600.00"),
        ("globalaccelerator-disabled", {"Name": "a", "Enabled": False}, "18.25"),  # 730 x 0.025
        ("globalaccelerator-leads-nowhere", {"Name": "a", "CreatedTime": LONG_AGO}, "18.25"),
    ],
)
def test_what_has_no_region_has_a_price_of_its_own(
    name: str, resource: dict[str, Any], amount: str
) -> None:
    assert_amount(reckoned(name, resource, "global"), amount)


def test_each_zone_of_a_firewall_counts() -> None:
    found = reckoned("networkfirewall-firewall-unrouted", FIREWALL, "us-east-1", **OWN_VPC)
    assert_amount(found, "576.70")  # 2 x 730 x 0.395


def test_an_alarm_saves_where_the_account_has_more_than_are_free() -> None:
    name = "cloudwatch-alarm-without-data"
    assert_amount(reckoned(name, ALARM, "us-east-1", alarms=[ALARM] * 11), "0.10")
    found = reckoned(name, ALARM | {"Period": 10}, "us-east-1", alarms=[ALARM] * 11)
    assert_amount(found, "0.30")
    assert "unknown" in reckoned(name, ALARM, "us-east-1", alarms=[ALARM] * 10)


def test_a_certificate_that_serves_another_distribution_saves_nothing() -> None:
    both = [CERTIFICATE, CERTIFICATE | {"Id": "E2"}]
    assert "unknown" in reckoned("cloudfront-dedicated-ip", CERTIFICATE, "global", served=both)
    one = reckoned("cloudfront-dedicated-ip", CERTIFICATE, "global", served=both[:1])
    assert one["amount"] == "600.00"


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("apigateway-stage-cache-unused", {"cacheClusterEnabled": True, "cacheClusterSize": "6.1"}),
        ("directconnect-connection-unused", PORT | {"partnerName": "p"}),
        ("directconnect-connection-unused", PORT | {"location": "EqTY2"}),
        ("dms-instance-idle", DMS | {"AllocatedStorage": 70}),
        ("dms-instance-idle", DMS | {"ReplicationInstanceClass": "dms.r5.large"}),
        ("ec2-dedicated-host-empty", HOST | {"HostProperties": {"InstanceFamily": "r5"}}),
        ("efs-unmounted", files(1, archive=1)),
        ("efs-unmounted", files(1, AvailabilityZoneName="z", ProvisionedThroughputInMibps=9.0)),
        ("eks-extended-support", cluster("1.32")),
        ("elasticache-redis-not-valkey", {"ServerlessCacheName": "s", "Engine": "redis"}),
        ("elasticache-redis-not-valkey", REDIS | {"CacheNodeType": "cache.r6gd.xlarge"}),
        (
            "elasticache-redis-not-valkey",
            REDIS
            | {
                "CacheNodeType": "cache.r5.large",
                "NodeGroups": [{"NodeGroupMembers": [{"PreferredOutpostArn": "o"}]}],
            },
        ),
        ("kafka-cluster-x86", kafka("kafka.m5.4xlarge", 3)),
        ("kms-key-disabled", key(RotationEnabled=True)),
        ("rds-instance-extended-support", POSTGRES | {"MultiAZ": True}),
        ("rds-instance-extended-support", POSTGRES | {"EngineVersion": "11.22"}),
        ("rds-instance-extended-support", POSTGRES | {"EngineVersion": "13.9"}),
        ("rds-instance-extended-support", POSTGRES | {"DBInstanceClass": "db.m3.medium"}),
        ("rds-instance-iops-needless", IO1 | {"MultiAZ": True}),
        ("rds-instance-iops-needless", IO1 | {"StorageType": "io2"}),
        ("rds-instance-iops-needless", IO1 | {"Engine": "sqlserver-se"}),
        ("rds-instance-iops-needless", IO1 | OUTPOST),
        ("rds-instance-extended-support", POSTGRES | OUTPOST),
        ("eks-extended-support", {"Cluster": {"version": "1.30", "outpostConfig": {}}}),
        ("transfer-stopped", server("SFTP", "AS2")),
        ("wafv2-acl-unused", acl(managed("AWSManagedRulesBotControlRuleSet"))),
        ("wafv2-acl-unused", acl(managed("Rules", vendor="F5"))),
        ("wafv2-acl-unused", acl({"RuleGroupReferenceStatement": {"ARN": "x"}})),
    ],
)
def test_what_no_table_has_or_nobody_tells_is_not_guessed(
    name: str, resource: dict[str, Any]
) -> None:
    found = reckoned(name, resource, "us-east-1")
    assert "amount" not in found
    assert found["unknown"]


def test_a_distribution_of_another_partition_has_not_the_price_of_this_one() -> None:
    there = CERTIFICATE | {"ARN": "arn:aws-cn:cloudfront::111122223333:distribution/E1"}
    found = reckoned("cloudfront-dedicated-ip", there, "global")
    assert found["unknown"].startswith("No list price of cloudfront.dedicated-ip.aws-cn")


def test_alarms_that_were_not_read_leave_the_outcome_as_it_is() -> None:
    rule = rule_of(POLICIES["aws-cloudwatch-alarm-without-data"])
    unread: Any = {"alarms": Unknown(frozenset({"denied"}))}
    judgement = rule.judge_partly(ALARM, unread, now=EXAMPLES_AT)
    assert (judgement.outcome, judgement.savings) == ("fail", ())


def test_a_record_of_a_list_says_so_and_is_less_sure() -> None:
    found = reckoned("kms-key-disabled", key(), "us-east-1")
    assert found["confidence"] == "low"
    assert found["prices"][0]["source"] == (
        "AWS price list by a record of Infracost's, awskms infracost-95ba4f49"
    )
    listed = price("aws", "us-east-1", "elasticache.redis.cache.r5.large")
    assert listed is not None
    assert (listed.sku, listed.second_hand) == ("63VV29ZM5Q5TPWMH", False)


def test_so_many_policies_of_aws_have_a_price() -> None:
    """The others depend on use, on what replaces a thing, or on prices that no source has."""
    priced = [
        name
        for name, each in POLICIES.items()
        if name.startswith("aws-") and each.dimension is Dimension.COST and each.savings
    ]
    assert len(priced) == 33


def assert_amount(found: dict[str, Any], amount: str) -> None:
    assert (found.get("amount"), found.get("unknown")) == (amount, None)
    total = sum(Decimal(p["quantity"]) * Decimal(p["unit_price"]) for p in found["prices"])
    assert abs(total - Decimal(amount)) <= Decimal("0.005")
