"""The same estate in AWS, in GovCloud and in China: the same verdicts, by ids of the partition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
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


@contextmanager
def audited_in(partition: str, install: Install, folder: Path, **deployed: Any) -> Iterator[Found]:
    """Deploy the sample estate in a partition and audit it; `deployed` is of `deploy`."""
    with Emulator(partition=partition) as emulator:
        deploy(emulator.endpoint, partition=partition, **deployed)
        installation = install(folder, emulator)
        yield Found(installation, installation.audit(regions=list(REGIONS[partition])))


def assert_of_its_partition(here: Found, partition: str) -> None:
    """Every id is of the partition and its regions."""
    assert {account["partition"] for account in here.audit["accounts"]} == {partition}
    told = orjson.dumps([here.resources, here.observations]).decode()
    assert set(re.findall(r"\barn:(aws[a-z-]*):", told)) == {partition}
    for other in REGIONS.keys() - {partition}:
        assert not any(region in told for region in REGIONS[other])


def assert_as_elsewhere(here: Found, partition: str, audited: Any) -> None:
    """The verdicts are those of the same estate in AWS's own partition."""
    there = Found(audited.installation, audited.audits[0])
    for name in ("status", "error", "coverage"):
        assert here.audit[name] == there.audit[name], (name, here.audit[name])
    assert here.verdicts(partition) == there.verdicts("aws")
    assert here.verdicts(partition).total() > 500
