"""The same estate in AWS, in GovCloud and in China: the same verdicts, by ids of the partition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from tests.e2e.conftest import Install
from tests.e2e.installation import Document, Installation

from cloudsealed.packs import load_policies
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import REGIONS

OF_PLACES = {
    policy.key
    for policy in load_policies()
    if "regions" in policy.params or "partition" in (policy.applies_when or "")
}
OTHERS = [partition for partition in REGIONS if partition != "aws"]


class Found:
    """What an audit of the estate found in a partition."""

    def __init__(self, installation: Installation, audit: Document) -> None:
        services, place = installation.services, {"tenant": installation.tenant}
        self.audit = audit
        keys = [v["key"] for v in services.audits.policy_versions(**place, ident=audit["id"])]
        self.observations = list(
            services.audits.observations(**place, ident=audit["id"], policies=keys)
        )
        page = services.resources.list(**place, filters={}, limit=1_000)
        self.resources = [orjson.loads(item) for item in page.items]

    def verdicts(self, partition: str) -> Counter[tuple[str, ...]]:
        """Count the verdicts of each policy on each type and place; a region's default subnets are
        left out, of which there are as many as it has zones, and policies that name places."""
        home, far = REGIONS[partition]
        places = {home: "home", far: "far", "global": "global"}
        return Counter(
            (seen["policy"]["key"], about["type"], places[about["region"]], seen["outcome"])
            for seen in self.observations
            if (about := seen["resource"])["type"] != "aws.ec2.subnet" or about["name"]
            if seen["policy"]["key"] not in OF_PLACES
        )


@pytest.fixture(scope="module", params=OTHERS)
def found(
    request: Any, install: Install, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Found]]:
    partition = request.param
    with Emulator(partition=partition) as emulator:
        deploy(emulator.endpoint, partition=partition)
        installation = install(tmp_path_factory.mktemp(partition), emulator)
        audit = installation.audit(regions=list(REGIONS[partition]))
        yield partition, Found(installation, audit)


def test_an_estate_is_read_whole_in_its_partition(found: tuple[str, Found]) -> None:
    partition, here = found
    assert (here.audit["status"], here.audit["error"]) == ("completed", None)
    assert (here.audit["coverage"], here.audit["counts"]["unknown"]) == (1.0, 0)
    assert {account["partition"] for account in here.audit["accounts"]} == {partition}


def test_every_id_is_of_its_partition_and_regions(found: tuple[str, Found]) -> None:
    partition, here = found
    told = orjson.dumps([here.resources, here.observations]).decode()
    assert set(re.findall(r"\barn:(aws[a-z-]*):", told)) == {partition}
    for other in REGIONS.keys() - {partition}:
        assert not any(region in told for region in REGIONS[other])


def test_the_verdicts_are_those_of_the_same_estate_elsewhere(
    found: tuple[str, Found], audited_whole: Any
) -> None:
    partition, here = found
    there = Found(audited_whole.installation, audited_whole.audits[0])
    assert here.verdicts(partition) == there.verdicts("aws")
    assert here.verdicts(partition).total() > 500
