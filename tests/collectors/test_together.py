"""Lists that stand in for calls: what they tell, what they leave open, and who answers then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import orjson
import pytest

from cloudsealed.collectors.asked import without
from cloudsealed.collectors.model import CIRCUIT_OPEN, NOT_ASKED, NOT_RECORDED, Answer, Place
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.collectors.walk import walk
from cloudsealed.vocabulary import CallOutcome

AT = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Place(account="123456789012", region="eu-west-1")
EVERYWHERE = Place(account="123456789012", region="global")
GROUPS = RESOURCE_TYPES["aws.logs.log_group"]
ROLES = RESOURCE_TYPES["aws.iam.role"]
DETAILS = "GetAccountAuthorizationDetails"


def ok(document):
    return Answer(CallOutcome.OK, document, AT)


def refused(outcome=CallOutcome.DENIED, code="AccessDenied"):
    return Answer(outcome, None, AT, error_code=code)


class Calls:
    """Answers by operation: one, one a page, or a function of the parameters."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def call(self, request):
        unit = request.unit
        self.asked.append(unit)
        found = self.answers.get(unit.operation) or refused(CallOutcome.FAILED, NOT_RECORDED)
        if isinstance(found, list):
            return found[unit.page]
        if isinstance(found, Callable):
            return found(orjson.loads(unit.parameters))
        return found

    def count(self, operation):
        return sum(unit.operation == operation for unit in self.asked)


def walked(row, calls, place=HERE):
    *snapshots, listing = walk(row, place, calls)
    return {each.name: each for each in snapshots}, listing


def groups(*names: str) -> Answer:
    return ok({"logGroups": [{"logGroupName": name} for name in names]})


def tagged(tags: Mapping[str, str], token: str | None = None) -> Answer:
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    found = [
        {"ResourceARN": arn + name, "Tags": [{"Key": "owner", "Value": value}]}
        for name, value in tags.items()
    ]
    return ok({"ResourceTagMappingList": found, "PaginationToken": token or ""})


def test_the_tags_of_all_log_groups_of_a_region_are_read_by_one_list():
    calls = Calls(
        DescribeLogGroups=groups("a", "b", "c"),
        GetResources=[tagged({"a": "x"}, "more"), tagged({"c": "y"})],
    )
    found, _ = walked(GROUPS, calls)
    assert {name: each.tags for name, each in found.items()} == {
        "a": {"owner": "x"},
        "b": {},
        "c": {"owner": "y"},
    }
    assert len(calls.asked) == 3
    assert [found[name].sources["Tags"][0].page for name in "abc"] == [0, 1, 1]
    assert not any(each.unread for each in found.values())


def test_without_resources_no_list_is_asked_for():
    calls = Calls(DescribeLogGroups=groups())
    walked(GROUPS, calls)
    assert [unit.operation for unit in calls.asked] == ["DescribeLogGroups"]


def by_arn(parameters):
    return ok({"tags": {"owner": parameters["resourceArn"].rpartition(":")[2]}})


@pytest.mark.parametrize(
    "list_answer",
    [
        refused(),
        refused(CallOutcome.FAILED, "InternalError"),
        refused(CallOutcome.FAILED, NOT_RECORDED),
        refused(CallOutcome.GONE, "ResourceNotFoundException"),
        ok({"ResourceTagMappingList": [7]}),
    ],
    ids=["denied", "failed", "not recorded", "gone", "senseless"],
)
def test_where_the_list_could_not_be_read_each_is_asked_for_its_own(list_answer):
    calls = Calls(
        DescribeLogGroups=groups("a", "b"), GetResources=list_answer, ListTagsForResource=by_arn
    )
    found, listing = walked(GROUPS, calls)
    assert {name: each.tags for name, each in found.items()} == {
        "a": {"owner": "a"},
        "b": {"owner": "b"},
    }
    assert not any(each.unread for each in found.values())
    assert listing.complete


def test_a_list_that_broke_off_says_what_it_had_said_and_no_more():
    calls = Calls(
        DescribeLogGroups=groups("a", "b"),
        GetResources=[tagged({"a": "x"}, "more"), refused()],
        ListTagsForResource=by_arn,
    )
    found, _ = walked(GROUPS, calls)
    assert {name: each.tags["owner"] for name, each in found.items()} == {"a": "x", "b": "b"}
    assert calls.count("ListTagsForResource") == 1


