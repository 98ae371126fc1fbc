"""The traversal over stored answers: what it asks, what it derives, and what it will not claim."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import orjson
import pytest

from cloudsealed.collectors.asking import turned
from cloudsealed.collectors.model import (
    AGAIN,
    MOST_PAGES,
    Answer,
    CallRequest,
    Enrich,
    Listing,
    Place,
    Relation,
    Row,
    unit_of,
)
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.collectors.walk import walk
from cloudsealed.vocabulary import CallOutcome

AT = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Place(account="123456789012", region="eu-west-1")
EVERYWHERE = Place(account="123456789012", region="global")


def ok(document):
    return Answer(CallOutcome.OK, document, AT)


def refused(outcome=CallOutcome.DENIED, code="AccessDenied"):
    return Answer(outcome, None, AT, error_code=code)


ABSENT = Answer(CallOutcome.ABSENT, None, AT, error_code="NoSuchEntity")


class Ledger:
    """Stored answers by operation, page and, where it matters, one of the parameters' values."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def call(self, request):
        unit = request.unit
        self.asked.append(unit)
        found = self.answers.get(unit.operation, ABSENT)
        if isinstance(found, list):
            found = found[unit.page]
        if isinstance(found, dict):
            values = list(orjson.loads(unit.parameters).values())
            found = next(found[value] for value in reversed(values) if value in found)
        return found


def walked(type_or_row, ledger, place=HERE, **more):
    row = RESOURCE_TYPES[type_or_row] if isinstance(type_or_row, str) else type_or_row
    *snapshots, listing = walk(row, place, ledger, **more)
    assert isinstance(listing, Listing)
    return snapshots, listing


