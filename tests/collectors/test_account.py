"""A whole account on an emulator over HTTP: collected, derived again, and free of its secrets."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from cloudsealed.collectors.attributes import attributes_of, shape_of
from cloudsealed.collectors.aws.rows import ROWS as AWS
from cloudsealed.collectors.model import Answer, CallRequest, Listing, Unit
from cloudsealed.collectors.registry import places
from cloudsealed.collectors.walk import walk
from cloudsealed.vocabulary import CallOutcome

ACCOUNT, REGION = "123456789012", "eu-west-1"
CANARY = "canary-7f3a9c"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
ANYONE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::*",
        }
    ],
}


@dataclass
class Ledger:
    """Answers by unit; what it lacks is asked of `live`, without which that is an error."""

    live: object = None
    answers: dict[Unit, Answer] = field(default_factory=dict)

    def call(self, request: CallRequest) -> Answer:
        if request.unit not in self.answers:
            assert self.live is not None, f"the ledger lacks {request.unit}"
            self.answers[request.unit] = self.live.call(request)
        return self.answers[request.unit]


def _plant_secrets(client: Callable[[str, str], Any]) -> None:
    """Put the canary everywhere that a row says holds secrets and that the emulator can hold."""
    iam = client("iam", REGION)
    role = iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
    client("lambda", REGION).create_function(
        FunctionName="app",
        Runtime="python3.13",
        Role=role["Arn"],
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"DB_PASSWORD": CANARY}},
    )
    ec2 = client("ec2", REGION)
    image = ec2.register_image(Name="base", RootDeviceName="/dev/sda1")["ImageId"]
    ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, UserData=f"#!/bin/sh\nexport TOKEN={CANARY}\n"
    )
    ecs = client("ecs", REGION)
    ecs.create_cluster(clusterName="main")
    container = {
        "name": "web",
        "image": "web:1",
        "memory": 128,
        "environment": [{"name": "API_KEY", "value": CANARY}],
        "command": ["run", f"--token={CANARY}"],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": CANARY}},
    }
    ecs.register_task_definition(family="web", containerDefinitions=[container])
    ecs.create_service(cluster="main", serviceName="web", taskDefinition="web", desiredCount=0)
    client("cloudformation", REGION).create_stack(
        StackName="app",
        TemplateBody=json.dumps(
            {
                "Parameters": {"Password": {"Type": "String"}},
                "Resources": {"Q": {"Type": "AWS::SQS::Queue"}},
                "Outputs": {"Password": {"Value": {"Ref": "Password"}}},
            }
        ),
        Parameters=[{"ParameterKey": "Password", "ParameterValue": CANARY}],
    )


def _fill_account(client: Callable[[str, str], Any]) -> None:
    s3 = client("s3", REGION)
    for name in ("dotted.name", "open"):
        s3.create_bucket(Bucket=f"{name}-bucket", CreateBucketConfiguration=_PLACE)
    s3.put_bucket_policy(Bucket="open-bucket", Policy=json.dumps(ANYONE))
    s3.put_bucket_tagging(
        Bucket="open-bucket", Tagging={"TagSet": [{"Key": "env", "Value": "prod"}]}
    )
    iam = client("iam", REGION)
    iam.create_user(UserName="ann")
    iam.create_access_key(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps(_ADMIN))
    iam.create_policy(PolicyName="admin", PolicyDocument=json.dumps(_ADMIN))
    key = client("kms", REGION).create_key(Tags=[{"TagKey": "env", "TagValue": "prod"}])
    client("kms", REGION).enable_key_rotation(KeyId=key["KeyMetadata"]["KeyId"])
    client("sqs", REGION).create_queue(QueueName="jobs", tags={"env": "prod"})
    client("sns", REGION).create_topic(Name="alerts")
    client("dynamodb", REGION).create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("logs", REGION).create_log_group(logGroupName="/app/web")
    client("guardduty", REGION).create_detector(Enable=True)
    client("route53", REGION).create_hosted_zone(Name="example.com", CallerReference="1")
    client("secretsmanager", REGION).create_secret(Name="db", SecretString=CANARY)
    client("rds", REGION).create_db_instance(
        DBInstanceIdentifier="db",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="root",
        MasterUserPassword=CANARY,
    )


_PLACE = {"LocationConstraint": REGION}
_ADMIN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def collect(caller):
    return {
        row.type: list(walk(row, place, caller))
        for row in AWS
        for place in places(row, ACCOUNT, "aws", [REGION])
    }


@pytest.fixture
def account(emulator, make_caller):
    """The ledger and the snapshots of an account that is filled once a test session."""
    if not _COLLECTED:
        caller = make_caller(read_timeout=60)
        _plant_secrets(boto3.Session().client)
        _fill_account(boto3.Session().client)
        caller.session.client("s3control", REGION).put_public_access_block(
            AccountId=ACCOUNT, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
        )
        ledger = Ledger(caller)
        _COLLECTED.append((ledger, collect(ledger)))
    return _COLLECTED[0]


_COLLECTED: list[tuple[Ledger, dict[str, list[object]]]] = []


def one(account, name):
    snapshot, listing = account[1][name]
    assert listing.outcome is CallOutcome.OK
    return snapshot


UNKNOWN_TO_MOTO = {"404", "405", "500", "501", "MalformedResponse"}
"""How calls end that moto has no answer for: without a code of AWS's. The sample estate holds the
answers of these."""


def test_every_type_is_listed_to_its_end(account):
    for name, found in account[1].items():
        assert isinstance(found[-1], Listing)
        gap = found[-1].gap
        assert found[-1].complete or (gap and gap.error_code in UNKNOWN_TO_MOTO), (name, gap)


def test_only_what_the_emulator_cannot_do_is_unread(account):
    unread = {
        (name, attribute, gap.error_code)
        for name, found in account[1].items()
        for snapshot in found[:-1]
        for attribute, gap in snapshot.unread.items()
    }
    assert {each for each in unread if each[2] not in UNKNOWN_TO_MOTO} == set()


def test_the_stored_answers_alone_give_the_same_snapshots(account):
    ledger, found = account
    assert collect(Ledger(answers=ledger.answers)) == found


def test_every_native_id_is_unique_and_every_attribute_is_declared(account):
    snapshots = [each for found in account[1].values() for each in found[:-1]]
    assert len({each.native_id for each in snapshots}) == len(snapshots)
    for each in snapshots:
        assert "None" not in each.native_id
        assert set(each.document) <= set(attributes_of(each.type)), each.type


def test_every_document_has_the_shape_that_is_said_of_its_type(account):
    for each in (each for found in account[1].values() for each in found[:-1]):
        assert list(strays(each.document, shape_of(each.type), each.type)) == []


WORDS = {
    "string": str,
    "time": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "map": dict,
}


def strays(value, shape, path):
    """Yields the paths at which a value is not of its shape."""
    if value is None or shape is None:
        return
    if isinstance(shape, str):
        if shape == "string" and isinstance(value, dict) and "redacted" in value:
            return
        right = isinstance(value, WORDS[shape]) and isinstance(value, bool) == (shape == "boolean")
        if not right:
            yield path, shape, value
    elif isinstance(value, type(shape)):
        pairs = value.items() if isinstance(value, dict) else ((0, each) for each in value)
        for name, below in pairs:
            if isinstance(shape, list) or name in shape:
                yield from strays(below, shape[name], f"{path}.{name}")
    else:
        yield path, shape, value


def test_no_secret_of_the_account_is_in_any_answer_or_snapshot(account):
    ledger, found = account
    stored = json.dumps([answer.document for answer in ledger.answers.values()])
    for text in (stored, repr(found)):
        assert CANARY not in text
        assert base64.b64encode(CANARY.encode()).decode()[:12] not in text
    assert stored.count('"redacted": true') >= 6


def test_redacted_values_say_what_they_look_like(account):
    variables = one(account, "aws.lambda.function").document["Environment"]["Variables"]
    assert variables["DB_PASSWORD"]["looks_like"] == ["secret_name"]
    user_data = one(account, "aws.ec2.instance").document["UserData"]
    assert user_data["looks_like"] == ["password_assignment"]


def test_policies_tags_and_settings_arrive_as_policies_read_them(account):
    buckets = {each.name: each for each in account[1]["aws.s3.bucket"][:-1]}
    assert buckets["open-bucket"].document["Policy"] == ANYONE
    assert buckets["open-bucket"].tags == {"env": "prod"}
    assert "Policy" not in buckets["dotted.name-bucket"].document
    assert buckets["open-bucket"].document["Region"] == REGION
    block = one(account, "aws.s3.account").document["PublicAccessBlock"]
    assert block["BlockPublicAcls"] is True
    user = one(account, "aws.iam.user").document
    assert [key["Status"] for key in user["AccessKeys"]] == ["Active"]
    assert user["InlinePolicies"][0]["PolicyDocument"] == _ADMIN
    assert one(account, "aws.iam.policy").document["PolicyDocument"] == _ADMIN
    assert one(account, "aws.kms.key").document["RotationEnabled"] is True
    assert one(account, "aws.kms.key").tags == {"env": "prod"}
    report = one(account, "aws.iam.account").document["CredentialReport"]
    assert [line["user"] for line in report if line["user"] == "ann"] == ["ann"]
    assert one(account, "aws.ecs.service").document["Service"]["serviceName"] == "web"
    assert one(account, "aws.guardduty.detector").document["Detector"]["Status"] == "ENABLED"