@pytest.mark.parametrize(
    "list_answer",
    [refused(CallOutcome.THROTTLED, "Throttling"), refused(CallOutcome.FAILED, CIRCUIT_OPEN)],
    ids=["throttled", "silent"],
)
def test_where_the_service_asks_for_patience_no_calls_stand_in(list_answer):
    calls = Calls(DescribeLogGroups=groups("a", "b"), GetResources=list_answer)
    found, _ = walked(GROUPS, calls)
    assert calls.count("ListTagsForResource") == 0
    for each in found.values():
        assert each.unread["Tags"].unit.operation == "GetResources"
        assert "Tags" not in each.document


def test_where_both_are_denied_one_has_tried_and_the_list_is_what_is_missing():
    calls = Calls(
        DescribeLogGroups=[
            ok({"logGroups": [{"logGroupName": n} for n in "abc"], "nextToken": "t"}),
            groups("d"),
        ],
        GetResources=refused(),
        ListTagsForResource=refused(),
    )
    found, _ = walked(GROUPS, calls)
    assert calls.count("ListTagsForResource") == 1
    assert {each.unread["Tags"].unit.operation for each in found.values()} == {"GetResources"}


def test_what_an_older_ledger_says_of_a_single_call_is_said_of_it_still():
    calls = Calls(DescribeLogGroups=groups("a"), ListTagsForResource=refused())
    found, _ = walked(GROUPS, calls)
    assert found["a"].unread["Tags"].unit.operation == "ListTagsForResource"


def test_a_call_in_place_of_a_list_that_does_not_apply_leaves_nothing_open():
    keys = ok({"Keys": [{"KeyId": "k", "KeyArn": "arn:k"}]})
    calls = Calls(
        ListKeys=keys,
        DescribeKey=ok({"KeyMetadata": {"KeyManager": "AWS"}}),
        GetKeyPolicy=ok({"Policy": "{}"}),
    )
    found, _ = walked(RESOURCE_TYPES["aws.kms.key"], calls)
    assert (found["k"].document["Tags"], found["k"].unread) == ([], {})


def details(**lists):
    empty = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    return ok({**empty, **lists})


def test_a_role_is_told_by_the_account_s_details():
    policies = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17"}}]
    attached = [{"PolicyName": "ro", "PolicyArn": "arn:ro"}]
    role = {
        "Arn": "arn:a",
        "RolePolicyList": policies,
        "AttachedManagedPolicies": attached,
        "RoleLastUsed": {"Region": "eu-west-1"},
        "Tags": [{"Key": "owner", "Value": "me"}],
    }
    calls = Calls(
        ListRoles=ok({"Roles": [{"RoleName": "a", "Arn": "arn:a"}]}),
        **{DETAILS: details(RoleDetailList=[role])},
    )
    found, _ = walked(ROLES, calls, EVERYWHERE)
    document = found["a"].document
    assert document["InlinePolicyNames"] == ["p"]
    assert document["InlinePolicies"] == policies
    assert document["AttachedPolicies"] == attached
    assert document["RoleLastUsed"] == {"Region": "eu-west-1"}
    assert found["a"].tags == {"owner": "me"}
    assert len(calls.asked) == 2


def test_a_role_that_the_details_lack_is_gone_and_has_no_verdict():
    calls = Calls(
        ListRoles=ok({"Roles": [{"RoleName": "a", "Arn": "arn:a"}]}), **{DETAILS: details()}
    )
    found, listing = walked(ROLES, calls, EVERYWHERE)
    assert (found, listing.gone, listing.complete) == ({}, ("arn:a",), True)


