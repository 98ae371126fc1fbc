"""What a cure saves is reckoned to the cent, with its numbers, or it is said why not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cloudsealed.engine import Saving, Unknown
from cloudsealed.packs import EXAMPLES_AT, load_policies
from cloudsealed.packs.prices import price
from cloudsealed.policies.files import rule_of
from cloudsealed.policies.savings import saved
from cloudsealed.vocabulary import Dimension

POLICIES = {policy.key: policy for policy in load_policies()}
HERE = {"provider": "aws", "region": "us-east-1"}
NAT = {
    "Arn": "arn:aws:ec2:us-east-1:111122223333:natgateway/n",
    "NatGatewayId": "n",
    "VpcId": "v",
    "State": "available",
    "CreateTime": "2025-12-01T00:00:00Z",
}
ADDRESSES = [
    {"PublicIp": "203.0.113.9", "AvailabilityZone": "us-east-1a"},
    {"PublicIp": "203.0.113.10", "AvailabilityZone": "us-east-1b"},
]
RESERVED = {
    "CapacityReservationId": "cr",
    "OwnerId": "111122223333",
    "State": "active",
    "InstanceType": "m5.large",
    "AvailableInstanceCount": 3,
    "TotalInstanceCount": 4,
    "CreateDate": "2025-12-01T00:00:00Z",
}
RELATED = {"aws-ec2-nat-gateway-unrouted": {"vpcs": [{"VpcId": "v", "OwnerId": "111122223333"}]}}
ZONES = [{"ZoneName": "us-east-1a"}, {"ZoneName": "us-east-1b"}]
IO2 = {"VolumeId": "v", "State": "available", "VolumeType": "io2", "Size": 500, "Iops": 70_000}


def volume(kind: str, size: int, iops: int, **more: Any) -> dict[str, Any]:
    return {"VolumeId": "v", "VolumeType": kind, "Size": size, "Iops": iops, **more}


def balancer(**values: Any) -> dict[str, Any]:
    return {"LoadBalancerName": "l", "LoadBalancerArn": "x", "AvailabilityZones": ZONES, **values}


def database(engine: str, version: str, kind: str, **more: Any) -> dict[str, Any]:
    known = {"DBInstanceIdentifier": "d", "MultiAZ": False}
    return known | {"Engine": engine, "EngineVersion": version, "DBInstanceClass": kind, **more}


def reckoned(key: str, resource: dict[str, Any]) -> dict[str, Any]:
    related = {name: RELATED.get(key, {}).get(name, []) for name in POLICIES[key].related}
    judgement = rule_of(POLICIES[key]).judge(resource, related, now=EXAMPLES_AT)
    assert judgement.outcome == "fail"
    assert judgement.unsaid is None
    return saved(judgement.savings, **HERE)


@pytest.mark.parametrize(
    ("key", "resource", "amount"),
    [
        ("aws-ec2-volume-unattached", volume("gp2", 100, 300, State="available"), "10.00"),
        (
            "aws-ec2-volume-unattached",  # 100 x 0.08 + 1,000 x 0.005 + 125 x 0.04
            volume("gp3", 100, 4_000, State="available", Throughput=250),
            "18.00",
        ),
        ("aws-ec2-volume-unattached", volume("gp3", 1, 3_000, State="available"), "0.08"),
        # 500 x 0.125 + 32,000 x 0.065 + 32,000 x 0.0455 + 6,000 x 0.03185
        ("aws-ec2-volume-unattached", IO2, "3789.60"),
        ("aws-ec2-volume-unattached", volume("standard", 40, 0, State="available"), "2.00"),
        ("aws-ec2-volume-unattached", volume("sc1", 500, 0, State="available"), "7.50"),
        ("aws-ec2-volume-gp2", volume("gp2", 100, 300), "2.00"),
        ("aws-ec2-volume-gp2", volume("gp2", 334, 1_002), "1.68"),  # 6.68 - 125 x 0.04
        ("aws-ec2-volume-gp2", volume("gp2", 2_000, 6_000), "20.00"),  # 40 - 3,000 x 0.005 - 5
        # 100 x 0.045 + 3,000 x 0.065 - 625 x 0.04
        ("aws-ec2-volume-io1", volume("io1", 100, 3_000), "174.50"),
        # 1,000 x 0.045 + 40,000 x 0.065 - 37,000 x 0.005 - 875 x 0.04
        ("aws-ec2-volume-io1", volume("io1", 1_000, 40_000), "2425.00"),
        ("aws-ec2-address-unassociated", {"PublicIp": "203.0.113.9"}, "3.65"),
        ("aws-elb-without-instances", {"LoadBalancerName": "l"}, "18.25"),
        ("aws-elbv2-without-targets", balancer(Type="application"), "16.43"),  # 730 x 0.0225
        # 16.425 + 2 x 3.65
        ("aws-elbv2-without-targets", balancer(Type="network", Scheme="internet-facing"), "23.73"),
        ("aws-elbv2-without-targets", balancer(Type="gateway"), "9.13"),  # 9.125
        ("aws-ec2-capacity-reservation-unused", RESERVED, "210.24"),  # 3 x 730 x 0.096
        ("aws-ec2-nat-gateway-unrouted", NAT, "32.85"),  # 730 x 0.045
        (
            "aws-ec2-nat-gateway-unrouted",  # 32.85 + 730 x 0.005
            NAT | {"NatGatewayAddresses": [{"PublicIp": "203.0.113.9"}, {"PrivateIp": "10.0.0.9"}]},
            "36.50",
        ),
        (
            "aws-ec2-nat-gateway-unrouted",  # 2 x (32.85 + 3.65)
            NAT | {"AvailabilityMode": "regional", "NatGatewayAddresses": ADDRESSES},
            "73.00",
        ),
        # 730 x (0.178 - 0.159), 730 x (0.50 - 0.45), 730 x (0.068 - 0.065)
        ("aws-rds-instance-x86", database("postgres", "16.3", "db.m5.large"), "13.87"),
        ("aws-rds-instance-x86", database("postgres", "16.3", "db.r6i.xlarge"), "36.50"),
        ("aws-rds-instance-x86", database("mysql", "8.0.36", "db.t3.medium"), "2.19"),
    ],
)
def test_the_amount_is_what_one_reckons_by_hand(
    key: str, resource: dict[str, Any], amount: str
) -> None:
    found = reckoned(key, resource)
    assert (found["amount"], found["currency"]) == (amount, "USD")
    total = sum(Decimal(p["quantity"]) * Decimal(p["unit_price"]) for p in found["prices"])
    assert abs(total - Decimal(amount)) <= Decimal("0.005")
    assert {p["region"] for p in found["prices"]} == {"us-east-1"}


def test_it_shows_every_number_and_where_it_comes_from() -> None:
    found = reckoned("aws-ec2-volume-gp2", volume("gp2", 100, 300))
    assert found["formula"] == "100 GiB-month x 0.1 USD - 100 GiB-month x 0.08 USD"
    assert (found["price_basis"], found["confidence"]) == ("bundled_list", "medium")
    assert found["prices"][0] == {
        "name": "ebs.storage.gp2",
        "quantity": "100",
        "unit": "GiB-month",
        "unit_price": "0.1",
        "region": "us-east-1",
        "sku": "HY3BZPP2B6K8MSJF",
        "source": "AWS price list, AmazonEC2 20261012193925",
        "as_of": "2026-10-13",
    }


def test_no_region_has_the_price_of_another() -> None:
    found = saved([Saving("ebs.storage.gp2", 100)], provider="aws", region="eu-west-1")
    assert found == {"unknown": "No list price of ebs.storage.gp2 in eu-west-1 is known"}
    assert price("gcp", "us-east-1", "ebs.storage.gp2") is None


@pytest.mark.parametrize("quantity", [-1, 0, 0.0001])
def test_a_cure_that_saves_nothing_has_no_amount(quantity: float) -> None:
    found = saved([Saving("ebs.storage.gp2", quantity)], **HERE)
    assert found == {"unknown": "By list prices the cure saves nothing"}


@pytest.mark.parametrize(
    "resource",
    [
        database("postgres", "16.3", "db.m5.large", MultiAZ=True),
        database("postgres", "16.3", "db.m5.large", DBClusterIdentifier="c"),
        database("aurora-mysql", "8.0.mysql_aurora.3.08.1", "db.r5.large", DBClusterIdentifier="c"),
        database("postgres", "16.3", "db.m7i.large"),
    ],
)
def test_a_database_whose_price_no_table_has_is_not_reckoned_by_another(
    resource: dict[str, Any],
) -> None:
    found = reckoned("aws-rds-instance-x86", resource)
    assert found["unknown"].startswith("No list price of rds.")


@pytest.mark.parametrize(
    "quantity", [float("inf"), float("-inf"), float("nan"), 1e300, -1e300, 2**62, 9.9e12]
)
def test_a_quantity_that_is_no_amount_is_told_and_raises_nothing(quantity: float) -> None:
    found = saved([Saving("ec2.linux.p5.48xlarge", quantity)], **HERE)
    assert found["unknown"].startswith("It cannot be counted: ")


def test_a_name_out_of_a_document_is_told_in_part_and_as_text() -> None:
    found = saved([Saving("\ud800é" + "x" * 9_000, 1)], **HERE)
    assert len(found["unknown"]) < 160
    assert found["unknown"].isascii()


def test_parts_of_a_unit_that_are_next_to_nothing_are_left_out() -> None:
    found = saved([Saving("ebs.storage.gp2", 100), Saving("ebs.snapshot", 1e-300)], **HERE)
    assert found["formula"] == "100 GiB-month x 0.1 USD"


def test_what_cannot_be_counted_has_a_reason_and_the_outcome_stays() -> None:
    rule = rule_of(POLICIES["aws-ec2-volume-gp2"])
    unknown = volume("gp2", 100, 300) | {"Size": Unknown(frozenset({"denied"}))}
    judgement = rule.judge_partly(unknown, {}, now=EXAMPLES_AT)
    assert (judgement.outcome, judgement.savings) == ("fail", ())
    assert judgement.unsaid == "What it is counted by was not read"
    absent = rule.judge({"VolumeId": "v", "VolumeType": "gp2"}, {}, now=EXAMPLES_AT)
    assert (absent.outcome, absent.savings) == ("fail", ())
    assert (absent.unsaid or "").startswith("It cannot be counted: ")


def test_a_policy_of_cost_of_aws_says_what_a_cure_saves_or_why_that_is_not_known() -> None:
    silent = [
        key
        for key, each in POLICIES.items()
        if each.dimension is Dimension.COST and key.startswith("aws-")
        if bool(each.savings) == bool(each.unpriced)
    ]
    assert silent == []


def test_every_price_is_above_zero_and_says_where_it_stands() -> None:
    from cloudsealed.packs.prices import _prices

    found = _prices("aws")
    assert len(found) > 300
    for (region, name), each in found.items():
        assert (each.region, each.name) == (region, name)
        assert each.usd > 0
        assert each.unit == "hour" or each.unit.endswith("-month")
        assert each.source.startswith("AWS price list")
        if not each.second_hand:
            assert each.source.startswith("AWS price list, ")
            assert each.checked == "2026-10-13"
