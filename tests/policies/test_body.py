"""A policy's body is read strictly: what is wrong is named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.policies.body import read_key, read_kind, read_spec
from cloudsealed.vocabulary import PolicyKind

CHECK: dict[str, Any] = {
    "title": "t",
    "dimension": "cost",
    "severity": "low",
    "resource_types": ["aws.sqs.queue"],
    "fail_when": "true",
}
CLASSIFICATION: dict[str, Any] = {
    "kind": "classification", "title": "t", "when": "true", "suppress": True, "reason": "r",
}  # fmt: skip


def test_a_check_has_every_field_with_its_default() -> None:
    assert read_kind(CHECK) is PolicyKind.CHECK
    assert read_spec(CHECK) == CHECK | {
        "applies_when": None, "related": {}, "params": {}, "message": None, "description": None,
        "remediation": None, "controls": [],
    }  # fmt: skip


def test_what_a_spec_says_is_read_again_as_the_same() -> None:
    full = CHECK | {
        "related": {"topic": {"type": "aws.sns.topic", "from": "A", "key": "B"}},
        "remediation": "Close it", "controls": [{"framework": "f", "control": "1"}],
    }  # fmt: skip
    spec = read_spec(full)
    assert read_spec(spec) == spec
    rule = read_spec(CLASSIFICATION)
    assert read_spec({**rule, "kind": "classification"}) == rule


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"dimension": "beauty"}, "dimension"),
        ({"severity": None}, "severity"),
        ({"resource_types": []}, "resource_types"),
        ({"resource_types": ["aws.none.such"]}, "resource_types"),
        ({"fail_when": None}, "fail_when"),
        ({"fail_when": "x" * 4097}, "fail_when"),
        ({"related": {"A": {"type": "aws.sqs.queue"}}}, "related.A"),
        ({"related": {"a": {}}}, "related.a.type"),
        ({"related": {"a": {"type": "aws.sqs.queue", "from": "x"}}}, "related.a.key"),
        ({"related": {"a": {"type": "aws.sqs.queue", "scope": "moon"}}}, "related.a.scope"),
        ({"related": {"a": {"type": "aws.sqs.queue", "x": 1}}}, "related.a.x"),
        ({"remediation": {"effort": "none", "summary": "s"}}, "remediation.effort"),
        ({"remediation": 5}, "remediation"),
        ({"controls": {}}, "controls"),
        ({"controls": [{"framework": "f"}]}, "controls[0].control"),
        ({"when": "true"}, "when"),
    ],
)
def test_a_check_that_is_wrong_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CloudSealedError) as caught:
        read_spec(CHECK | changes)
    assert [detail["field"] for detail in caught.value.details] == [field]


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
    with pytest.raises(CloudSealedError) as caught:
        read_spec(CLASSIFICATION | changes)
    assert [detail["field"] for detail in caught.value.details] == [field]


@pytest.mark.parametrize("key", ["", "A", "a_b", "a--b", "-a", "a-", "pol_a", "a\n", "x" * 101, 1])
def test_a_key_that_could_be_taken_for_something_else_is_refused(key: object) -> None:
    with pytest.raises(CloudSealedError) as caught:
        read_key({"key": key})
    assert caught.value.details[0]["field"] == "key"
