"""Whom a resource policy lets in, by the words of AWS, and what it refuses to all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudsealed.engine import BudgetExceeded, EvaluationError
from cloudsealed.engine.access.public import opening, refuses
from cloudsealed.engine.meter import Meter

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OWN = "111122223333"


def is_open(*statements: dict[str, Any], actions: tuple[str, ...] = ("*",)) -> bool:
    return opening(Meter.at(NOW), {"Statement": list(statements)}, actions) is not None


def statement(effect: str, condition: Any = None, **more: Any) -> dict[str, Any]:
    found = {"Effect": effect, "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **more}
    return found if condition is None else {**found, "Condition": condition}


CLOSED = [
    {"IpAddress": {"aws:SourceIp": "8.8.8.8"}},
    {"IpAddress": {"aws:SourceIp": ["54.0.0.0/8", "2600:1f00::/32", "10.0.0.0/8", "fc00::/7"]}},
    {"NotIpAddress": {"aws:SourceIp": "8.8.8.7/32"}, "IpAddress": {"aws:SourceIp": "8.8.8.0/24"}},
    {"StringLike": {"aws:SourceVpc": "vpc-1"}},
    {"StringEquals": {"aws:PrincipalOrgID": ["o-a", "o-b"]}},
    {"StringEqualsIgnoreCase": {"aws:sourceorgid": "O-A"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/*/ou-b/*"}},
    {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": ["o-a/*"]}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:*:iam::{OWN}:role/*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:bucket"}},
    {"StringLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}},
    {"StringLike": {"s3:DataAccessPointArn": f"arn:aws:s3:eu-west-1:{OWN}:accesspoint/*"}},
    {"StringEquals": {"s3:DataAccessPointAccount": OWN}},
    {"StringEquals": {"KMS:CallerAccount": OWN, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
    {"StringEquals": {"aws:userid": "AIDAEXAMPLE"}},
    {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
    {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::${aws:ResourceAccount}:role/*"}},
    {"StringEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:a:1:key/k"}},
    {"StringLike": {"sns:Endpoint": ["*@example.com", "https://hooks.example.com/*"]}},
    {"StringLike": {"sns:Endpoint": f"arn:aws:sqs:*:{OWN}:*"}},
    {"Bool": {"aws:PrincipalIsAWSService": True}},
    {"StringLike": {"aws:PrincipalServiceName": "*.amazonaws.com"}},
    {"Null": {"aws:PrincipalServiceName": False}},
    {"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}, "Null": {"aws:SourceVpce": "false"}},
    {"StringEquals": {"aws:PrincipalOrgID": []}},
    {"DateLessThan": {"aws:CurrentTime": "2026-11-28T00:00:00Z"}},
    {"NumericGreaterThan": {"aws:EpochTime": 1900000000}},
]
OPEN = [
    {},
    {"IpAddress": {"aws:SourceIp": "54.0.0.0/7"}},
    {"IpAddress": {"aws:SourceIp": "2600::/31"}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": [f"{n}.0.0.0/8" for n in range(1, 224)]}},
    {"IpAddress": {"aws:SourceIp": ["8.8.8.8/32", "::/0"]}},
    {"IpAddressIfExists": {"aws:SourceIp": "8.8.8.0/24"}},
    {"NotIpAddress": {"aws:SourceIp": "8.8.8.0/24"}},
    {"NotIpAddress": {"aws:SourceIp": "8.8.8.0/24"}, "IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}},
    {"StringLike": {"aws:SourceVpc": "vpc-*"}},
    {"StringLike": {"aws:SourceVpce": "vpce-12*"}},
    {"StringLike": {"aws:PrincipalOrgID": ["o-a", "o-*"]}},
    {"StringLike": {"aws:PrincipalAccount": "????????????"}},
    {"StringLike": {"aws:userid": "AROAEXAMPLE:*"}},
    {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a"}},
    {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-a/*"}},
    {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
    {"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}},
    {"Null": {"aws:SourceVpc": "true"}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::my-*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:*:*:*:*"}},
    {"StringLike": {"aws:SourceArn": f"*:{OWN}:*"}},
    {"ArnLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:*:accesspoint/x"}},
    {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}},
    {"StringEquals": {"aws:ResourceAccount": OWN}},
    {"StringEquals": {"aws:PrincipalTag/team": "a", "aws:UserAgent": "secret"}},
    {"StringLike": {"aws:Referer": "https://example.com/*"}},
    {"Bool": {"aws:SecureTransport": "true", "aws:MultiFactorAuthPresent": "true"}},
    {"Bool": {"aws:PrincipalIsAWSService": "false"}},
    {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
    {"StringLike": {"sns:Endpoint": ["*@*.com", "https://*.example.com/a", "arn:aws:sqs:*:*:q"]}},
    {"DateLessThan": {"aws:CurrentTime": "2026-11-30"}, "StringLike": {"sns:Endpoint": "*"}},
]


@pytest.mark.parametrize("condition", CLOSED, ids=lambda found: json.dumps(found)[:70])
def test_a_condition_that_names_callers_closes(condition: Any) -> None:
    assert not is_open(statement("Allow", condition))


@pytest.mark.parametrize("condition", OPEN, ids=lambda found: json.dumps(found)[:70])
def test_a_condition_that_strangers_meet_does_not(condition: Any) -> None:
    assert is_open(statement("Allow", condition))


ORGANISATION = {"StringNotEquals": {"aws:PrincipalOrgID": "o-a"}}


@pytest.mark.parametrize(
    ("denies", "left"),
    [
        ([statement("Deny", Action="*")], False),
        ([statement("Deny", Action="s3:PutObject")], True),
        ([statement("Deny", Resource="arn:aws:s3:::b/private/*")], True),
        ([statement("Deny", Principal={"AWS": OWN})], True),
        ([statement("Deny", Principal={"AWS": "*"}, Action="s3:Get*")], False),
        ([statement("Deny", ORGANISATION)], False),
        ([statement("Deny", {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}})], False),
        ([statement("Deny", {**ORGANISATION, "Null": {"aws:PrincipalOrgID": "false"}})], True),
        ([statement("Deny", {**ORGANISATION, "Bool": {"aws:SecureTransport": "true"}})], True),
        (
            [
                statement(
                    "Deny", {**ORGANISATION, "BoolIfExists": {"aws:PrincipalIsAWSService": False}}
                )
            ],
            False,
        ),
        (
            [statement("Deny", {"ForAnyValue:StringNotLike": {"aws:PrincipalOrgPaths": "o-a/*"}})],
            True,
        ),
        ([statement("Deny", {"StringNotLike": {"aws:userid": ["AROAEXAMPLE:*", OWN]}})], False),
        ([statement("Deny", {"StringNotLike": {"aws:PrincipalOrgID": "*"}})], True),
        ([statement("Deny", {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}})], True),
        ([statement("Deny", {"NotIpAddress": {"aws:SourceIp": "8.8.8.0/24"}})], False),
        ([statement("Deny", {"NotIpAddress": {"aws:SourceIp": "0.0.0.0/1"}})], True),
        ([statement("Deny", {"Bool": {"aws:SecureTransport": "false"}})], True),
        ([statement("Deny", {"StringNotEquals": {"aws:UserAgent": "secret"}})], True),
        (
            [
                statement("Deny", {"Bool": {"aws:SecureTransport": each}})
                for each in ("true", "false")
            ],
            False,
        ),
        (
            [
                statement("Deny", {"Null": {"aws:SourceVpce": "true"}}),
                statement("Deny", {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
            ],
            False,
        ),
    ],
)
def test_what_is_denied_is_weighed(denies: list[dict[str, Any]], left: bool) -> None:
    assert is_open(statement("Allow"), *denies) is left


@pytest.mark.parametrize(
    ("principal", "open_to_all"),
    [
        ({"AWS": ["arn:aws:iam::111122223333:root", "*"]}, True),
        ({"AWS": "arn:aws:iam::*:root"}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, False),
        ({"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"}, False),
        ({"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}, False),
        ({"Service": "s3.amazonaws.com"}, False),
        ({"Federated": "cognito-identity.amazonaws.com"}, False),
        ([], False),
    ],
)
def test_who_is_everybody(principal: Any, open_to_all: bool) -> None:
    assert is_open(statement("Allow", Principal=principal)) is open_to_all


def test_who_is_not_named_is_everybody() -> None:
    one = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assert is_open({**one, "NotPrincipal": {"AWS": OWN}})
    assert not is_open({**one, "NotPrincipal": {"AWS": "*"}})


@pytest.mark.parametrize(
    "condition",
    [
        *("text", ["text"], {"StringEquals": "text"}, {"Equals": {"aws:SourceVpc": "a"}}),
        {"StringEquals": {"aws:SourceVpc": {"a": "b"}}},
        *({1: {"aws:SourceVpc": "a"}}, {"StringEquals": {1: "a"}}),
        {"IpAddress": {"aws:SourceIp": "office"}},
        {"DateLessThan": {"aws:CurrentTime": "tomorrow"}},
        {"NumericLessThan": {"aws:EpochTime": "tomorrow"}},
    ],
)
def test_a_condition_that_aws_would_not_take_is_an_error(condition: Any) -> None:
    with pytest.raises(EvaluationError):
        is_open(statement("Allow", condition))


def test_one_statement_that_lets_everybody_in_is_enough_among_many() -> None:
    known = statement("Allow", {"StringEquals": {"aws:SourceVpc": "vpc-1"}})
    denies = [statement("Deny", Resource=f"arn:aws:s3:::b/{n}/*") for n in range(5_000)]
    assert not is_open(*[known] * 5, *denies[:100])
    assert is_open(*[known] * 5, statement("Allow"), *denies[:100])
    with pytest.raises(BudgetExceeded):
        is_open(statement("Allow"), *denies)


KEYS = (
    *("aws:SourceArn", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceOwner", "aws:userid"),
    *("aws:SourceOrgID", "aws:SourceAccount", "kms:CallerAccount", "sns:Endpoint"),
    *("s3:DataAccessPointArn", "s3:DataAccessPointAccount"),
)


def test_more_conditions_than_can_be_weighed_are_an_error() -> None:
    """Of each key everybody has to choose which of two Denies to meet."""
    denies = [
        statement("Deny", {"Null": {key: absent, "aws:UserAgent": "true"}})
        for key in KEYS
        for absent in ("true", "false")
    ]
    with pytest.raises(EvaluationError, match="too many conditions"):
        is_open(statement("Allow"), *denies)


def test_a_perimeter_of_many_keys_keeps_everybody_out() -> None:
    """As AWS writes data perimeters: each Deny spares those whom one of its keys names."""
    fixed = dict.fromkeys(KEYS, "a")
    assert not is_open(statement("Allow", {"StringEquals": fixed}))
    assert is_open(statement("Allow", {"StringEqualsIfExists": fixed}))
    denies = [
        statement(
            "Deny",
            {
                "StringNotEqualsIfExists": {**fixed, "aws:PrincipalOrgID": "o-a"},
                "NotIpAddressIfExists": {"aws:SourceIp": "8.8.8.0/24"},
                "ArnNotLikeIfExists": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/x"},
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
            },
        ),
        statement("Deny", {"Bool": {"aws:SecureTransport": "false"}}),
    ]
    ours = statement("Allow", {"StringEquals": {"aws:PrincipalOrgID": "o-a"}})
    assert not is_open(ours, *denies)
    assert not is_open(statement("Allow"), *denies)
    assert is_open(statement("Allow"), *denies[1:])


PLAIN = {"aws:SecureTransport": "false", "s3:TlsVersion": None}
BUCKET = ("arn:aws:s3:::b", "arn:aws:s3:::b/*")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, True),
        ({"Action": "*", "Resource": "*"}, True),
        ({"Action": "S3:*", "Resource": "arn:aws:s3:::b*"}, True),
        ({"Action": ["s3:Get*", "s3:*"], "Principal": {"AWS": ["*"]}}, True),
        ({"Condition": {"BoolIfExists": {"aws:securetransport": False}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SecureTransport": "true"}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": ["true", "false"]}}}, True),
        ({"Condition": {"Null": {"s3:TlsVersion": "true"}}}, True),
        ({"Condition": {"NumericLessThanIfExists": {"s3:TlsVersion": 1.2}}}, True),
        ({"Condition": {}}, True),
        (
            {
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": ["true", "false"]},
                }
            },
            True,
        ),
        ({"Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Effect": "Allow", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
        ({"Action": "s3:GetObject"}, False),
        ({"Action": None, "NotAction": "s3:GetObject"}, False),
        ({"Resource": "arn:aws:s3:::b/*"}, False),
        ({"Resource": "arn:aws:s3:::b"}, False),
        ({"Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/a/*"]}, False),
        ({"Principal": {"AWS": OWN}}, False),
        ({"Principal": None, "NotPrincipal": {"AWS": OWN}}, False),
        (
            {
                "Condition": {
                    "Bool": {"aws:SecureTransport": "false"},
                    "StringNotEquals": {"aws:PrincipalAccount": OWN},
                }
            },
            False,
        ),
    ],
)
def test_a_request_is_refused_where_nobody_gets_past(change: dict[str, Any], refused: bool) -> None:
    deny = statement("Deny", {"Bool": {"aws:SecureTransport": "false"}}, Action="s3:*")
    changed = {**deny, "Resource": list(BUCKET), **change}
    document = {"Statement": {name: each for name, each in changed.items() if each is not None}}
    assert refuses(Meter.at(NOW), document, PLAIN, ("s3:*",), BUCKET) is refused


def test_two_statements_together_refuse_a_request() -> None:
    http = {"Bool": {"aws:SecureTransport": "false"}}
    halves = [
        statement("Deny", http, Action="s3:*", Resource=BUCKET[0]),
        {**statement("Deny", http, Resource=BUCKET[1]), "Action": ["s3:Get*", "s3:*"]},
    ]
    assert refuses(Meter.at(NOW), {"Statement": halves}, PLAIN, ("s3:*",), BUCKET)
    assert not refuses(Meter.at(NOW), {"Statement": halves[:1]}, PLAIN, ("s3:*",), BUCKET)


def test_what_is_known_of_all_requests_counts() -> None:
    by_url = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
    document = {"Statement": statement("Allow", by_url, Action="lambda:InvokeFunctionUrl")}
    assert opening(Meter.at(NOW), document)
    assert opening(Meter.at(NOW), document, ("*",), {"lambda:functionurlauthtype": "NONE"})
    assert not opening(Meter.at(NOW), document, ("*",), {"lambda:FunctionUrlAuthType": "AWS_IAM"})
    assert not opening(Meter.at(NOW), document, ("*",), {"lambda:FunctionUrlAuthType": None})
