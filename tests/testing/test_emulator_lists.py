"""Lists of the emulator that stand in for calls a resource are AWS's in what they leave out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cloudsealed.testing.emulator import Emulator

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Emulator]:
    """An emulator of its own: what is in it is counted."""
    with Emulator() as emulator:
        yield emulator


def client(cloud: Emulator, service: str, key: str = "LARKSPURMAIN") -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="emulated",
        config=Config(retries={"max_attempts": 0}),
    )


@pytest.fixture(scope="module")
def snapshots(cloud: Emulator) -> dict[str, str]:
    """Snapshots by what they are: private, public and shared ones of ours."""
    ec2 = client(cloud, "ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    made = {
        name: ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        for name in ("private", "public", "shared")
    }
    share = {"Attribute": "createVolumePermission", "OperationType": "add"}
    ec2.modify_snapshot_attribute(SnapshotId=made["public"], GroupNames=["all"], **share)
    ec2.modify_snapshot_attribute(SnapshotId=made["shared"], UserIds=["111122223333"], **share)
    return made


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"OwnerIds": ["self"]}, {"private", "public", "shared"}),
        ({"OwnerIds": ["self"], "RestorableByUserIds": ["all"]}, {"public"}),
        ({"RestorableByUserIds": ["self"]}, {"private", "public", "shared"}),
        ({"RestorableByUserIds": ["111122223333"]}, {"shared"}),
        ({"OwnerIds": ["amazon"]}, set()),
    ],
    ids=["own", "public", "restorable", "shared", "others"],
)
def test_snapshots_are_those_of_the_owners_and_users_that_are_named(
    cloud: Emulator, snapshots: dict[str, str], asked: dict[str, Any], named: set[str]
) -> None:
    found = client(cloud, "ec2").describe_snapshots(**asked)["Snapshots"]
    assert {each["SnapshotId"] for each in found} == {snapshots[name] for name in named}


def test_another_account_sees_what_is_public(cloud: Emulator, snapshots: dict[str, str]) -> None:
    role = "arn:aws:iam::210987654321:role/any"
    assumed = client(cloud, "sts").assume_role(RoleArn=role, RoleSessionName="other")
    ec2 = client(cloud, "ec2", assumed["Credentials"]["AccessKeyId"])
    found = ec2.describe_snapshots()["Snapshots"]
    assert [each["SnapshotId"] for each in found] == [snapshots["public"]]


def test_snapshots_come_in_pages(cloud: Emulator, snapshots: dict[str, str]) -> None:
    pages = list(
        client(cloud, "ec2")
        .get_paginator("describe_snapshots")
        .paginate(OwnerIds=["self"], MaxResults=2)
    )
    assert [len(page["Snapshots"]) for page in pages] == [2, 1]


def test_the_details_of_an_account_are_of_the_entities_asked_for_page_by_page(
    cloud: Emulator,
) -> None:
    iam = client(cloud, "iam")
    for number in range(3):
        iam.create_role(RoleName=f"role-{number}", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName="ann")
    iam.create_group(GroupName="admins")
    iam.create_policy(PolicyName="own", PolicyDocument=POLICY)
    wanted = ["User", "Role", "Group", "LocalManagedPolicy"]
    pages = list(
        iam.get_paginator("get_account_authorization_details").paginate(
            Filter=wanted, PaginationConfig={"PageSize": 2}
        )
    )
    assert len(pages) == 3
    found = {
        kind: [each for page in pages for each in page[kind]]
        for kind in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    }
    assert {kind: len(each) for kind, each in found.items()} == {
        "UserDetailList": 1,
        "GroupDetailList": 1,
        "RoleDetailList": 3,
        "Policies": 1,
    }
    [own] = found["Policies"]
    assert own["PolicyVersionList"][0]["Document"] == json.loads(POLICY)
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert [each["GroupName"] for each in only["GroupDetailList"]] == ["admins"]
    assert not only["RoleDetailList"]


def test_the_tagging_api_knows_the_services_whose_resources_have_tags(cloud: Emulator) -> None:
    tags = [{"Key": "owner", "Value": "me"}]
    client(cloud, "ecr").create_repository(repositoryName="tagged", tags=tags)
    client(cloud, "ecr").create_repository(repositoryName="bare")
    client(cloud, "elb").create_load_balancer(
        LoadBalancerName="classic",
        AvailabilityZones=["us-east-1a"],
        Tags=tags,
        Listeners=[{"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}],
    )
    client(cloud, "iam").create_policy(PolicyName="tagged", PolicyDocument=POLICY, Tags=tags)
    client(cloud, "logs").create_log_group(logGroupName="tagged", tags={"owner": "me"})
    api = client(cloud, "resourcegroupstaggingapi")

    def named(*kinds: str) -> set[str]:
        found = api.get_resources(ResourceTypeFilters=list(kinds))["ResourceTagMappingList"]
        assert all(each["Tags"] == tags for each in found)
        return {
            each["ResourceARN"].split(":", 2)[2].replace(":123456789012:", "::") for each in found
        }

    assert named("ecr") == {"ecr:us-east-1::repository/tagged"}
    assert named("elasticloadbalancing") == {"elasticloadbalancing:us-east-1::loadbalancer/classic"}
    assert named("iam:policy") == {"iam:::policy/tagged"}
    assert named("logs", "ecr") == {
        "logs:us-east-1::log-group:tagged",
        "ecr:us-east-1::repository/tagged",
    }


def test_a_list_of_buckets_with_a_parameter_says_where_each_is(cloud: Emulator) -> None:
    s3 = client(cloud, "s3")
    where = {"LocationConstraint": "eu-west-3"}
    s3.create_bucket(Bucket="larkspur-far", CreateBucketConfiguration=where)
    s3.create_bucket(Bucket="larkspur-near")
    asked = s3.list_buckets(MaxBuckets=1000)["Buckets"]
    assert {each["Name"]: each["BucketRegion"] for each in asked} == {
        "larkspur-far": "eu-west-3",
        "larkspur-near": "us-east-1",
    }
    assert all("BucketRegion" not in each for each in s3.list_buckets()["Buckets"])


def test_nothing_is_protected_by_a_service_that_saves_nothing(cloud: Emulator) -> None:
    assert client(cloud, "backup").list_protected_resources()["Results"] == []


def test_a_topic_says_how_many_subscriptions_it_has(cloud: Emulator) -> None:
    sns = client(cloud, "sns")
    told, silent = (sns.create_topic(Name=name)["TopicArn"] for name in ("told", "silent"))
    sns.subscribe(TopicArn=told, Protocol="email", Endpoint="a@example.com")
    counts = [
        sns.get_topic_attributes(TopicArn=each)["Attributes"]["SubscriptionsConfirmed"]
        for each in (told, silent)
    ]
    assert counts == ["1", "0"]
