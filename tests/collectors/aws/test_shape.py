"""What answered is AWS only if it has the shape of the operation's answer."""

from __future__ import annotations

import json

import pytest
from botocore.model import ShapeResolver

from cloudsealed.collectors.aws.pagination import operation_model
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.aws.shape import (
    S3_ROOTS,
    MalformedResponseError,
    check_shape,
    needed_members,
    required_members,
    root_of,
)
from cloudsealed.collectors.model import Place
from cloudsealed.collectors.walk import walk
from cloudsealed.vocabulary import CallOutcome

ROWS = [row for row in AWS if row.operation and row.parent is None]
PAGES = {
    "XML": '<?xml version="1.0"?><maintenance><message>back at noon</message></maintenance>',
    "JSON": '{"message": "back at noon"}',
    "an empty object": "{}",
    "a list": "[]",
    "a text": '"back at noon"',
    "HTML": "<html><body>back at noon</body></html>",
    "nothing": "",
    "cut JSON": '{"Users": [',
    "cut XML": "<ListUsersResponse><ListUsersResult>",
    "a policy": '{"Version": "2012-10-17", "message": "back at noon"}',
}
CALLS = sorted(
    {(row.service, row.operation, (row.items,)) for row in AWS if row.operation}
    | {
        (row.service, call.operation, tuple(call.fills.values()))
        for row in AWS
        for call in row.enrich
    }
)


def test_a_page_of_another_s_never_empties_a_list(faults, reply, make_caller):
    caller, emptied = make_caller(max_attempts=1), []  # its clients cost more than its calls
    for page, content in PAGES.items():
        faults.replies = [reply(200, content)]
        for row in ROWS:
            listing = list(walk(row, Place("123456789012", "eu-west-1"), caller))[-1]
            if listing.complete:
                emptied.append((page, row.type))
    assert emptied == [("an empty object", "aws.sqs.queue")]


def test_a_page_of_another_s_never_says_that_nothing_is_configured(
    faults, reply, make_caller, request_of
):
    caller, believed = make_caller(max_attempts=1), set()
    for page, content in PAGES.items():
        faults.replies = [reply(200, content)]
        believed |= {
            (page, operation)
            for service, operation, fills in CALLS
            if caller.call(request_of(service, operation, fills)).outcome.answered
        }
    omitted = (
        *("ListQueues", "ListQueueTags"),  # as SQS itself answers without any
        "GetAutoTerminationPolicy",  # as EMR answers of a cluster that has none
        "GetModelInvocationLoggingConfiguration",  # as Bedrock answers where nothing is logged
        "ListTargetsByRule",  # its model has no list of none
    )
    assert believed == {("an empty object", operation) for operation in omitted}


@pytest.mark.parametrize(
    ("service", "operation", "body", "document"),
    [
        ("sqs", "ListQueues", "{}", {}),
        ("sqs", "ListQueueTags", "{}", {}),
        ("s3", "GetBucketVersioning", '<VersioningConfiguration xmlns="http://s3/"/>', {}),
        (
            "s3",
            "GetBucketLocation",
            (
                '\ufeff<?xml version="1.0"?>\n<LocationConstraint xmlns="http://s3/">eu-west-1'
                "</LocationConstraint>"
            ),
            {"LocationConstraint": "eu-west-1"},
        ),
        ("s3", "GetBucketPolicy", '{"Statement": []}', {"Policy": '{"Statement": []}'}),
        (
            "ec2",
            "DescribeVpcs",
            '<DescribeVpcsResponse xmlns="http://ec2/"><vpcSet/></DescribeVpcsResponse>',
            {"Vpcs": []},
        ),
        ("kms", "ListKeys", '{"Keys": [], "NewMember": 1}', {"Keys": []}),
        (
            "route53",
            "ListHostedZones",  # without the Marker that the model requires, as it is
            (
                "<ListHostedZonesResponse><HostedZones/><IsTruncated>false</IsTruncated>"
                "<MaxItems>100</MaxItems></ListHostedZonesResponse>"
            ),
            {"HostedZones": [], "IsTruncated": False, "MaxItems": "100"},
        ),
    ],
)
def test_what_aws_answers_where_there_is_nothing_counts(
    service, operation, body, document, faults, reply, make_caller, request_of
):
    faults.replies = [reply(200, body)]
    answer = make_caller(max_attempts=1).call(request_of(service, operation))
    assert answer.outcome.answered
    assert answer.document == document


def test_an_omitted_list_beside_members_that_nobody_knows_is_no_empty_list(
    faults, reply, make_caller, request_of
):
    faults.replies = [reply(200, json.dumps({"NextToken": "n", "maintenance": True}))]
    answer = make_caller(max_attempts=1).call(request_of("sqs", "ListQueues"))
    assert (answer.outcome, answer.error_code) == (CallOutcome.FAILED, "MalformedResponse")


def test_an_answer_without_a_member_that_its_model_requires_is_none(
    faults, reply, make_caller, request_of
):
    body = (
        "<GetUserPolicyResponse><GetUserPolicyResult><PolicyName>a</PolicyName>"
        "</GetUserPolicyResult></GetUserPolicyResponse>"
    )
    faults.replies = [reply(200, body)]
    assert not make_caller(max_attempts=1).call(request_of("iam", "GetUserPolicy")).outcome.answered


@pytest.mark.parametrize(("service", "operation", "paths"), CALLS)
def test_every_call_of_the_rows_reads_members_that_the_model_has(service, operation, paths):
    members = set(operation_model(service, operation).output_shape.members)
    needed = needed_members(service, operation, paths)
    assert needed <= members
    assert "@" in paths or needed < members or len(members) <= len(paths) + 1
    assert required_members(service, operation) <= members


@pytest.mark.parametrize("row", [row for row in AWS if row.operation], ids=lambda row: row.type)
def test_every_list_has_exactly_one_member_that_must_be_there(row):
    assert len(needed_members(row.service, row.operation, (row.items,))) == 1


def test_only_sqs_is_known_to_leave_out_an_empty_list():
    omitting = {row.type for row in AWS if row.omits_empty}
    assert omitting == {"aws.sqs.queue"}


def test_the_root_element_of_every_call_in_xml_is_known():
    unnamed = []
    for service, operation, _ in CALLS:
        model = operation_model(service, operation)
        if model.service_model.resolved_protocol == "rest-xml" and service == "s3":
            payload = "payload" in model.output_shape.serialization
            unnamed += [] if payload or operation in S3_ROOTS else [operation]
            assert root_of(model) != model.output_shape.name
    assert unnamed == []


def test_a_value_that_a_model_leaves_open_may_be_built_in_any_way():
    models = {
        "Any": {"type": "structure", "members": {}, "document": True},
        "Text": {"type": "string"},
        "Whole": {
            "type": "structure",
            "members": {"Open": {"shape": "Any"}, "Json": {"shape": "Text", "jsonvalue": True}},
        },
    }
    whole = ShapeResolver(models).get_shape_by_name("Whole")
    check_shape({"Open": ["a", None], "Json": {"a": [None]}}, whole)
    with pytest.raises(MalformedResponseError):
        check_shape(["no structure"], whole)