def test_the_groups_of_a_user_are_those_that_the_same_list_names_with_what_they_hold():
    attached = [{"PolicyName": "p", "PolicyArn": "arn:p"}]
    boundary = {"PermissionsBoundaryArn": "arn:b"}
    group = {
        "Path": "/",
        "GroupName": "admins",
        "GroupId": "AG",
        "Arn": "arn:g",
        "CreateDate": "2026",
    }
    user = {"Arn": "arn:u", "GroupList": ["admins"], "PermissionsBoundary": boundary}
    calls = Calls(
        ListUsers=ok({"Users": [{"UserName": "u", "Arn": "arn:u"}]}),
        ListMFADevices=ok({"MFADevices": []}),
        ListAccessKeys=ok({"AccessKeyMetadata": []}),
        GetLoginProfile=refused(CallOutcome.ABSENT, "NoSuchEntity"),
        **{
            DETAILS: [
                ok({"UserDetailList": [user], "IsTruncated": True, "Marker": "m"}),
                details(
                    GroupDetailList=[
                        {**group, "GroupPolicyList": [], "AttachedManagedPolicies": attached}
                    ]
                ),
            ]
        },
    )
    found, _ = walked(RESOURCE_TYPES["aws.iam.user"], calls, EVERYWHERE)
    assert found["u"].document["Groups"] == [group]
    assert found["u"].document["GroupPolicies"] == [attached]
    assert found["u"].document["PermissionsBoundary"] == boundary
    assert found["u"].relations["groups"] == ("arn:g",)
    assert found["u"].unread == {}


def test_what_was_not_asked_for_is_absent_and_says_so():
    row = without(RESOURCE_TYPES["aws.ec2.snapshot"], {"CreateVolumePermissions"})
    snapshots = {
        "all": [{"SnapshotId": "snap-1"}],
        None: [{"SnapshotId": "snap-1"}, {"SnapshotId": "snap-2"}],
    }

    def described(parameters):
        return ok({"Snapshots": snapshots["all" if "RestorableByUserIds" in parameters else None]})

    found = {
        each.document["SnapshotId"]: each
        for each in list(walk(row, HERE, Calls(DescribeSnapshots=described)))[:-1]
    }
    assert {name: each.document["Public"] for name, each in found.items()} == {
        "snap-1": True,
        "snap-2": False,
    }
    for each in found.values():
        assert "CreateVolumePermissions" not in each.document
        assert each.unread["CreateVolumePermissions"].error_code == NOT_ASKED


def test_who_reads_the_shares_of_a_snapshot_has_the_call_and_what_is_public_from_it():
    shares = {"snap-1": [{"Group": "all"}], "snap-2": [{"UserId": "111122223333"}], "snap-3": []}
    listed = ok({"Snapshots": [{"SnapshotId": name} for name in shares]})
    calls = Calls(
        DescribeSnapshots=listed,
        DescribeSnapshotAttribute=lambda said: ok(
            {"CreateVolumePermissions": shares[said["SnapshotId"]]}
        ),
    )
    *found, _ = walk(RESOURCE_TYPES["aws.ec2.snapshot"], HERE, calls)
    assert {each.document["SnapshotId"]: each.document["Public"] for each in found} == {
        "snap-1": True,
        "snap-2": False,
        "snap-3": False,
    }
    assert calls.count("DescribeSnapshots") == 1


def test_a_list_that_is_asked_for_again_is_so_with_those_that_stand_in():
    calls = Calls(DescribeLogGroups=lambda _: groups("a"), GetResources=lambda _: tagged({}))
    list(walk(GROUPS, HERE, calls, again=True))
    assert {unit.page for unit in calls.asked} == {1_000_000}


def in_pages(items, size, name, token):
    """The answers of a list in pages; `token` is what a page that is not the last says."""
    pages = [items[start : start + size] for start in range(0, len(items), size)]
    return [ok({name: page, **(token(page) if page is not pages[-1] else {})}) for page in pages]


NAMES = [f"n{number:04}" for number in range(1_000)]


def test_a_thousand_log_groups_are_read_with_their_tags_by_thirty_calls():
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:"
    tags = [{"ResourceARN": arn + name, "Tags": []} for name in NAMES]
    calls = Calls(
        DescribeLogGroups=in_pages(
            [{"logGroupName": name} for name in NAMES],
            50,
            "logGroups",
            lambda page: {"nextToken": page[-1]["logGroupName"]},
        ),
        GetResources=in_pages(
            tags,
            100,
            "ResourceTagMappingList",
            lambda page: {"PaginationToken": page[-1]["ResourceARN"]},
        ),
    )
    found, _ = walked(GROUPS, calls)
    assert (len(found), len(calls.asked)) == (1_000, 30)


