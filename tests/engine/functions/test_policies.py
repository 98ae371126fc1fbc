from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsealed.engine.functions.policies import _glob, _stars

Evaluate = Callable[..., Any]


def document(**statement: Any) -> dict[str, Any]:
    full = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", **statement}
    denied = {"Effect": "Deny", "NotAction": "*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [denied, full]}


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:Get*", "s3:PutObject", False),
        ("s3:?etObject", "s3:GetObject", True),
        ("s3:?etObject", "s3:etObject", False),
        ("*Object*", "s3:GetObjectAcl", True),
        ("a*b*c", "abc", True),
        ("a*bc*c", "abc", False),
        ("ab*ba", "aba", False),
        ("S3:*", "s3:Get", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_glob_match(value_of: Evaluate, pattern: str, text: str, fits: bool) -> None:
    assert value_of("glob_match(a, b)", a=pattern, b=text) is fits


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=10))
def test_globs_fit_as_shell_patterns_do(pattern: str, text: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), text) is not None
    assert _glob(pattern, text) is expected
    if "?" not in pattern:
        assert _stars(pattern, text) is expected


@pytest.mark.parametrize(
    ("statement", "allows"),
    [
        ({}, True),
        ({"Action": "iam:PassRole"}, True),
        ({"Action": ["s3:*", "IAM:pass*"]}, True),
        ({"Action": "iam:Get*"}, False),
        ({"Resource": "arn:aws:iam::1:role/a"}, False),
        ({"Resource": ["arn:aws:iam::1:role/a", "*"]}, True),
        ({"Effect": "Deny"}, False),
    ],
)
def test_which_policy_allows_an_action(
    value_of: Evaluate, statement: dict[str, Any], allows: bool
) -> None:
    source = 'policy_allows(x, "iam:PassRole")'
    assert value_of(source, x=document(**statement)) is allows


def test_not_action_allows_what_it_does_not_name(value_of: Evaluate) -> None:
    policy = {"Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}}
    assert value_of('policy_allows(x, "iam:PassRole")', x=policy) is True
    assert value_of('policy_allows(x, "s3:GetObject")', x=policy) is False


@pytest.mark.parametrize(
    ("statement", "is_admin"),
    [
        ({}, True),
        ({"Action": ["s3:Get*", "*"]}, True),
        ({"Action": "*:*"}, True),
        ({"Action": "iam:*"}, False),
        ({"Resource": "arn:aws:s3:::b"}, False),
    ],
)
def test_which_policy_is_admin(
    value_of: Evaluate, statement: dict[str, Any], is_admin: bool
) -> None:
    assert value_of("policy_is_admin(x)", x=document(**statement)) is is_admin


def test_no_policy_allows_nothing(value_of: Evaluate) -> None:
    assert value_of("policy_is_admin(x)", x={}) is False


READ = {"Effect": "Allow", "Action": "s3:Get*", "Resource": ["arn:aws:s3:::a/*", "arn:aws:s3:::b"]}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "allowed"),
    [
        ([READ], "s3:GetObject", "arn:aws:s3:::a/x", True),
        ([READ], "S3:getobject", "arn:aws:s3:::a/x", True),
        ([READ], "s3:GetObject", "arn:aws:s3:::A/x", False),
        ([READ], "s3:PutObject", "arn:aws:s3:::a/x", False),
        ([READ], "s3:GetObject", "arn:aws:s3:::c/x", False),
        ([READ, {**READ, "Effect": "Deny"}], "s3:GetObject", "arn:aws:s3:::b", False),
        (
            [READ, {**READ, "Effect": "Deny", "Condition": {"Bool": {"a": "b"}}}],
            *("s3:GetObject", "arn:aws:s3:::b", True),
        ),
        (
            [{"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, READ],
            "s3:GetObject",
            "arn:aws:s3:::b",
            True,
        ),
        (
            [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:x"}],
            "s3:a",
            "arn:y",
            True,
        ),
        (
            [{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:x"}],
            "s3:a",
            "arn:x",
            False,
        ),
        ([{"Effect": "Allow", "Action": "sts:AssumeRole"}], "sts:AssumeRole", "arn:r", True),
        (
            [{"Effect": "Allow", "Action": "*", "Resource": "arn:${aws:username}"}],
            "a:b",
            "arn:me",
            True,
        ),
        (
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "*", "Resource": "arn:${aws:username}"},
            ],
            *("a:b", "arn:me", True),
        ),
        ([], "a:b", "arn:me", False),
    ],
)
def test_iam_allows_weighs_allow_and_deny(
    value_of: Evaluate, statements: list[Any], action: str, resource: str, allowed: bool
) -> None:
    found = value_of("iam_allows(d, a, r)", d={"Statement": statements}, a=action, r=resource)
    assert found is allowed


def test_iam_allows_of_no_document_is_false(value_of: Evaluate) -> None:
    assert value_of("iam_allows(null, 'a:b', 'arn:x')") is False
