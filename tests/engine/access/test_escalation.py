"""Who can become administrator: known documents, and generated ones against single requests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.engine.access.escalation import (
    Way,
    is_administrator,
    open_ways,
    reaches_every_role,
    ways,
)
from cloudsealed.engine.access.rights import Holder
from cloudsealed.engine.meter import Meter
from cloudsealed.packs.facts import facts

Document = dict[str, Any]
NOW = datetime(2026, 11, 29, tzinfo=UTC)
ACCOUNT = "111122223333"
IAM = f"arn:aws:iam::{ACCOUNT}"


def holder(*documents: Document, within: tuple[Document, ...] = ()) -> Holder:
    return Holder(Meter.at(NOW), documents, within)


def document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> Document:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def all_but(action: Any) -> Document:
    return {"Effect": "Allow", "NotAction": action, "Resource": "*"}


def only_if(operator: str, key: str, value: Any) -> Document:
    return {"Condition": {operator: {key: value}}}


EVERYTHING = allow("*")


@pytest.mark.parametrize("row", facts("iam_escalation"), ids=lambda row: row["id"])
def test_every_way_of_the_facts_is_open_to_who_has_its_permissions(row: dict[str, str]) -> None:
    needed = row["permissions"].split()
    found = list(open_ways(holder(document(allow(needed)))))
    assert found
    assert all(set(way.split(" + ")) <= set(needed) for way in found)


@pytest.mark.parametrize("row", facts("iam_escalation"), ids=lambda row: row["id"])
def test_no_way_of_the_facts_is_open_with_one_permission_less(row: dict[str, str]) -> None:
    for left_out in row["permissions"].split():
        rest = [each for each in row["permissions"].split() if each != left_out]
        found = list(open_ways(holder(document(*([allow(rest)] if rest else [])))))
        assert " + ".join(row["permissions"].split()) not in found


@pytest.mark.parametrize(
    "statements",
    [
        [EVERYTHING],
        [allow("*:*")],
        [allow(["s3:Get*", "*"])],
        [all_but("aws-portal:*")],
        [all_but(["support:*", "ec2:*"])],
        [allow("*", "arn:aws:*:*:*:*")],
        [allow("*", f"arn:aws:*:*:{ACCOUNT}:*")],
        [allow("*", "arn:aws-cn:*:*:*:*")],
        [{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::one"}],
        [
            allow([f"{letter}*" for letter in "abcdefghijklm"]),
            allow([f"{letter}*" for letter in "nopqrstuvwxyz"]),
        ],
        [EVERYTHING, deny("organizations:*")],
        [EVERYTHING, deny("iam:CreateUser")],
        [allow("*", **only_if("Bool", "aws:MultiFactorAuthPresent", "true"))],
        [allow("*", **only_if("IpAddress", "aws:SourceIp", "203.0.113.0/24"))],
        [allow("*", **only_if("StringEquals", "aws:PrincipalTag/team", "ops"))],
        [EVERYTHING, deny("*", **only_if("BoolIfExists", "aws:MultiFactorAuthPresent", "false"))],
        [allow("*", **only_if("DateLessThan", "aws:CurrentTime", "2027-01-01T00:00:00Z"))],
    ],
)
def test_an_administrator_is_one_in_whatever_spelling(statements: list[Document]) -> None:
    assert is_administrator(holder(document(*statements)))


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [allow("iam:*")],
        [allow(["iam:*", "s3:*", "ec2:*", "zzz:*", "aaa:*"])],
        [EVERYTHING, deny(["iam:*", "organizations:*"])],
        [all_but(["iam:*", "organizations:*", "account:*"])],
        [EVERYTHING, deny("*")],
        [EVERYTHING, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}],
        [allow("*", "arn:aws:s3:::*")],
        [allow("*", f"{IAM}:user/bob")],
        [allow("*", **only_if("StringEquals", "aws:ResourceTag/team", "ops"))],
        [allow("*", **only_if("DateLessThan", "aws:CurrentTime", "2021-01-01T00:00:00Z"))],
        [allow("*", **only_if("DateGreaterThan", "aws:CurrentTime", "2027-01-01"))],
    ],
)
def test_who_lacks_something_that_matters_is_no_administrator(statements: list[Document]) -> None:
    assert not is_administrator(holder(document(*statements)))


@pytest.mark.parametrize(
    "statements",
    [
        [allow("iam:*", "arn:aws:iam::*:*")],
        [allow("iam:AttachUserPolicy", f"{IAM}:user/*")],
        [allow("iam:PutUserPolicy", "arn:aws:iam::*:user/${aws:username}")],
        [allow("iam:PutRolePolicy", f"{IAM}:role/app-*")],
        [allow("iam:P?tRolePolicy", "arn:aws:iam:*")],
        [
            allow(
                "iam:AttachRolePolicy",
                **only_if("ArnLike", "iam:PolicyARN", "arn:aws:iam::aws:policy/*"),
            )
        ],
        [allow(["iam:AttachRolePolicy", "sts:AssumeRole"], f"{IAM}:role/app")],
        [
            allow("iam:PassRole", **only_if("StringLike", "iam:PassedToService", "ec2.*")),
            allow("ec2:RunInstances"),
        ],
        [allow("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:1:function:app-*")],
        [allow("lambda:UpdateFunctionCode", **only_if("StringEquals", "aws:ResourceAccount", "1"))],
        [allow("iam:CreateAccessKey", **only_if("StringNotEquals", "aws:ResourceTag/kind", "x"))],
        [allow("iam:PutUserPolicy"), deny("iam:PutUserPolicy", f"{IAM}:user/root-like")],
        [
            allow("iam:PutUserPolicy"),
            deny("iam:PutUserPolicy", **only_if("StringEquals", "aws:ResourceTag/a", "b")),
        ],
        [
            allow("iam:AttachUserPolicy"),
            deny(
                "iam:AttachUserPolicy",
                **only_if(
                    "ArnEquals", "iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess"
                ),
            ),
        ],
        [all_but("iam:*")],
    ],
)
def test_what_covers_more_than_is_named_is_a_way(statements: list[Document]) -> None:
    assert list(open_ways(holder(document(*statements))))


@pytest.mark.parametrize(
    "statements",
    [
        [allow("iam:Get*")],
        [allow("iam:PassRole")],
        [allow("iam:PutRolePolicy", f"{IAM}:role/app")],
        [allow("iam:PutRolePolicy", "arn:aws:iam::*:role/app")],
        [allow("iam:PutRolePolicy", "arn:aws:s3:::*")],
        [allow(["iam:CreateAccessKey", "iam:UpdateLoginProfile"], f"{IAM}:user/${{aws:username}}")],
        [allow("lambda:UpdateFunctionCode", "arn:aws:lambda:*:1:function:app:*")],
        [allow("cloudformation:UpdateStack", "arn:aws:cloudformation:*:1:stack/app/*")],
        [allow("iam:PassRole", f"{IAM}:role/app"), allow("ec2:*Instances")],
        [
            allow(
                "iam:PassRole", **only_if("StringEquals", "iam:PassedToService", "s3.amazonaws.com")
            ),
            allow("ec2:RunInstances"),
        ],
        [allow("iam:AttachRolePolicy", **only_if("ArnEquals", "iam:PolicyARN", f"{IAM}:policy/x"))],
        [allow("iam:PutRolePolicy", **only_if("StringEquals", "iam:PermissionsBoundary", "arn:b"))],
        [allow("ssm:StartSession", **only_if("StringEquals", "ssm:resourceTag/owner", "me"))],
        [allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/AWS-RunShellScript")],
        [
            allow("iam:AttachRolePolicy", f"{IAM}:role/one"),
            allow("sts:AssumeRole", f"{IAM}:role/other"),
        ],
        [allow("iam:PutUserPolicy"), deny("iam:Put*", f"{IAM}:user/*")],
        [
            allow("iam:PutUserPolicy"),
            {"Effect": "Deny", "Action": "iam:*", "NotResource": f"{IAM}:user/bob"},
        ],
        [
            allow("iam:PutRolePolicy"),
            deny(
                "iam:*", **only_if("StringNotEquals", "iam:PermissionsBoundary", f"{IAM}:policy/b")
            ),
        ],
        [
            allow("iam:PassRole"),
            allow("ec2:RunInstances"),
            deny(
                "iam:PassRole",
                **only_if("StringNotEquals", "iam:PassedToService", "s3.amazonaws.com"),
            ),
        ],
    ],
)
def test_what_is_named_or_limited_is_no_way(statements: list[Document]) -> None:
    assert list(open_ways(holder(document(*statements)))) == []


def test_documents_together_open_what_none_opens_alone() -> None:
    one, other = document(allow("iam:PassRole")), document(allow("ec2:RunInstances"))
    assert list(open_ways(holder(one, other))) == ["iam:PassRole + ec2:RunInstances"]
    assert not [*open_ways(holder(one)), *open_ways(holder(other))]


def test_a_boundary_limits_what_documents_allow() -> None:
    everything = document(EVERYTHING)
    storage = document(allow("s3:*"))
    assert not is_administrator(holder(everything, within=(storage,)))
    assert list(open_ways(holder(everything, within=(storage,)))) == []
    assert is_administrator(holder(everything, within=(document(all_but("support:*")),)))
    users = document(allow("iam:PutUserPolicy", f"{IAM}:user/app-*"))
    others = document(allow("iam:*", f"{IAM}:user/other-*"))
    assert list(open_ways(holder(users, within=(others,)))) == []


@pytest.mark.parametrize(
    ("statement", "every"),
    [
        (allow("sts:AssumeRole"), True),
        (allow("sts:*", "arn:aws:iam::*:role/*"), True),
        (allow("sts:Assume*", f"{IAM}:role/*"), True),
        (allow("sts:AssumeRole", **only_if("Bool", "aws:MultiFactorAuthPresent", True)), True),
        (allow("sts:AssumeRole", **only_if("StringEquals", "aws:ResourceOrgID", "o-a")), False),
        (allow("sts:AssumeRole", f"{IAM}:role/app-*"), False),
        (allow("sts:AssumeRole", "arn:aws:iam::*:role/deploy"), False),
        (allow("sts:AssumeRole", f"{IAM}:role/team/*"), False),
        (allow("sts:GetCallerIdentity"), False),
    ],
)
def test_who_may_assume_every_role(statement: Document, every: bool) -> None:
    assert reaches_every_role(holder(document(statement))) is every


NEW = ("zz9", "app-zz9", "team/zz9")
"""Names that no pattern of the generated documents is; only things of IAM have paths."""
KNOWN = ("app", "team/app")
PLACES = {
    "role": f"{IAM}:role/",
    "user": f"{IAM}:user/",
    "group": f"{IAM}:group/",
    "policy": f"{IAM}:policy/",
    "function": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:",
    "instance": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/",
    "managed-instance": f"arn:aws:ssm:eu-west-1:{ACCOUNT}:managed-instance/",
    "service": f"arn:aws:apprunner:eu-west-1:{ACCOUNT}:service/",
}


ELSEWHERE = [
    place.replace("eu-west-1", "us-east-1").replace(ACCOUNT, "444455556666")
    for place in PLACES.values()
]
"""Where no pattern leads that names a region or an account."""


def things(*names: str, places: Iterable[str] = PLACES.values()) -> list[str]:
    """The ARN of a thing of each kind, by each name that it can have."""
    return [
        place + name for place in places for name in names if "/" not in name or ":iam:" in place
    ]


RESOURCES = st.sampled_from(
    ("*", "arn:aws:iam::*:*", *things("*", "app", "app-*", "team/*", "team/app"))
)
SERVICES = ("iam", "sts", "lambda", "ssm", "apprunner")
OF_INTEREST = tuple(
    way for way in ways() if {need.split(":")[0] for need in way.needs} <= set(SERVICES)
)
ACTIONS = st.one_of(
    st.sampled_from(sorted({need for way in OF_INTEREST for need in way.needs})),
    st.sampled_from(
        ("*", "iam:*", "iam:Put*", "iam:*Policy", "iam:Attach?serPolicy", "LAMBDA:*", "s3:*")
    ),
)


@st.composite
def generated(draw: Any) -> Document:
    some = {"min_size": 1, "max_size": 3}
    return {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Allow", "Deny"))),
        draw(st.sampled_from(("Action", "Action", "NotAction"))): draw(st.lists(ACTIONS, **some)),
        draw(st.sampled_from(("Resource", "Resource", "NotResource"))): draw(
            st.lists(RESOURCES, **some)
        ),
    }


def is_about(statement: Document, action: str, resource: str) -> bool:
    def taken(name: str, text: str, fold: Any) -> bool:
        negated = f"Not{name}" in statement
        patterns = statement[f"Not{name}" if negated else name]
        return any(fnmatchcase(fold(text), fold(each)) for each in patterns) != negated

    return taken("Action", action, str.lower) and taken("Resource", resource, str)


def allowed(statements: list[Document], action: str, resource: str) -> bool:
    """Whether single requests are; actions of IAM are on what is in the own account."""
    effects = {each["Effect"] for each in statements if is_about(each, action, resource)}
    at_home = ACCOUNT in resource or not action.startswith("iam:")
    return effects == {"Allow"} and at_home


def plainly_open(statements: list[Document], way: Way) -> bool:
    """The same question, asked request by request: on things that no pattern names."""
    places = [*PLACES.values(), *ELSEWHERE]
    every = things(*NEW, *KNOWN, places=places)

    def reached(reach: str, names: tuple[str, ...]) -> list[str]:
        return [thing for thing in things(*names, places=places) if fnmatchcase(thing, reach)]

    subject = any(
        allowed(statements, want.action, thing)
        for want in way.subjects
        for thing in reached(want.reach, NEW)
    )
    others = all(
        any(allowed(statements, want.action, thing) for thing in (*every, "arn:aws:any:::thing"))
        for want in way.others
    )
    together = bool(way.together) and any(
        all(allowed(statements, want.action, thing) for want in way.together)
        for thing in reached(way.together[0].reach, (*NEW, *KNOWN))
    )
    return (subject and others) or together


@settings(max_examples=60)
@given(st.lists(generated(), min_size=1, max_size=4))
def test_ways_are_open_as_single_requests_say(statements: list[Document]) -> None:
    given_all = holder({"Statement": statements})
    for way in OF_INTEREST:
        assert way.is_open(given_all) == plainly_open(statements, way), way.name
