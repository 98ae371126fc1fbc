"""Which calls a row makes: what fills what is asked for, lists where they say it, nothing more."""

from __future__ import annotations

import pytest
from tests.collectors.listed import SAID_BY_LISTS_ALONE, TAGGED_BY_THE_LIST
from tests.grouped import each_row_of

from cloudsealed.collectors.asked import (
    UnknownCallError,
    asked,
    filled,
    joined,
    left_out,
    own_reads,
    shared,
    without,
)
from cloudsealed.collectors.model import Enrich, Row, Together
from cloudsealed.collectors.registry import RESOURCE_TYPES

ROW = Row(
    type="aws.test.thing",
    service="s3",
    operation="ListBuckets",
    native_id="{Name}",
    enrich=(
        Enrich("GetBucketAcl", {"Names": "names"}),
        Enrich("GetBucketPolicy", {"Each": "policy"}, each="Names"),
        Enrich("GetBucketTagging", {"Tags": "tags", "Extra": "extra"}),
        Enrich(
            "GetBucketLogging",
            {"Logging": "@"},
            absent=frozenset({"None"}),
            decided_by="GetBucketVersioning",
        ),
        Enrich("GetBucketVersioning", {"Versioning": "@"}),
    ),
    together=(Together("ec2", "DescribeTags", "Tags", "Id", "Name", {"Tags": "Tags"}),),
)


def calls(row):
    made = asked(row)
    return (
        [each.operation for each in made.calls],
        [each.operation for each in made.lists],
        [each.operation for each in made.instead],
    )


def test_what_a_call_fills_that_is_made_anyway_needs_no_list():
    assert calls(ROW) == ([each.operation for each in ROW.enrich], [], [])


def test_a_list_stands_for_the_calls_that_fill_no_more_of_what_is_asked_for():
    made, lists, instead = calls(without(ROW, {"Extra"}))
    assert "GetBucketTagging" not in made
    assert lists == ["DescribeTags"]
    assert instead == []  # it would say what is not asked for


def test_a_call_that_says_what_the_list_says_stands_in_for_it():
    row = RESOURCE_TYPES["aws.logs.log_group"]
    assert calls(row) == ([], ["GetResources"], ["ListTagsForResource"])


def test_what_a_call_reads_is_asked_for_with_it():
    row = without(ROW, filled(ROW) - {"Each"})
    assert calls(row) == (["GetBucketAcl", "GetBucketPolicy"], [], [])
    assert row.not_asked == filled(ROW) - {"Each", "Names"}


def test_what_decides_a_call_is_asked_for_with_it():
    row = without(ROW, filled(ROW) - {"Logging"})
    assert calls(row)[0] == ["GetBucketLogging", "GetBucketVersioning"]


def test_what_nothing_reads_is_not_asked_for():
    assert calls(without(ROW, filled(ROW))) == ([], [], [])


def test_a_snapshot_s_shares_are_asked_for_one_by_one_and_only_for_who_reads_them():
    row = RESOURCE_TYPES["aws.ec2.snapshot"]
    assert calls(row) == (["DescribeSnapshotAttribute"], [], [])
    assert calls(without(row, {"CreateVolumePermissions"})) == ([], ["DescribeSnapshots"], [])


def test_a_role_needs_no_call_of_its_own():
    made, lists, instead = calls(RESOURCE_TYPES["aws.iam.role"])
    assert (made, lists) == ([], ["GetAccountAuthorizationDetails"])
    assert instead == ["ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy", "GetRole"]


@each_row_of(RESOURCE_TYPES.values())
def test_whoever_decides_a_call_of_a_row_is_asked_with_it(row):
    made = asked(row)
    for call in made.calls:
        assert call.decided_by is None or row.decider(call) in made.calls


@each_row_of(RESOURCE_TYPES.values())
def test_what_a_list_says_a_call_says_as_well(row):
    """So that what an older audit recorded, or a denied list leaves open, is read from calls."""
    said = {name for call in row.enrich for name in call.fills} | SAID_BY_LISTS_ALONE
    for each in row.together:
        tags = {"Tags"} if row.type in TAGGED_BY_THE_LIST else set()
        assert each.fills.keys() <= said | tags
        assert each.joins.keys() <= each.fills.keys()
        assert each.lacking is None or each.lacking.keys() == each.fills.keys()


@each_row_of(RESOURCE_TYPES.values())
def test_names_tags_and_relations_are_asked_for_whatever_policies_read(row):
    kept = asked(without(row, filled(row) - own_reads(row))).attributes
    assert filled(row) & own_reads(row) <= kept


def test_a_setting_names_calls_and_a_list_by_its_own_name():
    assert left_out(["ec2:DescribeInstanceAttribute"]) == {"aws.ec2.instance": {"UserData"}}
    left = left_out(["iam:GetAccountAuthorizationDetails"])
    assert {"aws.iam.role", "aws.iam.user", "aws.iam.group", "aws.iam.policy"} == left.keys()


@pytest.mark.parametrize(
    "name", ["ec2:DescribeVpcs", "ec2:Nothing", "", "logs:ListTagsForResource"]
)
def test_what_is_no_call_that_could_be_left_out_is_refused(name):
    with pytest.raises(UnknownCallError, match="no call"):
        left_out([name])


def test_what_is_left_out_adds_up_and_what_several_leave_out_is_shared():
    one, other = {"a": {"x", "y"}, "b": {"z"}}, {"a": {"y"}}
    assert joined(one, other) == {"a": {"x", "y"}, "b": {"z"}}
    assert shared([one, other]) == {"a": {"y"}, "b": set()}
