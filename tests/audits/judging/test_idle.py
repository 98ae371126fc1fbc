"""A region is idle that holds nothing but what every account has there, as far as that was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.audits.kept import Kept, Snapshot, judged, listing

from cloudsealed.audits.model import Target
from cloudsealed.collectors.model import GLOBAL
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.policies.body import read_policy_body
from cloudsealed.policies.model import PolicyVersion
from cloudsealed.vocabulary import PolicyKind

ACCOUNT = "111122223333"
NEAR, FAR = "eu-west-1", "us-east-1"
VPC, GROUP, KEY, QUEUE = "aws.ec2.vpc", "aws.ec2.security_group", "aws.kms.key", "aws.sqs.queue"
SETTINGS, BUCKET = "aws.ec2.region_settings", "aws.s3.bucket"
TABLE, LIST = "aws.ec2.route_table", "aws.ec2.prefix_list"
GIVEN = {
    VPC: {"IsDefault": True},
    GROUP: {"GroupName": "default"},
    TABLE: {"Associations": [{"Main": True}]},
}
DENIED = {"kind": "call", "outcome": "denied", "service": "sqs", "operation": "ListQueues"}
IDLE = {"type": SETTINGS, "scope": "idle_regions"}


def policy(name: str, kind: str, fail_when: str, **relation: str) -> PolicyVersion:
    body = {
        "key": name,
        "title": "t",
        "dimension": "security",
        "severity": "high",
        "resource_types": [kind],
        "fail_when": fail_when,
        "related": {"idle": IDLE | relation},
    }
    return PolicyVersion(f"pol_{name}", name, 1, PolicyKind.CHECK, read_policy_body(body).words)


OWN = policy("own", SETTINGS, "size(related.idle) == 1", **{"from": "Arn", "key": "Arn"})
ANY = policy("any", "aws.account", "related.idle.map(r, r.Arn).size() > 0")


def thing(kind: str, region: str, document: Mapping[str, Any], unread: Any = ()) -> Snapshot:
    arn = f"{kind}:{region}:{len(document)}"
    return {
        "provider": "aws",
        "account": ACCOUNT,
        "region": region,
        "type": kind,
        "native_id": arn,
        "name": None,
        "document": {"Arn": arn, **document},
        "tags": {},
        "unread": dict.fromkeys(unread, DENIED),
    }


def said(
    *,
    held: Mapping[str, list[Any]] | None = None,
    gaps: Mapping[str, Any] | None = None,
    left_out: tuple[str, ...] = (),
    buckets: list[Any] | None = None,
) -> dict[str, Any]:
    """What the policies say of an account whose far region is idle and whose near one has more."""
    lists = []
    for region in (NEAR, FAR):
        here = held or {} if region == NEAR else {}
        for kind, row in RESOURCE_TYPES.items():
            if row.scope == GLOBAL or (region == NEAR and kind in left_out):
                continue
            documents = [{}] if row.operation is None else here.get(kind, [GIVEN.get(kind)])
            found = [
                each if "native_id" in each else thing(kind, region, each)
                for each in documents
                if each is not None
            ]
            gap = (gaps or {}).get(kind) if region == NEAR else None
            lists.append(listing(kind, ACCOUNT, region, found, gap))
    lists.append(listing(BUCKET, ACCOUNT, GLOBAL, buckets or []))
    lists.append(listing("aws.account", ACCOUNT, GLOBAL, [thing("aws.account", GLOBAL, {})]))
    target = Target("con_a", ACCOUNT, "aws", (NEAR, FAR))
    return {
        f"{key} {native_id.split(':')[1]}": each
        for (_, key, native_id), each in judged([OWN, ANY], Kept(lists), [target]).items()
    }


def outcomes(**given: Any) -> tuple[str, str]:
    """How it is said of the near and of the far region that they are idle: fail is yes."""
    found = said(**given)
    return found[f"own {NEAR}"].outcome, found[f"own {FAR}"].outcome


def test_what_every_account_has_and_what_only_watches_leaves_a_region_idle() -> None:
    managed = [thing(KEY, NEAR, {"Metadata": {"KeyManager": "AWS"}})]
    shared = [thing(LIST, NEAR, {"OwnerId": "AWS"})]
    watching = {"aws.guardduty.detector": [{}], "aws.config.recorder": [{}]}
    watching |= {KEY: managed, LIST: shared}
    assert outcomes(held=watching) == ("fail", "fail")


def test_what_another_account_owns_is_no_holding() -> None:
    shared = thing(VPC, NEAR, {"IsDefault": False, "VpcId": "v"}) | {"owner": "999988887777"}
    assert outcomes(held={VPC: [shared]}) == ("fail", "fail")


@pytest.mark.parametrize(
    "held",
    [
        {QUEUE: [{}]},
        {VPC: [{"IsDefault": True}, {"IsDefault": False, "VpcId": "v"}]},
        {GROUP: [{"GroupName": "default"}, {"GroupName": "web", "GroupId": "g"}]},
        {KEY: [thing(KEY, NEAR, {"Metadata": {"KeyManager": "CUSTOMER"}})]},
        {TABLE: [{"Associations": [{"Main": False}]}]},
        {LIST: [{}]},
        {"aws.ec2.network_interface": [{}]},
    ],
)
def test_anything_else_makes_a_region_one_that_is_used(held: Any) -> None:
    assert outcomes(held=held) == ("pass", "fail")
    assert outcomes(held=held, gaps={"aws.sns.topic": DENIED}) == ("pass", "fail")


def test_a_bucket_is_in_the_region_that_it_says() -> None:
    bucket = thing(BUCKET, GLOBAL, {"Name": "b", "Region": NEAR})
    assert outcomes(buckets=[bucket]) == ("pass", "fail")


def test_a_bucket_whose_region_was_not_read_may_be_anywhere() -> None:
    bucket = thing(BUCKET, GLOBAL, {"Name": "b"}, unread=["Region"])
    assert outcomes(buckets=[bucket]) == ("unknown", "unknown")


def test_a_list_that_was_not_read_may_hold_something() -> None:
    found = said(gaps={QUEUE: DENIED})
    assert found[f"own {NEAR}"].outcome == "unknown"
    assert found[f"own {NEAR}"].reasons == (DENIED,)
    assert found[f"own {FAR}"].outcome == "fail"
    assert found[f"any {GLOBAL}"].outcome == "fail"
    assert [each["value"] for each in found[f"any {GLOBAL}"].evidence] == [f"{SETTINGS}:{FAR}:0"]


def test_a_type_that_the_scope_left_out_may_be_there() -> None:
    found = said(left_out=(QUEUE,))
    assert found[f"own {NEAR}"].outcome == "unknown"
    assert {each["kind"] for each in found[f"own {NEAR}"].reasons} == {"out_of_scope"}


def test_whether_a_key_is_one_of_the_providers_own_may_be_unread() -> None:
    assert outcomes(held={KEY: [thing(KEY, NEAR, {}, unread=["Metadata"])]}) == ("unknown", "fail")


def test_what_there_is_not_in_a_region_is_no_gap_and_a_denied_region_is_not_idle() -> None:
    assert outcomes(gaps={QUEUE: DENIED | {"outcome": "unsupported"}}) == ("fail", "fail")
    assert outcomes(gaps={QUEUE: DENIED | {"outcome": "region_denied"}}) == ("pass", "fail")


def test_a_policy_of_the_account_shows_every_idle_region() -> None:
    found = said()[f"any {GLOBAL}"]
    assert [(each["path"], each["value"]) for each in found.evidence] == [
        ("related.idle[0].Arn", f"{SETTINGS}:{NEAR}:0"),
        ("related.idle[1].Arn", f"{SETTINGS}:{FAR}:0"),
    ]
