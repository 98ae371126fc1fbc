"""What a resource's document names leads to the resource that it means, and to no other."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from cloudsealed.resources import relating, relation_store
from cloudsealed.resources.model import Resource
from cloudsealed.resources.service import ResourceService
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.testing.factories import ACCOUNT, add_resources, make_resource
from cloudsealed.vocabulary import ResourceState

TENANT, OTHER = "ten_a", "210987654321"


def group(name: str, *, region: str = "eu-west-1", account: str = ACCOUNT, **said: Any) -> Resource:
    return make_resource(
        type="aws.ec2.security_group",
        region=region,
        account=account,
        native_id=f"arn:aws:ec2:{region}:{account}:security-group/{name}",
        **said,
    )


def instance(**relations: list[str]) -> Resource:
    return make_resource(type="aws.ec2.instance", relations=relations)


def stored(database: Database, document: Any) -> str:
    with database.write() as connection:
        data = orjson.dumps({"document": document})
        return objects.put(connection, TENANT, data, "2026-01")


def led(database: Database, of: Resource) -> dict[tuple[str, str], str | None]:
    found = ResourceService(database=database).relations(tenant=TENANT, ident=of.id)
    return {(each["name"], each["id"]): each["resource_id"] for each in found["relations"]}


def test_each_relation_names_the_resource_that_it_means(database: Database) -> None:
    one = instance(security_groups=["sg-1", "sg-2", "sg-9"], vpc=["vpc-1"])
    first, second = group("sg-1"), group("sg-2")
    vpc = make_resource(type="aws.ec2.vpc", native_id=f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1")
    add_resources(database, TENANT, one, first, second, vpc, group("xsg-1"), group("sg-1-b"))
    add_resources(database, "ten_b", group("sg-9"))
    assert led(database, one) == {
        ("security_groups", "sg-1"): first.id,
        ("security_groups", "sg-2"): second.id,
        ("security_groups", "sg-9"): None,
        ("vpc", "vpc-1"): vpc.id,
    }
    found = ResourceService(database=database).relations(tenant=TENANT, ident=one.id)
    assert [each["resource_name"] for each in found["relations"]] == [
        "orders",
        "orders",
        None,
        "orders",
    ]
    assert {each["type"] for each in found["relations"]} == {
        "aws.ec2.security_group",
        "aws.ec2.vpc",
    }


@pytest.mark.parametrize("place", [{"region": "us-east-1"}, {"account": OTHER}])
def test_an_id_of_another_place_is_another_resource(database: Database, place: Any) -> None:
    one, elsewhere = instance(security_groups=["sg-1"]), group("sg-1", **place)
    add_resources(database, TENANT, one, elsewhere)
    assert led(database, one) == {("security_groups", "sg-1"): None}


def test_of_two_under_one_id_the_one_that_is_there_counts(database: Database) -> None:
    one, there = instance(security_groups=["sg-1"]), group("sg-1")
    gone = make_resource(
        type="aws.ec2.security_group",
        native_id="arn:old:security-group/sg-1",
        state=ResourceState.DELETED,
    )
    add_resources(database, TENANT, one, there, gone)
    assert led(database, one) == {("security_groups", "sg-1"): there.id}


def test_a_snapshot_that_says_another_id_is_no_match(database: Database) -> None:
    one = instance(security_groups=["sg-1"])
    other = group("sg-1", snapshot=stored(database, {"GroupId": "sg-2"}))
    meant = make_resource(
        type="aws.ec2.security_group",
        native_id="arn:x/sg-1",
        snapshot=stored(database, {"GroupId": "sg-1"}),
    )
    add_resources(database, TENANT, one, other, meant)
    assert led(database, one) == {("security_groups", "sg-1"): meant.id}


def referrers(database: Database, to: Resource) -> list[tuple[str, str | None]]:
    found = ResourceService(database=database).referrers(tenant=TENANT, ident=to.id)
    assert found["complete"]
    return [(each["name"], each["resource_id"]) for each in found["referrers"]]


def test_what_names_a_resource_is_said_to_refer_to_it(database: Database) -> None:
    meant = group("sg-1", snapshot=stored(database, {"GroupId": "sg-1"}))
    one, two = instance(security_groups=["sg-2", "sg-1"]), instance(security_groups=["sg-1"])
    interface = make_resource(
        type="aws.ec2.network_interface",
        region="global",
        relations={"security_groups": [meant.identity.native_id]},
    )
    others = (
        instance(security_groups=["sg-11"], vpc=["sg-1"]),
        make_resource(type="aws.ec2.instance", relations={"security_groups": ["sg-1"]}, tags={}),
        make_resource(type="aws.sqs.queue", relations={"security_groups": ["sg-1"]}),
        make_resource(
            type="aws.ec2.instance", region="us-east-1", relations={"security_groups": ["sg-1"]}
        ),
        make_resource(
            type="aws.ec2.instance", account=OTHER, relations={"security_groups": ["sg-1"]}
        ),
        make_resource(
            type="aws.ec2.instance",
            state=ResourceState.DELETED,
            relations={"security_groups": ["sg-1"]},
        ),
    )
    add_resources(database, TENANT, meant, one, two, interface, *others)
    add_resources(database, "ten_b", instance(security_groups=["sg-1"]))
    expected = sorted([others[1].id, interface.id, two.id, one.id], reverse=True)
    assert referrers(database, meant) == [("security_groups", ident) for ident in expected]
    assert {
        ident: led(database, each)[("security_groups", "sg-1")]
        for each, ident in ((one, one.id), (two, two.id))
    } == {one.id: meant.id, two.id: meant.id}


def test_what_is_not_kept_any_more_is_called_by_the_end_of_its_id(database: Database) -> None:
    meant, one = group("sg-1"), instance(security_groups=["sg-1"])
    add_resources(database, TENANT, meant, one)
    assert referrers(database, meant) == [("security_groups", one.id)]
    assert referrers(database, one) == []


def test_a_search_for_referrers_that_ends_at_its_bound_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = group("sg-1")
    some = [instance(security_groups=["sg-1"]) for _ in range(4)]
    add_resources(database, TENANT, meant, *some)
    monkeypatch.setattr(relating, "MOST_REFERRING", 3)
    found = ResourceService(database=database).referrers(tenant=TENANT, ident=meant.id)
    assert (len(found["referrers"]), found["complete"]) == (3, False)
    monkeypatch.setattr(relation_store, "SCAN_ROWS", 2)
    found = ResourceService(database=database).referrers(tenant=TENANT, ident=meant.id)
    assert (len(found["referrers"]), found["complete"]) == (2, False)
