"""What documents allow, held equal to asking every pair of a small world, one by one."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsealed.engine import EvaluationError
from cloudsealed.engine.access.statements import allows_all, may, raw_statements, statements
from cloudsealed.engine.meter import Meter

ACTIONS = ["s3:a", "s3:b", "ec2:a", "zz:z"]
RESOURCES = ["arn:x/1", "arn:x/2", "arn:y", "other"]
_ACTION = st.sampled_from(["*", "s3:*", "S3:A", "s3:?", "ec2:a", "*:a", "zz:z"])
_RESOURCE = st.sampled_from(["*", "arn:*", "arn:x/*", "arn:x/1", "arn:?", "other"])


def _some(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=2)


@st.composite
def _statement(draw: st.DrawFn) -> dict[str, Any]:
    action = draw(st.sampled_from(["Action", "NotAction"]))
    resource = draw(st.sampled_from(["Resource", "NotResource"]))
    effect = draw(st.sampled_from(["Allow", "Deny"]))
    return {"Effect": effect, action: draw(_some(_ACTION)), resource: draw(_some(_RESOURCE))}


DOCUMENTS = st.lists(_statement(), max_size=4)


def _fits(value: Any, text: str) -> bool:
    listed = value if isinstance(value, list) else [value]
    return any(fnmatch.fnmatchcase(text, each) for each in listed)


def _is_about(statement: dict[str, Any], action: str, resource: str) -> bool:
    lower = json.loads(json.dumps(statement).lower())
    about = (
        _fits(lower["action"], action)
        if "action" in lower
        else not _fits(lower["notaction"], action)
    )
    if "resource" in lower:
        return about and _fits(lower["resource"], resource)
    return about and not _fits(lower["notresource"], resource)


def _allowed(document: list[dict[str, Any]], action: str, resource: str) -> bool:
    effects = {each["Effect"] for each in document if _is_about(each, action, resource)}
    return effects == {"Allow"}


@settings(max_examples=200)
@given(DOCUMENTS, _ACTION, _RESOURCE)
def test_documents_may_what_a_pair_of_the_world_may(
    document: list[dict[str, Any]], action: str, resource: str
) -> None:
    asked = {"Effect": "Allow", "Action": action, "Resource": resource}
    pairs = [(a, r) for a in ACTIONS for r in RESOURCES if _is_about(asked, a, r)]
    allowed = [_allowed(document, a, r) for a, r in pairs]
    policy = {"Statement": document}
    if any(allowed):
        assert may(Meter(), [policy], action, resource)
    if not all(allowed):
        assert not allows_all(Meter(), [policy], action, resource)
    if allows_all(Meter(), [policy], action, resource):
        assert may(Meter(), [policy], action, resource)


@settings(max_examples=200)
@given(DOCUMENTS, st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))
def test_one_action_on_one_resource_is_decided_exactly(
    document: list[dict[str, Any]], action: str, resource: str
) -> None:
    policy = {"Statement": document}
    allowed = _allowed(document, action, resource)
    assert may(Meter(), [policy], action, resource) is allowed
    assert allows_all(Meter(), [policy], action, resource) is allowed


ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ({"Action": "s3:*", "Resource": "*"}, True),
        ({"Action": "*", "Resource": "arn:x"}, True),
        ({"Action": "*", "Resource": "*"}, False),
        ({"Action": "*", "Resource": ["arn:*", "*"]}, False),
        ({"NotAction": "iam:*", "Resource": "*"}, True),
        ({"NotAction": [], "NotResource": []}, False),
        ({"Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}}, True),
        ({"Action": "*", "Resource": "${aws:username}*"}, True),
        ({"Action": "*", "NotResource": "${aws:username}*"}, True),
    ],
)
def test_what_is_left_after_a_statement_that_denies(denied: dict[str, Any], left: bool) -> None:
    policy = {"Statement": [ALL, {"Effect": "Deny", **denied}]}
    assert may(Meter(), [policy], "*") is left
    sure = "Condition" not in denied and "{" not in str(denied)[1:-1]
    assert allows_all(Meter(), [policy], "*") is not sure


def test_two_documents_are_joined() -> None:
    split = [{"Statement": {**ALL, "Action": "s3:Get*"}}, {"Statement": {**ALL, "Action": "s3:?*"}}]
    assert allows_all(Meter(), split, "s3:?*")
    assert not allows_all(Meter(), split[:1], "s3:?*")
    denied = [*split, {"Statement": {**ALL, "Effect": "Deny", "Action": "s3:GetObject"}}]
    assert not may(Meter(), denied, "s3:GetObject")
    assert may(Meter(), denied, "s3:GetObject*")


def test_a_partition_is_no_difference() -> None:
    policy = {"Statement": {**ALL, "Resource": "arn:aws-cn:s3:::b/*"}}
    assert may(Meter(), [policy], "s3:GetObject", "arn:aws:s3:::b/x")


def test_a_document_in_text_is_read() -> None:
    assert len(raw_statements(Meter(), json.dumps({"Statement": [ALL, ALL]}))) == 2
    assert raw_statements(Meter(), None) == []


@pytest.mark.parametrize(
    "document",
    [
        *("{", 5, ["a"], {"Statement": "text"}, {"Statement": [{"Action": "*"}]}),
        {"Statement": {"Effect": "allow", "Action": "*"}},
        {"Statement": {"Effect": "Allow"}},
        {"Statement": {"Effect": "Allow", "Action": {"a": 1}}},
        {"Statement": {"Effect": "Allow", "Action": ["a", 1]}},
    ],
)
def test_a_document_of_a_strange_shape_is_an_error(document: object) -> None:
    with pytest.raises(EvaluationError):
        statements(Meter(), document)


def test_denies_that_leave_little_spend_no_more_than_the_budget() -> None:
    denies = [
        {"Effect": "Deny", "Action": ["*a*", f"*b*{n}"], "Resource": [f"*c*{n}*", "*d*"]}
        for n in range(60)
    ]
    everywhere = {"Effect": "Deny", "Action": "*", "Resource": "?*e*"}
    region = {"Effect": "Allow", "Action": "*b*", "Resource": "*e"}
    with pytest.raises(EvaluationError):
        may(Meter(), [{"Statement": [region, *denies, everywhere, {**ALL, "Effect": "Deny"}]}], "*")
