from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import CANARIES, EstateError, EstateManifest, deploy, main
from cloudsealed.testing.estate_site import (
    MAIN_ACCOUNT,
    SECOND_ACCOUNT,
    Book,
    Site,
    open_sites,
)

DIMENSIONS = ["security", "cost", "architecture", "compliance"]


@pytest.fixture(scope="session")
def sites(estate: EstateManifest) -> dict[tuple[str, str], Site]:
    return open_sites(estate.endpoint, Book())


@pytest.fixture(scope="session")
def home(sites: dict[tuple[str, str], Site]) -> Site:
    return sites[MAIN_ACCOUNT, "eu-west-1"]


def test_it_has_many_resources_of_many_types(estate: EstateManifest) -> None:
    assert estate.total >= 60
    assert len(estate.counts) >= 22
    assert sum(estate.counts.values()) == estate.total


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_dimension_has_good_and_bad(estate: EstateManifest, dimension: str) -> None:
    found = {fact.expectation for fact in estate.facts if fact.dimension == dimension}
    assert found == {"good", "bad"}


def test_both_accounts_and_regions_have_something(estate: EstateManifest) -> None:
    places = {(fact.account, fact.region) for fact in estate.facts}
    assert places == {(a, r) for a in estate.accounts for r in estate.regions}


def test_both_accounts_have_the_two_regions_alone(sites: dict[tuple[str, str], Site]) -> None:
    for site in sites.values():
        found = site.client("ec2").describe_regions()["Regions"]
        assert {each["RegionName"] for each in found} == {"eu-west-1", "us-east-1"}


def test_counts_are_what_the_services_list(home: Site, estate: EstateManifest) -> None:
    def count(service: str, operation: str, items: str) -> int:
        return len(getattr(home.client(service), operation)()[items])

    assert count("rds", "describe_db_instances", "DBInstances") == estate.counts["aws.rds.instance"]
    assert count("sqs", "list_queues", "QueueUrls") == estate.counts["aws.sqs.queue"]
    assert count("sns", "list_topics", "Topics") == estate.counts["aws.sns.topic"]
    assert count("ecr", "describe_repositories", "repositories") == 2
    assert count("iam", "list_users", "Users") == estate.counts["aws.iam.user"]


def test_the_planted_secrets_are_in_the_answers_of_aws(home: Site) -> None:
    ec2, ecs = home.client("ec2"), home.client("ecs")
    legacy = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["larkspur-legacy"]}])
    instance = legacy["Reservations"][0]["Instances"][0]["InstanceId"]
    answers: list[Any] = [
        home.client("lambda").list_functions(),
        ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData"),
        ecs.describe_task_definition(taskDefinition="larkspur-worker"),
        home.client("cloudformation").describe_stacks(),
    ]
    text = json.dumps(answers, default=str)
    user_data = base64.b64decode(answers[1]["UserData"]["Value"]).decode()
    assert [canary for canary in CANARIES if canary not in text + user_data] == []


def test_what_is_called_bad_is_bad(home: Site) -> None:
    s3, rds, iam = home.client("s3"), home.client("rds"), home.client("iam")
    status = s3.get_bucket_policy_status(Bucket="larkspur-public-assets")
    assert status["PolicyStatus"]["IsPublic"]
    orders = rds.describe_db_instances(DBInstanceIdentifier="larkspur-orders")["DBInstances"][0]
    assert orders["PubliclyAccessible"]
    assert not orders["StorageEncrypted"]
    assert orders["BackupRetentionPeriod"] == 0
    attached = iam.list_attached_user_policies(UserName="alice.admin")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]
    assert iam.list_mfa_devices(UserName="alice.admin")["MFADevices"] == []


def test_what_is_called_good_is_good(home: Site) -> None:
    s3, rds, trail = home.client("s3"), home.client("rds"), home.client("cloudtrail")
    assert all(
        s3.get_public_access_block(Bucket="larkspur-records")[
            "PublicAccessBlockConfiguration"
        ].values()
    )
    assert s3.get_bucket_versioning(Bucket="larkspur-records")["Status"] == "Enabled"
    kept = rds.describe_db_instances(DBInstanceIdentifier="larkspur-customers")["DBInstances"][0]
    assert (kept["PubliclyAccessible"], kept["MultiAZ"], kept["StorageEncrypted"]) == (
        False,
        True,
        True,
    )
    described = trail.describe_trails()["trailList"][0]
    assert described["IsMultiRegionTrail"]
    assert described["LogFileValidationEnabled"]
    assert home.client("iam").list_mfa_devices(UserName="priya.ops")["MFADevices"]


def test_old_things_look_old(home: Site) -> None:
    keys = home.client("iam").list_access_keys(UserName="alice.admin")["AccessKeyMetadata"]
    fresh = home.client("iam").list_access_keys(UserName="build.bot")["AccessKeyMetadata"]
    assert {(fresh[0]["CreateDate"] - key["CreateDate"]).days for key in keys} <= {399, 400}


def test_the_second_account_is_isolated(sites: dict[tuple[str, str], Site]) -> None:
    names = {}
    for account in (MAIN_ACCOUNT, SECOND_ACCOUNT):
        site = sites[account, "eu-west-1"]
        assert site.client("sts").get_caller_identity()["Account"] == account
        names[account] = {each["Name"] for each in site.client("s3").list_buckets()["Buckets"]}
        assert site.client("iam").get_role(RoleName="CloudSealedAudit")["Role"]["Arn"] == (
            f"arn:aws:iam::{account}:role/CloudSealedAudit"
        )
    assert names[MAIN_ACCOUNT]
    assert names[SECOND_ACCOUNT]
    assert names[MAIN_ACCOUNT].isdisjoint(names[SECOND_ACCOUNT])


def test_progress_tells_every_step_and_a_second_deployment_is_refused() -> None:
    told: list[tuple[int, int, str]] = []
    with Emulator() as emulator:
        deploy(emulator.endpoint, lambda *step: told.append(step))
        with pytest.raises(EstateError, match="The sample estate stopped at"):
            deploy(emulator.endpoint)
    total = told[0][1]
    assert [done for done, _, _ in told] == list(range(1, total + 1))
    assert len({step for _, _, step in told}) == total


def test_a_second_estate_has_the_same_facts(
    estate: EstateManifest, capsys: pytest.CaptureFixture[str]
) -> None:
    with Emulator() as emulator:
        assert main(["--endpoint", emulator.endpoint, "--json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["counts"] == estate.counts
    assert document["facts"] == json.loads(json.dumps(estate.as_dict()["facts"]))
    assert not any(canary in printed.out + printed.err for canary in CANARIES)


@pytest.mark.parametrize("endpoint", ["https://ec2.amazonaws.com", "http://10.0.0.1:80"])
def test_it_is_never_built_in_a_real_account(endpoint: str) -> None:
    with pytest.raises(EstateError, match="for an emulator on this machine"):
        deploy(endpoint)
