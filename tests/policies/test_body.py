"""A policy's body is read strictly: what is wrong is named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.body import read_policy_body
from cloudsealed.policies.model import InvalidPolicyExpressionError
from cloudsealed.vocabulary import PolicyKind

CHECK: dict[str, Any] = {
    "key": "k",
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "true",
}
CLASSIFICATION: dict[str, Any] = {
    "kind": "classification",
    "key": "k",
    "title": "t",
    "when": "true",
    "suppress": True,
    "reason": "r",
}


def refused(body: Any) -> dict[str, Any]:
    with pytest.raises(CloudSealedError) as caught:
        read_policy_body(body)
    assert caught.value.status == 422
    detail = caught.value.details[0]
    assert detail["message"] == caught.value.message
    return dict(detail)


def test_a_check_has_every_field_with_its_default() -> None:
    body = read_policy_body(CHECK)
    assert (body.kind, body.key, body.enabled) == (PolicyKind.CHECK, "k", True)
    said = {name: value for name, value in CHECK.items() if name != "key"}
    assert body.words == said | {
        "applies_when": None,
        "related": {},
        "params": {},
        "message": None,
        "description": None,
        "remediation": None,
        "controls": [],
        "references": [],
        "discriminator": None,
    }


def test_a_classification_has_every_field_with_its_default() -> None:
    body = read_policy_body(CLASSIFICATION | {"enabled": False, "expires_at": "2030-01-01T00:00Z"})
    assert (body.kind, body.key, body.enabled) == (PolicyKind.CLASSIFICATION, "k", False)
    assert body.words == {
        "title": "t",
        "when": "true",
        "set": None,
        "suppress": True,
        "reason": "r",
        "expires_at": "2030-01-01T00:00:00.000Z",
    }


def test_a_remediation_of_one_string_is_its_summary() -> None:
    assert read_policy_body(CHECK | {"remediation": "Close it"}).words["remediation"] == {
        "summary": "Close it",
        "cli": None,
        "terraform": None,
        "effort": "medium",
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"dimension": "beauty"}, "dimension"),
        ({"severity": None}, "severity"),
        ({"resource_types": []}, "resource_types"),
        ({"resource_types": ["aws.none.such"]}, "resource_types[0]"),
        ({"resource_types": ["aws.sqs.queue"] * 2}, "resource_types[1]"),
        ({"resource_types": ["aws.sqs.queue"] * 21}, "resource_types"),
        ({"fail_when": None}, "fail_when"),
        ({"related": {"A": {"type": "aws.sqs.queue"}}}, "related.A"),
        ({"related": {"a": {}}}, "related.a.type"),
        ({"related": {"a": {"type": "aws.sqs.queue", "from": "x"}}}, "related.a.key"),
        ({"related": {"a": {"type": "aws.sqs.queue", "key": "x"}}}, "related.a.from"),
        ({"related": {"a": {"type": "aws.sqs.queue", "scope": "moon"}}}, "related.a.scope"),
        ({"related": {"a": {"type": "aws.sqs.queue", "x": 1}}}, "related.a.x"),
        ({"remediation": {"effort": "none", "summary": "s"}}, "remediation.effort"),
        ({"remediation": 5}, "remediation"),
        ({"enabled": None}, "enabled"),
        ({"examples": {}}, "examples"),
        ({"controls": {}}, "controls"),
        ({"controls": [{"framework": "f", "control": "c"}] * 51}, "controls"),
        ({"controls": [{"framework": "f"}]}, "controls[0].control"),
        ({"when": "true"}, "when"),
    ],
)
def test_a_check_that_is_wrong_names_the_field(changes: dict[str, Any], field: str) -> None:
    assert refused(CHECK | changes)["field"] == field


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ([], "invalid_field", "body must be a mapping"),
        ({"kind": "rule"}, "invalid_field", "kind must be one of: check, classification"),
        ({}, "missing_field", "key is required"),
        (CHECK | {"titel": 1}, "unknown_field", "Unknown field 'titel'; did you mean 'title'?"),
        (
            CHECK | {"remediation": {"summary": "s", "efort": "low"}},
            "unknown_field",
            "Unknown field 'remediation.efort'; did you mean 'remediation.effort'?",
        ),
        (
            CHECK | {"resource_types": ["aws.sqs.queu"]},
            "invalid_field",
            "resource_types[0] cannot be 'aws.sqs.queu'; did you mean 'aws.sqs.queue'?",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_was_probably_meant(
    body: Any, code: str, message: str
) -> None:
    detail = refused(body)
    assert (detail["code"], detail["message"]) == (code, message)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"suppress": False}, "set"),
        ({"set": {"severity": "low"}}, "set"),
        ({"suppress": False, "set": {}}, "set.severity"),
        ({"suppress": False, "set": {"status": "open"}}, "set.status"),
        ({"reason": None}, "reason"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"fail_when": "true"}, "fail_when"),
    ],
)
def test_a_classification_that_is_wrong_names_the_field(
    changes: dict[str, Any], field: str
) -> None:
    assert refused(CLASSIFICATION | changes)["field"] == field


@pytest.mark.parametrize("key", ["", "A", "a_b", "a--b", "-a", "a-", "pol_a", "a\n", "x" * 101, 1])
def test_a_key_that_could_be_taken_for_something_else_is_refused(key: object) -> None:
    assert refused(CHECK | {"key": key})["field"] == "key"


@pytest.mark.parametrize("text", ["", " \n", "x" * 4097])
@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("fail_when", lambda text: {**CHECK, "fail_when": text}),
        ("applies_when", lambda text: {**CHECK, "applies_when": text}),
        (
            "severity_when[0].when",
            lambda text: {**CHECK, "severity_when": [{"when": text, "severity": "low"}]},
        ),
        ("when", lambda text: {**CLASSIFICATION, "when": text}),
    ],
)
def test_an_expression_that_is_blank_or_too_long_is_none(field: str, body: Any, text: str) -> None:
    with pytest.raises(InvalidPolicyExpressionError) as caught:
        read_policy_body(body(text))
    (detail,) = caught.value.details
    assert (detail["field"], detail["code"]) == (field, "invalid_policy_expression")
    assert (detail["line"], detail["column"]) == (1, 1)
