from __future__ import annotations

import base64
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Deployed
from tests.testing.conftest import Second

from cloudsealed.packs import load_policies
from cloudsealed.testing.estate import CANARIES, EstateError, EstateManifest, deploy
from cloudsealed.testing.estate_site import MAIN_ACCOUNT, SECOND_ACCOUNT, Book, Site, open_sites

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


def test_counts_are_what_the_services_list(
    home: Site, sites: dict[tuple[str, str], Site], estate: EstateManifest
) -> None:
    def count(service: str, operation: str, items: str, **asked: str) -> int:
        everywhere = {place: site for place, site in sites.items() if service != "iam"}
        accounts = {account: site for (account, _), site in sites.items()}
        found = (everywhere or accounts).values()
        calls = (getattr(each.client(service), operation) for each in found)
        return sum(len(call(**asked).get(items, [])) for call in calls)

    snapshots = count("rds", "describe_db_snapshots", "DBSnapshots", SnapshotType="manual")
    assert snapshots == estate.counts["aws.rds.snapshot"]
    assert count("sqs", "list_queues", "QueueUrls") == estate.counts["aws.sqs.queue"]
    assert count("sns", "list_topics", "Topics") == estate.counts["aws.sns.topic"]
    assert len(home.client("ecr").describe_repositories()["repositories"]) == 2
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


def test_the_readme_says_how_much_there_is(estate: EstateManifest) -> None:
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text().split())
    assert f"deploys {estate.total} resources of {len(estate.counts)} types" in text


def test_progress_tells_every_step(deployed: Deployed) -> None:
    total = deployed.told[0][1]
    assert [done for done, _, _ in deployed.told] == list(range(1, total + 1))
    assert len({step for _, _, step in deployed.told}) == total


def test_a_second_estate_has_the_same_facts(estate: EstateManifest, second: Second) -> None:
    document = json.loads(second.printed)
    assert document["counts"] == estate.counts
    assert document["facts"] == json.loads(json.dumps(estate.as_dict()["facts"]))
    assert not any(canary in second.printed + second.progress for canary in CANARIES)


@pytest.mark.parametrize("endpoint", ["https://ec2.amazonaws.com", "http://10.0.0.1:80"])
def test_it_is_never_built_in_a_real_account(endpoint: str) -> None:
    with pytest.raises(EstateError, match="for an emulator on this machine"):
        deploy(endpoint)


def test_every_fact_says_which_policies_it_is_about(estate: EstateManifest) -> None:
    with (Path(__file__).parent / "facts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["type"], row["why"]) for row in rows} == {(f.type, f.why) for f in estate.facts}
    known = {spec.key for spec in load_policies()}
    assert {key for row in rows for key in row["policies"].split()} <= known
