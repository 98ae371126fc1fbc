"""Lists that stand in for calls a resource, over the sample estate: fewer calls, the same said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.collectors.listed import SAID_BY_LISTS_ALONE, TAGGED_BY_THE_LIST
from tests.e2e.installation import REGIONS, Document, signed_in

from cloudsealed.collectors.asked import asked, without
from cloudsealed.collectors.aws.access import AwsAccess, AwsSession
from cloudsealed.collectors.aws.client import AwsCaller
from cloudsealed.collectors.model import Answer, CallRequest, Row, Snapshot, Unit
from cloudsealed.collectors.registry import RESOURCE_TYPES, places
from cloudsealed.collectors.walk import walk
from cloudsealed.packs import load_policies
from cloudsealed.policies.needs import not_asked
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import MAIN_ACCOUNT
from cloudsealed.vocabulary import PolicyKind, Provider

MOST = 0.8
"""Calls with the lists, of those where each resource is asked for by itself; the lists of the types
are left out of both. The rest are calls for which AWS has no list, such as those of buckets."""
TOLD = [
    row
    for row in RESOURCE_TYPES.values()
    if row.together and row.service != "route53"  # whose zones the emulator does not find by id
]
UNREAD = not_asked([(PolicyKind.CHECK, spec.words) for spec in load_policies()])


class Cloud:
    """The estate, each call made once, as a ledger has it."""

    def __init__(self, caller: AwsCaller) -> None:
        self.caller = caller
        self.answers: dict[Unit, Answer] = {}

    def call(self, request: CallRequest) -> Answer:
        if request.unit not in self.answers:
            self.answers[request.unit] = self.caller.call(request)
        return self.answers[request.unit]


@pytest.fixture(scope="module")
def cloud(whole_estate: Emulator) -> Iterator[Cloud]:
    with signed_in(whole_estate.environment()):
        caller = AwsCaller(AwsSession(AwsAccess()), b"the key of these tests", _Unlimited())
        yield Cloud(caller)
        caller.close()


class _Unlimited(dict[str, float]):
    def get(self, key: str, default: object = None) -> float:  # type: ignore[override]  # no miss
        return 1e9


def seen(row: Row, cloud: Cloud | _Counted) -> Iterator[Snapshot]:
    for place in places(row, MAIN_ACCOUNT, "aws", REGIONS):
        yield from (each for each in walk(row, place, cloud) if isinstance(each, Snapshot))


def comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document whose tags are in order: a list of them has no order of its own."""
    return {**document, "Tags": sorted(document["Tags"], key=lambda tag: tag["Key"])}


@pytest.mark.parametrize("row", TOLD, ids=lambda row: row.type)
def test_a_list_says_what_a_call_for_each_resource_says(row: Row, cloud: Cloud) -> None:
    alone = {each.native_id: each for each in seen(replace(row, together=()), cloud)}
    row = without(row, UNREAD.get(row.type, frozenset()))
    assert asked(row).lists
    unsaid = SAID_BY_LISTS_ALONE | ({"Tags"} if row.type in TAGGED_BY_THE_LIST else set())
    told = {each.native_id: each for each in seen(row, cloud)}
    assert told.keys() == alone.keys()
    assert any(told)
    for ident, one in told.items():
        whole, said = comparable(alone[ident].document), comparable(one.document)
        names = (whole.keys() | said.keys()) - row.not_asked - unsaid
        assert {n: said.get(n) for n in names} == {n: whole.get(n) for n in names}
        assert "Tags" in unsaid or one.tags == alone[ident].tags
        assert one.relations == alone[ident].relations
        assert one.unread.keys() == row.not_asked


@pytest.mark.parametrize("name", ["aws.iam.role", "aws.ec2.snapshot", "aws.logs.log_group"])
def test_the_estate_has_something_to_say_of_a_list(name: str, cloud: Cloud) -> None:
    row = without(RESOURCE_TYPES[name], UNREAD[name])
    fills = [(name, (each.lacking or {}).get(name)) for each in row.together for name in each.fills]
    said = [each.document for each in seen(row, cloud)]
    assert any(each.get(name) not in (None, [], none) for each in said for name, none in fills)


def test_an_audit_of_the_estate_makes_fewer_calls(cloud: Cloud, audited_whole: Any) -> None:
    alone = _Counted(cloud)
    for row in RESOURCE_TYPES.values():
        if Provider.of_type(row.type) == Provider.AWS:
            list(seen(replace(row, together=()), alone))
    listing = {(row.service, row.operation) for row in RESOURCE_TYPES.values()}
    lists = sum((each.service, each.operation) in listing for each in alone.units)
    first: Document = audited_whole.audits[0]
    assert sum(first["calls"].values()) - lists <= MOST * (len(alone.units) - lists)


class _Counted:
    """Which calls are asked of a cloud, which answers each once."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.units: set[Unit] = set()

    def call(self, request: CallRequest) -> Answer:
        self.units.add(request.unit)
        return self._cloud.call(request)
