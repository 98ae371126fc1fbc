"""Whom trust policies let in: shared issuers of tokens, issuers of one's own, and all of AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cloudsealed.engine import EvaluationError
from cloudsealed.engine.access.trust import strangers_let_in
from cloudsealed.engine.meter import Meter
from cloudsealed.packs.facts import facts

GITHUB = "token.actions.githubusercontent.com"
REPOSITORIES = "every repository of GitHub"
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def let_in(*statements: dict[str, Any]) -> list[str]:
    return strangers_let_in(Meter.at(NOW), {"Statement": list(statements)})


def web(issuer: str, condition: Any = None, action: str = "sts:AssumeRoleWithWebIdentity") -> Any:
    provider = f"arn:aws:iam::111122223333:oidc-provider/{issuer}"
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": action}
    return {**statement, "Condition": condition} if condition else statement


def aws(principal: Any, condition: Any = None) -> Any:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {**statement, "Condition": condition} if condition else statement


def sub(operator: str, value: Any, issuer: str = GITHUB) -> Any:
    return {operator: {f"{issuer}:sub": value}}


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}},
        sub("StringLike", "*"),
        sub("StringLike", "repo:*"),
        sub("StringLike", "repo:octo*"),
        sub("StringLike", "repo:*/app:*"),
        sub("StringLike", ["repo:octo/*", "repo:*"]),
        sub("StringNotLike", "repo:octo/*"),
        sub("StringNotEquals", "repo:octo/app:ref:refs/heads/main"),
        {"Null": {f"{GITHUB}:sub": "false"}},
        {"ForAllValues:StringEquals": {f"{GITHUB}:repository_owner": "octo"}},
        {"StringEqualsIfExists": {f"{GITHUB}:repository": "octo/app"}},
        sub("StringEquals", "project_path:a/b:ref_type:branch:ref:main", issuer="gitlab.com"),
    ],
)
def test_github_without_a_condition_on_whose_a_token_is_lets_every_repository_in(
    condition: Any,
) -> None:
    assert let_in(web(GITHUB, condition)) == [REPOSITORIES]


@pytest.mark.parametrize(
    "condition",
    [
        sub("StringEquals", "repo:octo/app:ref:refs/heads/main"),
        sub("StringLike", "repo:octo/*"),
        sub("StringLike", ["repo:octo/*", "repo:other/app:*"]),
        sub("StringEquals", "repo:*"),  # no wildcard there: nobody has this very text
        sub("ForAllValues:StringLike", "repo:octo/*"),  # every token has a sub
        sub("ForAnyValue:StringLike", "repo:octo/*"),
        sub("StringLike", "repository_owner_id:1234:*"),
        {"StringLike": {f"{GITHUB.upper()}:SUB": "repo:octo/*"}},
        {"StringEquals": {f"{GITHUB}:repository_owner": "octo"}},
        {"StringLike": {f"{GITHUB}:job_workflow_ref": "octo/flows/*"}},
        {"StringLike": {f"{GITHUB}:sub": "repo:*", f"{GITHUB}:repository": "octo/app"}},
    ],
)
def test_github_with_a_condition_that_only_ones_own_tokens_meet_lets_nobody_else_in(
    condition: Any,
) -> None:
    assert let_in(web(GITHUB, condition)) == []


@pytest.mark.parametrize("issuer", sorted({row["issuer"] for row in facts("oidc_issuers")}))
def test_every_shared_issuer_lets_all_in_without_its_claim(issuer: str) -> None:
    rows = [row for row in facts("oidc_issuers") if row["issuer"] == issuer]
    name = issuer.replace("*", "eu-west-1.amazonaws.com", 1).replace("*", "AB12")
    assert let_in(web(name)) == [rows[0]["everyone"]]
    for row in rows:
        key = row["claim"] if ":" in row["claim"] else f"{name}:{row['claim']}"
        named = row["shape"].replace("{}", "mine")
        assert let_in(web(name, {"StringEquals": {key: named or "mine"}})) == []
        if named:
            assert let_in(web(name, {"StringLike": {key: f"{named}*"}})) == []
        assert let_in(web(name, {"StringLike": {key: "*"}})) == [row["everyone"]]


def test_the_built_in_providers_are_issuers_by_their_own_name() -> None:
    cognito = "cognito-identity.amazonaws.com"
    statement = {**web(cognito), "Principal": {"Federated": cognito}}
    known = {"ForAnyValue:StringLike": {f"{cognito}:amr": "authenticated"}}
    pool = {"StringEquals": {f"{cognito}:aud": "eu-west-1:1234"}}
    assert let_in(statement) == ["every identity pool of Cognito"]
    assert let_in({**statement, "Condition": known}) == ["every identity pool of Cognito"]
    assert let_in({**statement, "Condition": {**known, **pool}}) == []


def test_of_an_issuer_of_ones_own_any_condition_on_a_claim_counts() -> None:
    assert let_in(web("id.example.com")) == ["everybody whom id.example.com knows"]
    assert let_in(web("id.example.com", {"StringLike": {"id.example.com:aud": "*"}})) != []
    assert let_in(web("id.example.com", {"StringEquals": {"id.example.com:aud": "app"}})) == []
    enterprise = f"{GITHUB}/octo-enterprise"
    assert let_in(web(enterprise, {"StringEquals": {f"{enterprise}:aud": "a"}})) == []


def test_a_deny_for_all_others_closes_as_a_condition_does() -> None:
    deny = {**web(GITHUB, sub("StringNotLike", "repo:octo/*")), "Effect": "Deny", "Principal": "*"}
    assert let_in(web(GITHUB), deny) == []
    other = {**deny, "Condition": sub("StringNotLike", "repo:*")}
    assert let_in(web(GITHUB), other) == [REPOSITORIES]


@pytest.mark.parametrize(
    ("statement", "everybody"),
    [
        (aws("*"), True),
        (aws({"AWS": ["111122223333", "*"]}), True),
        (aws("*", {"StringEquals": {"sts:ExternalId": "secret"}}), True),
        (aws("*", {"StringEquals": {"aws:PrincipalTag/team": "ops"}}), True),
        (aws("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}}), True),
        (aws("*", {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a"}}), True),
        (aws("*", {"StringEquals": {"aws:PrincipalOrgID": "o-a"}}), False),
        (aws("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}), False),
        (aws({"AWS": "arn:aws:iam::444455556666:root"}), False),
        (aws({"Service": "ec2.amazonaws.com"}), False),
        ({**aws("*"), "Action": "sts:TagSession"}, False),
        ({**aws("*"), "Action": "sts:*"}, True),
    ],
)
def test_everybody_in_aws_is_let_in_as_by_any_resource_policy(
    statement: Any, everybody: bool
) -> None:
    assert let_in(statement) == (["everybody in AWS"] if everybody else [])


def test_all_but_some_are_everybody() -> None:
    statement = aws(None) | {"NotPrincipal": {"AWS": "arn:aws:iam::111122223333:root"}}
    del statement["Principal"]
    assert let_in(statement) == ["everybody in AWS"]


def test_saml_providers_and_other_actions_let_in_nobody_unnamed() -> None:
    saml = web(GITHUB, action="sts:AssumeRoleWithSAML")
    saml["Principal"] = {"Federated": "arn:aws:iam::111122223333:saml-provider/corp"}
    assert let_in(saml) == []
    assert let_in(web(GITHUB, action="sts:TagSession")) == []


def test_each_of_several_is_said_once() -> None:
    assert let_in(web(GITHUB), web(GITHUB), web("gitlab.com"), aws("*")) == [
        "everybody in AWS",
        REPOSITORIES,
        "every project of GitLab.com",
    ]


def test_a_trust_policy_of_a_strange_shape_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        let_in({**web(GITHUB), "Principal": {"Federated": 5}})
