"""What a resource is told apart by, and whose it is, over every row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collectors import listed
from tests.grouped import each_row_of, grouped, service_of

from cloudsealed.collectors.attributes import attributes_of
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.draft import draft_of, today
from cloudsealed.collectors.model import Place, Row
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import Provider

ROWS = list(AWS)
each_row = each_row_of(ROWS)
each_listed = grouped("kind", listed.AS_LISTED, service_of, str)
ACCOUNT, OTHER = "123456789012", "999988887777"
Item = Mapping[str, Any]
Names = Callable[[str, str], Item]
"""Gives the item that AWS lists of a name (and what is named by AWS, an id) in a parent."""


def place_of(row: Row, partition: str = "aws") -> Place:
    region = "global" if row.scope == "global" else "eu-west-1"
    return Place(ACCOUNT, region, partition)


def named(**templates: str) -> Names:
    """An item of texts with the name as {n}, its parent's as {p}, and the place before them."""
    before = f"arn:aws:SERVICE:eu-west-1:{ACCOUNT}"
    return lambda p, n: {k: t.format(n=n, p=p, arn=before) for k, t in templates.items()}


AS_LISTED = {kind: named(**said) for kind, said in listed.AS_LISTED.items()}
_WORDS = st.text("ab-", min_size=1, max_size=3)


def test_every_list_says_how_aws_names_what_it_brings() -> None:
    assert set(AS_LISTED) == {row.type for row in ROWS if row.operation}
    assert {row.type for row in ROWS if row.parent} <= listed.IN_PARENTS


@settings(max_examples=60)
@given(one=st.tuples(_WORDS, _WORDS), two=st.tuples(_WORDS, _WORDS))
def test_names_that_are_equal_in_different_parents_are_different_resources(
    one: tuple[str, str], two: tuple[str, str]
) -> None:
    for kind, listed_as in AS_LISTED.items():
        row = RESOURCE_TYPES[kind]
        first, second = (
            draft_of(row, place_of(row), listed_as(*each), None) for each in (one, two)
        )
        are_one = one == two if kind in listed.IN_PARENTS else one[1] == two[1]
        assert (first.native_id == second.native_id) is are_one, kind


@each_listed
def test_what_a_row_names_is_what_an_older_snapshot_is_named_today(kind: str) -> None:
    row = RESOURCE_TYPES[kind]
    draft = draft_of(row, place_of(row), AS_LISTED[kind]("p", "n"), None)
    stored = {
        "provider": Provider.AWS,
        "account": ACCOUNT,
        "region": place_of(row).region,
        "type": kind,
        "native_id": draft.idents[-1],
        "document": draft.document | {"Arn": draft.idents[-1]},
    }
    now = today(stored, row)
    assert (now["native_id"], now["owner"]) == (draft.native_id, draft.owner)


def test_an_older_snapshot_of_which_only_the_id_is_known_keeps_it() -> None:
    stored = {
        "provider": "aws",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "native_id": "arn:aws:ecs:eu-west-1:1:service/web",
        "document": {},
    }
    now = today(stored, RESOURCE_TYPES["aws.ecs.service"])
    assert (now["native_id"], now["owner"]) == (stored["native_id"], ACCOUNT)


def test_a_service_of_an_older_arn_is_named_as_one_of_a_newer() -> None:
    row, place = RESOURCE_TYPES["aws.ecs.service"], Place(ACCOUNT, "eu-west-1")
    before = f"arn:aws:ecs:eu-west-1:{ACCOUNT}"
    cluster = {"clusterArn": f"{before}:cluster/blue"}
    old = draft_of(row, place, {**cluster, "serviceArn": f"{before}:service/web"}, None)
    new = draft_of(row, place, {**cluster, "serviceArn": f"{before}:service/blue/web"}, None)
    assert old.native_id == new.native_id == f"{before}:service/blue/web"
    assert (old.formerly, new.formerly) == (f"{before}:service/web", None)


OWNER = re.compile(r"owner|account|registry|creator", re.IGNORECASE)
NOT_THE_OWNER: Mapping[str, str] = {
    "AccountId": "of a singleton: the account itself",
    "NetworkInterfaceOwnerId": "of the interface that an address is attached to",
    "OwnerAlias": "a word for OwnerId",
    "ImageOwnerAlias": "a word for OwnerId",
    "UnusedReservationBillingOwnerId": "of who pays for what a reservation leaves unused",
    "readonlyAccessAccounts": "of who may read a bucket",
    "BucketAccountId": "of the bucket that an access point leads to",
    "ownershipVerificationCertificateArn": "of a certificate",
    "administratorAccount": "of who made a repository",
    "ownerContact": "a person",
    "RegistryArn": "of a registry of schemas",
    "RegistryName": "of the same",
    "CreatorRequestId": "of the request that made it",
    "DeliverCrossAccountRole": "a role of who receives flow logs",
    "CrossAccountClone": "whether a cluster is a clone",
    "AccountsWithRestoreAccess": "with whom a snapshot is shared",
}


@each_row
def test_a_row_says_which_member_of_what_it_lists_is_the_owner(row: Row) -> None:
    enriched = {name for call in row.enrich for name in call.fills}
    listed = set(attributes_of(row.type)) - enriched
    owners = {name for name in listed if OWNER.search(name)} - NOT_THE_OWNER.keys()
    assert owners == ({row.owner.partition(".")[0]} if row.owner else set())


@each_row
def test_what_says_no_other_owner_is_the_accounts_own(row: Row) -> None:
    item = AS_LISTED[row.type]("p", "n") if row.operation else {"AccountId": ACCOUNT}
    draft = draft_of(row, place_of(row), item, None)
    assert draft.owner == ("aws" if row.type == "aws.iam.managed_policy" else ACCOUNT)


@pytest.mark.parametrize("kind", [row.type for row in ROWS if row.owner])
def test_what_another_account_owns_is_named_by_it_and_carries_it(kind: str) -> None:
    row = RESOURCE_TYPES[kind]
    assert row.owner is not None
    first, _, below = row.owner.partition(".")
    item = {**AS_LISTED[kind]("p", "n"), first: {below: OTHER} if below else OTHER}
    draft = draft_of(row, place_of(row), item, None)
    assert draft.owner == OTHER
    if row.formerly_native_id is not None:
        assert f":{OTHER}:" in draft.native_id
        assert ACCOUNT not in draft.native_id
        assert f":{ACCOUNT}:" in (draft.formerly or "")


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("aws.cloudtrail.trail", {"TrailARN": f"arn:aws:cloudtrail:eu-west-1:{OTHER}:trail/all"}),
        ("aws.kms.key", {"KeyArn": f"arn:aws-cn:kms:cn-north-1:{OTHER}:key/1"}),
        ("aws.iam.policy", {"Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ],
)
def test_an_arn_says_whose_it_is(kind: str, item: Item) -> None:
    row = RESOURCE_TYPES[kind]
    owner = draft_of(row, place_of(row), item, None).owner
    assert owner == ("aws" if kind == "aws.iam.policy" else OTHER)


@pytest.mark.parametrize("said", [None, "", "amazon", 1, ["999988887777"]])
def test_an_owner_that_is_no_account_says_nothing(said: Any) -> None:
    row = RESOURCE_TYPES["aws.ec2.vpc"]
    item = {"VpcId": "vpc-1", "OwnerId": said}
    assert draft_of(row, place_of(row), item, None).owner == ACCOUNT