VPC = {"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "main"}]}


def test_a_listed_resource_becomes_a_snapshot():
    (vpc,), listing = walked("aws.ec2.vpc", Ledger(DescribeVpcs=ok({"Vpcs": [VPC]})))
    assert vpc.native_id == "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"
    assert (vpc.name, vpc.tags) == ("main", {"Name": "main"})
    assert vpc.document == {"Arn": vpc.native_id, **VPC}
    assert (listing.outcome, listing.complete, listing.resources) == (CallOutcome.OK, True, 1)
    assert listing.called_at == AT
    assert vpc.sources["*"] == listing.units


def test_partition_and_account_are_part_of_the_native_id():
    place = Place(account="1", region="cn-north-1", partition="aws-cn")
    (vpc,), _ = walked("aws.ec2.vpc", Ledger(DescribeVpcs=ok({"Vpcs": [VPC]})), place)
    assert vpc.native_id == "arn:aws-cn:ec2:cn-north-1:1:vpc/vpc-1"


def test_pages_are_followed_and_named_by_their_number():
    pages = [ok({"Vpcs": [VPC], "NextToken": "t"}), ok({"Vpcs": [{"VpcId": "vpc-2"}]})]
    snapshots, listing = walked("aws.ec2.vpc", Ledger(DescribeVpcs=pages))
    assert [each.document["VpcId"] for each in snapshots] == ["vpc-1", "vpc-2"]
    assert [unit.page for unit in listing.units] == [0, 1]
    assert len({unit.parameters for unit in listing.units}) == 1
    assert "t" not in orjson.loads(listing.units[1].parameters).values()


def test_a_page_is_asked_for_only_when_the_one_before_was_taken():
    pages = [ok({"Vpcs": [VPC], "NextToken": "t"}), ok({"Vpcs": []})]
    ledger = Ledger(DescribeVpcs=pages)
    next(walk(RESOURCE_TYPES["aws.ec2.vpc"], HERE, ledger))
    assert len(ledger.asked) == 1


@pytest.mark.parametrize("outcome", [CallOutcome.DENIED, CallOutcome.THROTTLED, CallOutcome.FAILED])
def test_a_list_that_broke_off_is_incomplete_and_keeps_what_it_brought(outcome):
    pages = [ok({"Vpcs": [VPC], "NextToken": "t"}), refused(outcome, "Code")]
    snapshots, listing = walked("aws.ec2.vpc", Ledger(DescribeVpcs=pages))
    assert len(snapshots) == 1
    assert (listing.complete, listing.outcome) == (False, outcome)
    assert (listing.gap.unit.page, listing.gap.error_code) == (1, "Code")


def test_a_list_whose_next_page_is_itself_ends_and_is_incomplete():
    page = ok({"Vpcs": [VPC], "NextToken": "same"})
    snapshots, listing = walked("aws.ec2.vpc", Ledger(DescribeVpcs=[page] * 3))
    assert len(snapshots) == 2
    assert (listing.complete, listing.gap.error_code) == (False, "RepeatedPage")


@pytest.mark.parametrize("first", [0, AGAIN])
def test_a_list_that_always_has_another_page_is_ended_and_incomplete(first):
    page = ok({"Vpcs": [], "NextToken": "another"})
    for number, error in ((MOST_PAGES - 2, None), (MOST_PAGES - 1, "EndlessList")):
        unit = unit_of(HERE, "ec2", "DescribeVpcs", {}, first + number)
        after, gap = turned(CallRequest(unit, items="Vpcs"), page)
        assert (after is None, gap and gap.error_code) == (error is not None, error)


def test_a_complete_list_without_resources_is_empty():
    _, listing = walked("aws.ec2.vpc", Ledger(DescribeVpcs=ok({"Vpcs": []})))
    assert (listing.complete, listing.outcome) == (True, CallOutcome.EMPTY)


BUCKETS = ok({"Buckets": [{"Name": "logs"}]})


def test_attributes_are_filled_from_calls_and_policies_are_objects():
    ledger = Ledger(
        ListBuckets=BUCKETS,
        GetBucketPolicy=ok({"Policy": '{"Statement": []}'}),
        GetBucketLogging=ok({}),
        GetBucketLocation=ok({"LocationConstraint": None}),
        GetBucketTagging=ok({"TagSet": [{"Key": "env", "Value": "prod"}]}),
    )
    (bucket,), _ = walked("aws.s3.bucket", ledger, EVERYWHERE)
    assert bucket.region == "global"
    assert bucket.document["Policy"] == {"Statement": []}
    assert bucket.document["Logging"] == {}
    assert bucket.document["Region"] == "us-east-1"
    assert bucket.tags == {"env": "prod"}
    assert bucket.unread == {}


def test_what_aws_says_does_not_exist_is_absent_and_not_unread():
    (bucket,), _ = walked("aws.s3.bucket", Ledger(ListBuckets=BUCKETS), EVERYWHERE)
    assert "Policy" not in bucket.document
    assert bucket.unread == {}
    assert bucket.document["Tags"] == []


def test_an_attribute_that_was_refused_is_absent_and_named_with_its_call():
    ledger = Ledger(ListBuckets=BUCKETS, GetBucketPolicy=refused())
    (bucket,), listing = walked("aws.s3.bucket", ledger, EVERYWHERE)
    assert "Policy" not in bucket.document
    gap = bucket.unread["Policy"]
    assert (gap.unit.operation, gap.outcome, gap.error_code) == (
        "GetBucketPolicy",
        CallOutcome.DENIED,
        "AccessDenied",
    )
    assert set(bucket.unread) == {"Policy"}
    assert listing.complete


def test_tags_that_were_refused_are_unread_and_not_none():
    ledger = Ledger(ListBuckets=BUCKETS, GetBucketTagging=refused())
    (bucket,), _ = walked("aws.s3.bucket", ledger, EVERYWHERE)
    assert "Tags" not in bucket.document
    assert "Tags" in bucket.unread


def test_tags_inside_a_refused_attribute_are_unread_too():
    ledger = Ledger(ListClusters=ok({"clusters": ["c"]}), DescribeCluster=refused())
    (cluster,), _ = walked("aws.eks.cluster", ledger)
    assert set(cluster.unread) == {"Cluster", "Tags"}
    assert "Tags" not in cluster.document


def test_inline_policies_are_read_one_by_one_after_their_names():
    ledger = Ledger(
        ListUsers=ok({"Users": [{"UserName": "ann", "Arn": "arn:ann"}], "IsTruncated": False}),
        ListUserPolicies=[
            ok({"PolicyNames": ["p1"], "IsTruncated": True, "Marker": "m"}),
            ok({"PolicyNames": ["p2"], "IsTruncated": False}),
        ],
        GetUserPolicy={
            "p1": ok({"UserName": "ann", "PolicyName": "p1", "PolicyDocument": {"a": 1}}),
            "p2": ok({"UserName": "ann", "PolicyName": "p2", "PolicyDocument": "%7B%7D"}),
        },
    )
    (user,), _ = walked("aws.iam.user", ledger, EVERYWHERE)
    assert user.document["InlinePolicyNames"] == ["p1", "p2"]
    assert user.document["InlinePolicies"] == [
        {"PolicyName": "p1", "PolicyDocument": {"a": 1}},
        {"PolicyName": "p2", "PolicyDocument": {}},
    ]
    assert len(user.sources["InlinePolicies"]) == 2


def test_no_inline_policy_is_an_empty_list_and_one_refused_makes_all_unread():
    users = ok({"Users": [{"UserName": "ann", "Arn": "arn:ann"}]})
    none = Ledger(ListUsers=users, ListUserPolicies=ok({"PolicyNames": []}))
    (user,), _ = walked("aws.iam.user", none, EVERYWHERE)
    assert user.document["InlinePolicies"] == []
    some = Ledger(
        ListUsers=users,
        ListUserPolicies=ok({"PolicyNames": ["p1", "p2"]}),
        GetUserPolicy={"p1": ok({"PolicyName": "p1", "PolicyDocument": {}}), "p2": refused()},
    )
    (user,), _ = walked("aws.iam.user", some, EVERYWHERE)
    assert "InlinePolicies" not in user.document
    assert "p2" in user.unread["InlinePolicies"].unit.parameters


def test_a_call_that_needs_an_unread_attribute_is_not_made_and_unread_as_well():
    ledger = Ledger(
        ListUsers=ok({"Users": [{"UserName": "ann", "Arn": "arn:ann"}]}), ListUserPolicies=refused()
    )
    (user,), _ = walked("aws.iam.user", ledger, EVERYWHERE)
    assert user.unread["InlinePolicies"].unit.operation == "ListUserPolicies"
    assert "GetUserPolicy" not in {unit.operation for unit in ledger.asked}


@pytest.mark.parametrize(
    ("manager", "spec", "asked"),
    [
        ("CUSTOMER", "SYMMETRIC_DEFAULT", True),
        ("AWS", "SYMMETRIC_DEFAULT", False),
        ("CUSTOMER", "RSA_4096", False),
    ],
)
def test_rotation_is_asked_only_of_keys_that_can_rotate(manager, spec, asked):
    ledger = Ledger(
        ListKeys=ok({"Keys": [{"KeyId": "k", "KeyArn": "arn:k"}]}),
        DescribeKey=ok({"KeyMetadata": {"KeyManager": manager, "KeySpec": spec}}),
        GetKeyRotationStatus=ok({"KeyRotationEnabled": False}),
    )
    (key,), _ = walked("aws.kms.key", ledger)
    assert ("RotationEnabled" in key.document) is asked
    assert key.unread == {}


def test_a_singleton_exists_even_when_every_call_about_it_is_refused():
    refusals = Ledger(GetAccountSummary=refused(), GenerateCredentialReport=refused())
    (account,), listing = walked("aws.iam.account", refusals, EVERYWHERE)
    assert account.native_id == "arn:aws:iam::123456789012:account"
    assert account.document["AccountId"] == "123456789012"
    assert {"Summary", "CredentialReport"} <= set(account.unread)
    assert (listing.complete, listing.units, listing.called_at) == (True, (), None)


def test_the_account_itself_is_there_whoever_may_list_those_of_its_organisation():
    names = [{"Id": "123456789012", "Name": "Payments"}]
    told = ok({"Accounts": [{**names[0], "Email": "a@example.com"}]})
    for answer, document, unread in (
        (told, names, set()),
        (ABSENT, None, set()),
        (refused(), None, {"OrganizationAccounts"}),
    ):
        ledger = Ledger(ListAccounts=answer, DescribeOrganization=ABSENT)
        (account,), listing = walked("aws.account", ledger, EVERYWHERE)
        asked = ["ListAccounts", "DescribeOrganization"]
        assert [unit.operation for unit in ledger.asked] == asked
        assert (account.native_id, listing.complete) == ("arn:aws:iam::123456789012:root", True)
        assert account.document.get("OrganizationAccounts") == document
        assert set(account.unread) == unread


CLUSTERS = ok({"clusterArns": ["arn:c1", "arn:c2"]})


def test_services_are_listed_for_each_cluster():
    ledger = Ledger(
        ListClusters=CLUSTERS,
        ListServices={"arn:c1": ok({"serviceArns": ["arn:s1"]}), "arn:c2": ok({})},
        DescribeServices=ok({"services": [{"serviceName": "web", "taskDefinition": "arn:t"}]}),
    )
    (service,), listing = walked("aws.ecs.service", ledger)
    assert service.document["clusterArn"] == "arn:c1"
    assert service.name == "web"
    assert service.relations["cluster"] == ("arn:c1",)
    assert service.relations["task_definition"] == ("arn:t",)
    assert service.relations["security_groups"] == ()
    assert len(listing.units) == 3


def test_one_cluster_that_was_refused_makes_the_listing_of_services_incomplete():
    pages = [ok({"clusterArns": ["arn:c1"], "nextToken": "n"}), ok({"clusterArns": ["arn:c2"]})]
    ledger = Ledger(
        ListClusters=pages,
        ListServices={"arn:c1": refused(), "arn:c2": ok({"serviceArns": ["arn:s2"]})},
    )
    snapshots, listing = walked("aws.ecs.service", ledger)
    assert [each.document["serviceArn"] for each in snapshots] == ["arn:s2"]
    assert (listing.complete, listing.gap.unit.operation) == (False, "ListServices")


def test_clusters_that_were_refused_make_the_listing_of_services_incomplete():
    _, listing = walked("aws.ecs.service", Ledger(ListClusters=refused()))
    assert (listing.complete, listing.gap.unit.operation) == (False, "ListClusters")


def test_terminated_instances_are_no_resources():
    reservation = {"Instances": [{"InstanceId": f"i-{n}", "State": {"Name": n}} for n in STATES]}
    ledger = Ledger(DescribeInstances=ok({"Reservations": [reservation]}))
    snapshots, _ = walked("aws.ec2.instance", ledger)
    assert [each.document["InstanceId"] for each in snapshots] == ["i-running", "i-stopped"]


STATES = ["running", "terminated", "stopped"]


@pytest.mark.parametrize(
    "found",
    [
        [{"Key": "a", "Value": "1"}],
        [{"key": "a", "value": "1"}],
        [{"TagKey": "a", "TagValue": "1"}],
        {"a": "1"},
        [{"Key": "a", "Value": "1", "PropagateAtLaunch": True}],
    ],
)
def test_tags_come_in_one_form(found):
    row = Row("aws.t", "ec2", "DescribeVpcs", "id", items="Vpcs", tags="Found")
    (each,), _ = walked(row, Ledger(DescribeVpcs=ok({"Vpcs": [{"Found": found}]})))
    assert each.document["Tags"] == [{"Key": "a", "Value": "1"}]


def test_relations_name_each_id_once():
    row = Row(
        "aws.t",
        "ec2",
        "DescribeVpcs",
        "id",
        items="Vpcs",
        relations=(Relation("g", "G[].Id", "aws.ec2.security_group", "GroupId"),),
    )
    vpc = {"G": [{"Id": "sg-1"}, {"Id": "sg-1"}, {"Id": "sg-2"}]}
    (each,), _ = walked(row, Ledger(DescribeVpcs=ok({"Vpcs": [vpc]})))
    assert each.relations == {"g": ("sg-1", "sg-2")}


def test_calls_that_wait_for_each_other_are_an_error_of_the_row():
    one = Enrich("GetA", fills={"A": "@"}, params={"X": "B"})
    two = Enrich("GetB", fills={"B": "@"}, params={"X": "A"})
    row = Row("aws.t", "ec2", None, "id", enrich=(one, two))
    with pytest.raises(ValueError, match=r"aws\.t"):
        _ = row.stages


def test_enriching_calls_in_parallel_give_the_same():
    names = [f"b{number}" for number in range(30)]
    ledger = Ledger(
        ListBuckets=ok({"Buckets": [{"Name": name} for name in names]}),
        GetBucketPolicy={name: ok({"Policy": f'"{name}"'}) for name in names},
    )
    alone, _ = walked("aws.s3.bucket", ledger, EVERYWHERE)
    with ThreadPoolExecutor(8) as pool:
        together, _ = walked(
            "aws.s3.bucket",
            ledger,
            EVERYWHERE,
            map_calls=lambda requests: pool.map(ledger.call, requests),
        )
    assert together == alone
    assert [each.document["Policy"] for each in together] == names


def test_deriving_leaves_the_stored_answers_as_they_were():
    answers = {
        "ListTopics": ok({"Topics": [{"TopicArn": "arn:t"}]}),
        "GetTopicAttributes": ok({"Attributes": {"Policy": "{}"}}),
    }
    before = repr(answers)
    (topic,), _ = walked("aws.sns.topic", Ledger(**answers))
    assert topic.document["Attributes"]["Policy"] == {}
    assert repr(answers) == before


GONE = Answer(CallOutcome.GONE, None, AT, error_code="NoSuchBucket")
TWO_BUCKETS = ok({"Buckets": [{"Name": "short-lived"}, {"Name": "stays"}]})


def test_a_resource_that_a_later_call_no_longer_found_drops_out():
    ledger = Ledger(ListBuckets=TWO_BUCKETS, GetBucketPolicy={"short-lived": GONE, "stays": ABSENT})
    snapshots, listing = walked("aws.s3.bucket", ledger, EVERYWHERE)
    assert [each.native_id for each in snapshots] == ["arn:aws:s3:::stays"]
    assert (listing.complete, listing.resources) == (True, 1)
    assert listing.gone == ("arn:aws:s3:::short-lived",)


def test_what_is_gone_is_asked_for_no_further():
    ledger = Ledger(
        ListKeys=ok({"Keys": [{"KeyId": "k", "KeyArn": "arn:k"}]}),
        DescribeKey=Answer(CallOutcome.GONE, None, AT, error_code="NotFoundException"),
    )
    snapshots, listing = walked("aws.kms.key", ledger)
    assert (snapshots, listing.gone) == ([], ("arn:k",))
    assert "GetKeyRotationStatus" not in {unit.operation for unit in ledger.asked}


def test_an_answer_without_what_it_was_asked_for_says_that_it_is_gone():
    ledger = Ledger(
        ListClusters=ok({"clusterArns": ["arn:c1", "arn:c2"]}),
        DescribeClusters=ok({"clusters": [], "failures": [{"reason": "MISSING"}]}),
    )
    snapshots, listing = walked("aws.ecs.cluster", ledger)
    assert (snapshots, listing.gone) == ([], ("arn:c1", "arn:c2"))


def test_a_parent_that_is_gone_has_no_children_and_spoils_nothing():
    gone = Answer(CallOutcome.GONE, None, AT, error_code="ClusterNotFoundException")
    ledger = Ledger(
        ListClusters=ok({"clusterArns": ["arn:c1", "arn:c2"]}),
        ListServices={"arn:c1": gone, "arn:c2": ok({"serviceArns": ["arn:s2"]})},
        DescribeServices=ok({"services": [{"serviceName": "s2", "status": "ACTIVE"}]}),
    )
    snapshots, listing = walked("aws.ecs.service", ledger)
    assert [each.document["serviceArn"] for each in snapshots] == ["arn:s2"]
    assert listing.complete


FUNCTION = ok({"Functions": [{"FunctionName": "f", "FunctionArn": "arn:f"}]})
NO_SUCH = Answer(CallOutcome.ABSENT, None, AT, error_code="ResourceNotFoundException")


def test_a_code_that_says_either_is_decided_by_a_later_call():
    there = Ledger(
        ListFunctions=FUNCTION,
        GetPolicy=NO_SUCH,
        GetFunctionUrlConfig=NO_SUCH,
        ListTags=ok({"Tags": {}}),
    )
    (function,), listing = walked("aws.lambda.function", there)
    assert not {"Policy", "UrlConfig"} & (set(function.document) | set(function.unread))
    assert listing.gone == ()
    asked = [unit.operation for unit in there.asked]
    assert asked.index("ListTags") > asked.index("GetPolicy")

    gone = Ledger(
        ListFunctions=FUNCTION,
        GetPolicy=NO_SUCH,
        GetFunctionUrlConfig=NO_SUCH,
        ListTags=Answer(CallOutcome.GONE, None, AT, error_code="ResourceNotFoundException"),
    )
    assert walked("aws.lambda.function", gone)[1].gone == ("arn:f",)


def test_where_the_deciding_call_was_refused_absence_is_unread():
    ledger = Ledger(
        ListFunctions=FUNCTION,
        GetPolicy=NO_SUCH,
        GetFunctionUrlConfig=ok({"AuthType": "NONE"}),
        ListTags=refused(),
    )
    (function,), _ = walked("aws.lambda.function", ledger)
    assert function.unread["Policy"].unit.operation == "ListTags"
    assert "UrlConfig" in function.document


def test_a_text_where_a_list_of_names_belongs_is_one_bad_record_and_no_call_a_character():
    role = {"RoleName": "r", "Arn": "arn:aws:iam::123456789012:role/r"}
    ledger = Ledger(
        ListRoles=ok({"Roles": [role]}), ListRolePolicies=ok({"PolicyNames": "x" * 1_000})
    )
    (found,), _ = walked("aws.iam.role", ledger, EVERYWHERE)
    assert [unit for unit in ledger.asked if unit.operation == "GetRolePolicy"] == []
    assert found.error == "TypeError"


ORGANISATION = "arn:aws:cloudtrail:us-east-2:444455556666:trail/all"


@pytest.mark.parametrize(("custom", "asked"), [(True, 2), (False, 1)])
def test_a_trail_of_another_region_and_account_is_asked_about_at_its_home(custom, asked):
    trail = {
        "TrailARN": ORGANISATION,
        "HomeRegion": "us-east-2",
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": True,
        "HasCustomEventSelectors": custom,
    }
    ledger = Ledger(
        DescribeTrails=ok({"trailList": [trail, {"TrailARN": "x", "IsMultiRegionTrail": False}]}),
        GetTrailStatus=ok({"IsLogging": True}),
        GetEventSelectors=refused(CallOutcome.FAILED, "TrailNotFoundException"),
    )
    (found,), listing = walked("aws.cloudtrail.multi_region_trail", ledger, EVERYWHERE)
    assert (found.region, found.owner, listing.complete) == ("global", "444455556666", True)
    assert [unit.region for unit in ledger.asked] == ["global", *["us-east-2"] * asked]
    assert found.document["Status"] == {"IsLogging": True}
    assert ("EventSelectors" in found.unread) is custom


@pytest.mark.parametrize("home", [["us-east-2"], {"us-east-2": 1}, 7])
def test_a_home_that_is_no_name_of_a_region_is_one_bad_record(home):
    trail = {"TrailARN": ORGANISATION, "HomeRegion": home, "IsMultiRegionTrail": True}
    ledger = Ledger(DescribeTrails=ok({"trailList": [trail]}))
    (found,), _ = walked("aws.cloudtrail.multi_region_trail", ledger, EVERYWHERE)
    assert found.error == "TypeError"
    assert [unit.region for unit in ledger.asked] == ["global"]


def test_an_alias_is_named_with_its_function_and_has_a_policy_of_its_own():
    function = {
        "FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
    }
    alias = {"Name": "live", "AliasArn": f"{function['FunctionArn']}:live"}
    ledger = Ledger(
        ListFunctions=ok({"Functions": [function]}),
        ListAliases=ok({"Aliases": [alias]}),
        GetPolicy=ok({"Policy": '{"Statement": []}'}),
    )
    (found,), listing = walked("aws.lambda.alias", ledger)
    assert (found.native_id, found.document["FunctionName"]) == (alias["AliasArn"], "f")
    assert found.document["Policy"] == {"Statement": []}
    (asked,) = [unit for unit in ledger.asked if unit.operation == "GetPolicy"]
    assert orjson.loads(asked.parameters) == {"FunctionName": "f", "Qualifier": "live"}
    assert listing.complete


@pytest.mark.parametrize("count", [0, 5, 12])
def test_the_newest_versions_of_a_function_are_asked_for_their_policies(count):
    numbers = list(map(str, range(1, count + 1)))
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:*"}]}
    said = dict.fromkeys(numbers, NO_SUCH)
    said |= dict.fromkeys(numbers[-1:], ok({"Policy": orjson.dumps(policy).decode()}))
    ledger = Ledger(
        ListFunctions=FUNCTION,
        ListVersionsByFunction=ok(
            {"Versions": [{"Version": each} for each in ("$LATEST", *reversed(numbers))]}
        ),
        GetPolicy={**said, "f": NO_SUCH},
    )
    (function,), _ = walked("aws.lambda.function", ledger)
    asked = [orjson.loads(u.parameters) for u in ledger.asked if u.operation == "GetPolicy"]
    assert [each["Qualifier"] for each in asked if "Qualifier" in each] == numbers[-5:]
    assert function.document["VersionPolicies"] == [policy] * bool(count)
    assert not function.document.get("OlderVersionPolicies")
    older = function.unread.get("OlderVersionPolicies")
    assert (older and older.error_code) == ("too_many" if count > 5 else None)


def test_where_versions_were_not_listed_their_policies_are_unread():
    ledger = Ledger(ListFunctions=FUNCTION, ListVersionsByFunction=refused())
    (function,), _ = walked("aws.lambda.function", ledger)
    for name in ("VersionPolicies", "OlderVersionPolicies"):
        assert function.unread[name].unit.operation == "ListVersionsByFunction"


@pytest.mark.parametrize(("kind", "asked"), [("manual", 1), ("automated", 0), ("awsbackup", 1)])
def test_with_whom_a_cluster_snapshot_is_shared_is_asked_where_it_can_be(kind, asked):
    snapshot = {
        "DBClusterSnapshotIdentifier": "s",
        "DBClusterSnapshotArn": "a",
        "SnapshotType": kind,
    }
    shared = [{"AttributeName": "restore", "AttributeValues": ["all"]}]
    result = {"DBClusterSnapshotAttributesResult": {"DBClusterSnapshotAttributes": shared}}
    ledger = Ledger(
        DescribeDBClusterSnapshots=ok({"DBClusterSnapshots": [snapshot]}),
        DescribeDBClusterSnapshotAttributes=ok(result),
    )
    (found,), _ = walked("aws.rds.cluster_snapshot", ledger)
    assert found.document.get("SnapshotAttributes", []) == shared * asked
    assert len(ledger.asked) == 1 + asked
