"""What a resource's document names leads to the resource that it means, and to no other."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

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
    def stored(ident: str) -> str:
        data = orjson.dumps({"document": {"GroupId": ident}})
        with database.write() as connection:
            return objects.put(connection, TENANT, data, "2026-01")

    one = instance(security_groups=["sg-1"])
    other = group("sg-1", snapshot=stored("sg-2"))
    meant = make_resource(
        type="aws.ec2.security_group", native_id="arn:x/sg-1", snapshot=stored("sg-1")
    )
    add_resources(database, TENANT, one, other, meant)
    assert led(database, one) == {("security_groups", "sg-1"): meant.id}
