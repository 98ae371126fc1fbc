from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.engine.conftest import NOW

from cloudsealed.engine import EvaluationError, compile_rule

Evaluate = Callable[..., Any]

EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
STORAGE = {"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
PASS = {"Statement": {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}}
RUN = {"Statement": {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def test_who_is_an_administrator_is_asked_of_one_document_or_of_several(value_of: Evaluate) -> None:
    assert value_of("policy_is_admin(d)", d=EVERYTHING) is True
    assert value_of("policy_is_admin(d)", d=STORAGE) is False
    assert value_of("policy_is_admin(null)") is False
    assert value_of("is_administrator(d, [])", d=[STORAGE, EVERYTHING]) is True
    assert value_of("is_administrator(d, b)", d=[EVERYTHING], b=[STORAGE]) is False


def test_ways_to_escalate_are_named(value_of: Evaluate) -> None:
    named = ["iam:PassRole + ec2:RunInstances"]
    assert value_of("escalation_paths(d, [])", d=[PASS, RUN]) == named
    assert value_of("escalation_paths(d, b)", d=[PASS, RUN], b=[RUN]) == []
    assert value_of("escalation_paths([], [])") == []


def test_what_a_document_opens_alone_is_told_elsewhere(value_of: Evaluate) -> None:
    users = {"Statement": {"Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*"}}
    documents = [PASS, RUN, users]
    found = value_of("escalation_paths(d, [], told)", d=documents, told=documents)
    assert found == ["iam:PassRole + ec2:RunInstances"]


@pytest.mark.parametrize(
    ("actions", "borrows"),
    [
        (["sts:AssumeRole"], True),
        (["lambda:UpdateFunctionCode", "ssm:SendCommand"], True),
        (["lambda:UpdateFunctionCode", "iam:PutUserPolicy"], False),
        (["iam:PassRole", "ec2:RunInstances"], False),
    ],
)
def test_which_ways_only_borrow_what_something_has(
    value_of: Evaluate, actions: list[str], borrows: bool
) -> None:
    document = {"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
    assert value_of("only_borrows(escalation_paths([d], []))", d=document) is borrows


@pytest.mark.parametrize(
    ("arn", "is_admin"),
    [
        (ADMINISTRATOR, True),
        (ADMINISTRATOR.replace("aws:iam", "aws-cn:iam"), True),
        ("arn:aws:iam::aws:policy/IAMFullAccess", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", False),
        ("arn:aws:iam::aws:policy/job-function/SystemAdministrator", False),
        ("arn:aws:iam::111122223333:policy/AdministratorAccess", False),
    ],
)
def test_policies_of_aws_that_make_administrators(
    value_of: Evaluate, arn: str, is_admin: bool
) -> None:
    assert value_of("managed_policy_is_admin(a)", a=arn) is is_admin


@pytest.mark.parametrize(
    ("name", "path", "of_aws"),
    [
        ("AWSServiceRoleForSupport", "/aws-service-role/support.amazonaws.com/", True),
        ("AWSReservedSSO_Admin_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/", True),
        ("AWSReservedSSO_Admin_0123456789abcdef", "", True),
        ("AWSReservedSSO_by_hand", "/", False),
        ("OrganizationAccountAccessRole", "/", True),
        ("AWSControlTowerExecution", "/", True),
        ("deploy", "/service-role/", False),
        ("deploy", "", False),
    ],
)
def test_roles_that_aws_keeps(value_of: Evaluate, name: str, path: str, of_aws: bool) -> None:
    assert value_of("is_role_of_aws(n, p)", n=name, p=path) is of_aws


def test_a_boundary_limits_unless_it_allows_everything(value_of: Evaluate) -> None:
    assert value_of("boundary_of('', [])") == []
    assert value_of("boundary_of(a, [])", a=ADMINISTRATOR) == []
    assert value_of("boundary_of('arn:aws:iam::1:policy/b', d)", d=[STORAGE]) == [STORAGE]


def test_a_boundary_that_is_not_there_is_an_error(value_of: Evaluate) -> None:
    with pytest.raises(EvaluationError, match="boundary"):
        value_of("boundary_of('arn:aws:iam::1:policy/b', [])")


def test_evidence_names_the_statement_that_makes_an_administrator() -> None:
    rule = compile_rule(fail_when="policy_is_admin(resource.D)")
    document = {"Statement": [STORAGE["Statement"], EVERYTHING["Statement"]]}
    judged = rule.judge({"D": document}, {}, NOW)
    assert [each.path for each in judged.evidence] == ["D.Statement[1]"]


def _kms(resource: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": resource, **more}]}


_KEYS = "arn:aws:kms:*:*:key/*"


@pytest.mark.parametrize(
    ("document", "may"),
    [
        (_kms("*"), True),
        (_kms("arn:aws-cn:kms:*:111122223333:key/*"), True),
        (_kms("arn:aws:kms:eu-west-1:111122223333:key/*"), True),
        (_kms("arn:aws:kms:*:*:*"), True),
        (_kms("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), True),
        (_kms("*", Condition={"StringEquals": {"kms:CallerAccount": "111122223333"}}), True),
        (_kms("arn:aws:kms:eu-west-1:111122223333:key/1234abcd"), False),
        (_kms("arn:aws:kms:*:111122223333:key/mrk-*"), False),
        (_kms("*", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}}), False),
        (_kms("arn:aws:kms:*:111122223333:alias/*"), False),
        (None, False),
    ],
)
def test_what_is_allowed_on_all_things_of_an_account(
    value_of: Evaluate, document: Any, may: bool
) -> None:
    asked = f'may_on_all([d], [], "kms:Decrypt", "{_KEYS}")'
    assert value_of(asked, d=document) is may


def test_a_deny_and_a_boundary_take_it_back(value_of: Evaluate) -> None:
    denied = {"Statement": [*_kms("*")["Statement"], {**PASS["Statement"], "Effect": "Deny"}]}
    denied["Statement"][1].update(Action="kms:Decrypt")
    assert value_of(f'may_on_all([d], [], "kms:Decrypt", "{_KEYS}")', d=denied) is False
    boundary = f'may_on_all([d], [b], "kms:Decrypt", "{_KEYS}")'
    assert value_of(boundary, d=_kms("*"), b=STORAGE) is False
    assert value_of('may_on_all([d], [], "iam:PassRole", "*")', d=PASS) is True