def test_a_thousand_roles_are_read_with_their_policies_by_six_calls():
    roles = [{"RoleName": name, "Arn": f"arn:{name}"} for name in NAMES]
    calls = Calls(
        ListRoles=ok({"Roles": roles}),
        **{
            DETAILS: in_pages(
                roles,
                200,
                "RoleDetailList",
                lambda page: {"IsTruncated": True, "Marker": page[-1]["Arn"]},
            )
        },
    )
    found, _ = walked(ROLES, calls, EVERYWHERE)
    assert (len(found), len(calls.asked)) == (1_000, 6)


def test_a_thousand_snapshots_are_read_with_who_may_restore_them_by_two_calls():
    row = without(RESOURCE_TYPES["aws.ec2.snapshot"], {"CreateVolumePermissions"})
    calls = Calls(DescribeSnapshots=ok({"Snapshots": [{"SnapshotId": name} for name in NAMES]}))
    *found, _ = walk(row, HERE, calls)
    assert (len(found), len(calls.asked)) == (1_000, 2)


def test_of_what_another_account_has_the_list_of_this_one_says_nothing():
    arn = "arn:aws:cloudtrail:eu-west-1:999988887777:trail/organization"
    calls = Calls(
        DescribeTrails=ok({"trailList": [{"Name": "organization", "TrailARN": arn}]}),
        GetResources=ok({"ResourceTagMappingList": []}),
        GetTrailStatus=ok({"IsLogging": True}),
        GetEventSelectors=ok({"EventSelectors": []}),
        ListTags=refused(),
    )
    found, _ = walked(RESOURCE_TYPES["aws.cloudtrail.trail"], calls)
    assert found["organization"].unread["Tags"].unit.operation == "ListTags"


FILES = RESOURCE_TYPES["aws.efs.file_system"]
FILE_ARN = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/"
SAVED = "2025-12-31T00:00:00Z"


def files(protected: Answer) -> Calls:
    return Calls(
        DescribeFileSystems=ok(
            {"FileSystems": [{"FileSystemId": "fs-1"}, {"FileSystemId": "fs-2"}]}
        ),
        DescribeBackupPolicy=refused(CallOutcome.ABSENT, "PolicyNotFound"),
        DescribeFileSystemPolicy=refused(CallOutcome.ABSENT, "PolicyNotFound"),
        DescribeLifecycleConfiguration=ok({"LifecyclePolicies": []}),
        ListProtectedResources=protected,
    )


def test_one_list_says_when_each_file_system_was_last_saved():
    saved = {"ResourceArn": f"{FILE_ARN}fs-2", "LastBackupTime": SAVED}
    calls = files(ok({"Results": [saved]}))
    found, _ = walked(FILES, calls)
    assert [each.document.get("LastBackupTime") for each in found.values()] == [None, SAVED]
    assert not any(each.unread for each in found.values())
    assert calls.count("ListProtectedResources") == 1


@pytest.mark.parametrize("outcome", [CallOutcome.DENIED, CallOutcome.THROTTLED, CallOutcome.FAILED])
def test_what_only_a_list_says_is_unread_where_it_could_not_be_read(outcome):
    found, _ = walked(FILES, files(refused(outcome)))
    gaps = [each.unread["LastBackupTime"] for each in found.values()]
    assert [(gap.outcome, gap.unit.service) for gap in gaps] == [(outcome, "backup")] * 2


def test_a_region_without_the_service_says_that_there_are_none():
    found, _ = walked(FILES, files(refused(CallOutcome.UNSUPPORTED, "UnknownOperation")))
    assert [each.unread for each in found.values()] == [{}, {}]


def test_what_only_a_list_says_and_nobody_reads_is_not_asked_for():
    calls = files(ok({"Results": []}))
    found, _ = walked(without(FILES, {"LastBackupTime"}), calls)
    assert {each.unread["LastBackupTime"].error_code for each in found.values()} == {NOT_ASKED}
    assert calls.count("ListProtectedResources") == 0


class EndedError(Exception):
    """What ends a collection: a cancellation, a lost lease, a session that is over."""


def test_what_ends_a_collection_ends_it_while_a_list_is_read():
    def over(_parameters):
        raise EndedError

    calls = Calls(DescribeLogGroups=groups("a"), GetResources=over)
    with pytest.raises(EndedError):
        list(walk(GROUPS, HERE, calls))
