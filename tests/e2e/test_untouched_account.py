"""An account that nobody has used yet: few findings, each of them once, whatever regions it has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import boto3
import orjson
import pytest
from tests.audits.kept import Kept, judged, listing
from tests.e2e.installation import Installation
from tests.e2e.scopes import Recorded

from cloudsealed.audits.records.blocks import Block
from cloudsealed.collectors.model import GLOBAL
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import HOME_REGION
from cloudsealed.vocabulary import Outcome

ACCOUNT = "777788889999"
GATHERED = {
    f"aws-idle-regions-{what}"
    for what in (
        "config-recorder-off",
        "default-sg-rules",
        "default-vpcs",
        "ebs-default-encryption-off",
        "flow-logs-off",
        "guardduty-off",
        "metadata-default-open",
        "nacl-admin-ports-open",
        "sharing-unblocked",
    )
}
REGIONS = tuple(f"eu-test-{number}" for number in range(17))


@pytest.fixture(scope="module")
def recorded(estate: Emulator, install: Any, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The audit of one region of an account in which nobody has made anything."""
    main = boto3.Session("LARKSPURMAIN", "emulated", region_name=HOME_REGION)
    sts = main.client("sts", endpoint_url=estate.endpoint)
    lent = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/any", RoleSessionName="audit")
    installation: Installation = install(tmp_path_factory.mktemp("untouched"), estate)
    keys = lent["Credentials"]
    installation.environment |= {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    audit = installation.audit(regions=[HOME_REGION])
    return Recorded.of(installation, audit["id"])


Place = tuple[Block, list[tuple[str, Any]]]


def moved(place: Place, region: str) -> Place:
    """A recorded list as that of another region, whose name is in the ids of all that it holds."""
    block, found = place
    if block.region == GLOBAL:
        return place
    text = orjson.dumps(found).decode().replace(HOME_REGION, region)
    return replace(block, region=region), [tuple(each) for each in orjson.loads(text)]


def failing(recorded: Recorded, used: str = "") -> Counter[str]:
    """How often each policy fails where all regions are as the recorded one; one has a queue."""
    places = [
        moved((block, list(recorded.kept.of(block))), region)
        for block in recorded.kept.listings()
        for region in ([GLOBAL] if block.region == GLOBAL else REGIONS)
    ]
    if used:
        places.append(listing("aws.sqs.queue", ACCOUNT, used, [queue(used)]))
    targets = [replace(each, regions=REGIONS, left_out=()) for each in recorded.targets]
    said = judged(recorded.policies, Kept(places), targets, recorded.clock)
    assert {account for account, _, _ in said} == {ACCOUNT}
    return Counter(key for (_, key, _), each in said.items() if each.outcome is Outcome.FAIL)


def queue(region: str) -> dict[str, Any]:
    arn = f"arn:aws:sqs:{region}:{ACCOUNT}:orders"
    return {
        "provider": "aws",
        "account": ACCOUNT,
        "region": region,
        "type": "aws.sqs.queue",
        "native_id": arn,
        "name": "orders",
        "document": {"Arn": arn},
        "tags": {},
        "unread": {},
    }


def test_it_has_at_most_30_findings_each_once(recorded: Recorded) -> None:
    found = failing(recorded)
    alarms = {key for key in found if key.startswith("aws-alarm-")}  # they yield to the trail
    assert "aws-cloudtrail-missing" in found
    assert {key: n for key, n in found.items() if n > 1} == {}
    assert len(found.keys() - alarms) <= 30
    assert found.keys() >= GATHERED


def test_what_is_so_in_a_region_that_is_used_is_said_of_the_region(recorded: Recorded) -> None:
    found = failing(recorded, used=REGIONS[3])
    for key in ("aws-guardduty-off", "aws-config-recorder-off", "aws-ec2-vpc-flow-logs-off"):
        assert found[key] == 1
    assert found.keys() >= GATHERED
