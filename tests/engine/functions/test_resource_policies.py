from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError, compile_rule

Evaluate = Callable[..., Any]
ORDERS = {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/*"}
HTTP = {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(
    ("principal", "is_public"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ["arn:aws:iam::1:root", "*"]}, True),
        ({"AWS": "arn:aws:iam::1:root"}, False),
        ({"Service": "ec2.amazonaws.com"}, False),
        ({"Federated": "*"}, False),
        ("arn:aws:iam::1:root", False),
        (None, False),
    ],
)
def test_which_principal_is_public(value_of: Evaluate, principal: object, is_public: bool) -> None:
    assert value_of("principal_is_public(x)", x=principal) is is_public


def test_a_policy_that_everybody_meets_is_public(value_of: Evaluate) -> None:
    known = {**ORDERS, "Condition": {"StringEquals": {"AWS:PrincipalOrgID": "o-a"}}}
    for document in ({"Statement": ORDERS}, json.dumps({"Statement": [ORDERS]})):
        assert value_of("policy_allows_public(x)", x=document) is True
    for document in (None, {}, {"Statement": known}, json.dumps({"Statement": known})):
        assert value_of("policy_allows_public(x)", x=document) is False


def test_anyone_may_what_fits_one_of_the_patterns(value_of: Evaluate) -> None:
    policy = {"Statement": ORDERS}
    for actions, found in (["S3:GetObject"], True), (["s3:Put*", "s3:*Acl"], True), ([], False):
        assert value_of("policy_lets_anyone(x, a)", x=policy, a=actions) is found
    assert value_of("policy_lets_anyone(x, ['s3:Put*'])", x=policy) is False


def test_what_is_known_of_requests_is_weighed(value_of: Evaluate) -> None:
    policy = {"Statement": {**ORDERS, "Condition": HTTP}}
    for value, found in ("false", True), ("true", False), (None, False):
        source = "policy_lets_anyone(x, ['s3:*'], {'aws:securetransport': v})"
        assert value_of(source, x=policy, v=value) is found


def test_a_policy_refuses_what_it_denies_to_all(value_of: Evaluate) -> None:
    policy = {"Statement": {**ORDERS, "Effect": "Deny", "Condition": HTTP}}
    source = "policy_refuses(x, {'aws:SecureTransport': v}, ['s3:GetObject'], ['arn:*:s3:::b/*'])"
    assert value_of(source, x=policy, v="false") is True
    assert value_of(source, x=policy, v="true") is False
    assert value_of(source, x=None, v="false") is False


@pytest.mark.parametrize(
    "source",
    [
        *("policy_lets_anyone(x, [1])", "policy_lets_anyone(x, ['*'], {1: 'a'})"),
        *("policy_lets_anyone(x, ['*'], {'a': 1})", "policy_refuses(x, {}, ['*'], [1])"),
    ],
)
def test_what_is_no_text_is_an_error(value_of: Evaluate, source: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(source, x={"Statement": ORDERS})


@pytest.mark.parametrize(
    "policy",
    [
        *("text", "5", '["a"]'),
        {"Statement": [{"Principal": "*", "Action": "*"}]},
        {"Statement": ["text"]},
        {"Statement": [{"Effect": "Allow", "Principal": 5}]},
        {"Statement": [{"Effect": "Allow", "Principal": "*", "Condition": ["a"]}]},
    ],
)
def test_a_policy_of_a_strange_shape_is_an_error(value_of: Evaluate, policy: object) -> None:
    with pytest.raises(EvaluationError):
        value_of("policy_allows_public(x)", x=policy)


def test_the_evidence_is_the_statement_that_lets_everybody_in() -> None:
    closed = {**ORDERS, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}
    other = {**ORDERS, "Action": "s3:PutObject"}
    resource = {"Policy": {"Statement": [closed, other, ORDERS]}}
    rule = compile_rule(fail_when="policy_lets_anyone(resource.Policy, ['s3:Get*'])")
    found = rule.judge(resource, {}, datetime(2026, 11, 29, tzinfo=UTC)).evidence
    assert [each.path for each in found] == ["Policy.Statement[2]"]


_OWN = "111122223333"
_ANY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*", "Resource": "*"}


def _shared(*principals: str, **more: Any) -> dict[str, Any]:
    return {"Statement": [{**_ANY, "Principal": {"AWS": [*principals]}, **more}]}


@pytest.mark.parametrize(
    ("document", "accounts"),
    [
        (None, []),
        (_shared(f"arn:aws:iam::{_OWN}:root"), []),
        (_shared("444455556666", f"arn:aws:iam::{_OWN}:root"), ["444455556666"]),
        (_shared("arn:aws-cn:iam::444455556666:role/a/b"), ["444455556666"]),
        (_shared("arn:aws:sts::444455556666:assumed-role/r/s"), ["444455556666"]),
        (_shared("AIDAEXAMPLEOFAUSERGONE"), []),
        (_shared("arn:aws:iam::127311923021:root"), []),
        (_shared("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"), []),
        ({"Statement": {**_ANY, "Principal": {"Service": "s3.amazonaws.com"}}}, []),
        ({"Statement": _ANY}, []),
        (
            _shared("*", Condition={"StringEquals": {"aws:PrincipalAccount": [_OWN, "4" * 12]}}),
            ["4" * 12],
        ),
        (_shared("*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::%s:role/*"}}), []),
        (_shared("4" * 12, Condition={"StringEquals": {"aws:PrincipalAccount": _OWN}}), []),
        (_shared("4" * 12, Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a"}}), ["4" * 12]),
        (
            {
                "Statement": [
                    *_shared("444455556666")["Statement"],
                    {
                        **_ANY,
                        "Effect": "Deny",
                        "Action": "*",
                        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": _OWN}},
                    },
                ]
            },
            [],
        ),
        ({"Statement": {**_ANY, "Effect": "Deny", "Principal": {"AWS": "4" * 12}}}, []),
        (
            {
                "Statement": [
                    *_shared("444455556666", Action="sts:AssumeRole")["Statement"],
                    *_shared("555566667777", Action="sts:TagSession")["Statement"],
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sts:AssumeRole",
                        "Resource": "*",
                        "Condition": {"StringNotEquals": {"aws:PrincipalAccount": _OWN}},
                    },
                ]
            },
            ["555566667777"],
        ),
    ],
)
def test_which_other_accounts_are_let_in_by_name(
    value_of: Evaluate, document: Any, accounts: list[str]
) -> None:
    assert value_of(f'other_accounts(d, "{_OWN}")', d=document) == accounts
    text = json.dumps(document) if document else None
    assert value_of(f'other_accounts(d, "{_OWN}")', d=text) == accounts


@pytest.mark.parametrize(
    ("actions", "more", "accounts"),
    [
        ('["sts:AssumeRole"]', {"Action": "sts:AssumeRole"}, ["444455556666"]),
        ('["sts:AssumeRole"]', {"Action": ["sts:TagSession", "sts:SetSourceIdentity"]}, []),
        ('["sts:AssumeRole"]', {"Action": "STS:assume*"}, ["444455556666"]),
        ('["sts:AssumeRole"]', {"Action": "sts:*"}, ["444455556666"]),
        ('["s3:Get*", "s3:List*"]', {"Action": "s3:ListBucket"}, ["444455556666"]),
        ('["s3:Get*", "s3:List*"]', {"Action": "s3:PutObject"}, []),
    ],
)
def test_which_other_accounts_are_let_in_for_an_action(
    value_of: Evaluate, actions: str, more: dict[str, Any], accounts: list[str]
) -> None:
    document = _shared("444455556666", **more)
    assert value_of(f'other_accounts(d, "{_OWN}", {actions})', d=document) == accounts


def test_an_account_that_is_denied_the_action_is_not_let_in_for_it(value_of: Evaluate) -> None:
    denied = {"StringNotEquals": {"aws:PrincipalAccount": _OWN}}
    deny = {**_ANY, "Effect": "Deny", "Action": "s3:Get*", "Condition": denied}
    document = {"Statement": [*_shared("444455556666")["Statement"], deny]}
    assert value_of(f'other_accounts(d, "{_OWN}", ["s3:GetObject"])', d=document) == []
    assert value_of(f'other_accounts(d, "{_OWN}")', d=document) == ["444455556666"]
