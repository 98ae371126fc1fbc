"""A form of what counts says an expression that means what the form says."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.console.criteria import classification_of, expression_of, query_of, said
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.errors import InvalidFieldError, MissingFieldError
from cloudsealed.policies.body import read_policy_body
from cloudsealed.policies.rules import compile_classification

FINDING = {
    "policy": "aws-s3-bucket-public-read",
    "severity": "high",
    "title": "t",
    "dimension": "security",
    "account": "123456789012",
    "region": "eu-west-1",
    "resource_type": "aws.s3.bucket",
}
HOSTILE = "it's \"quoted\" \\ back\n\u202e \U0001f4a5 ' || true || '"
WHOLE = {"title": ["Prod first"], "reason": ["agreed"], "effect": ["critical"]}


def _matches(form: dict[str, list[str]], tags: dict[str, str], **finding: str) -> Any:
    expression = compile_classification({"when": expression_of(form)}).ready()
    documents = {
        "resource": {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]},
        "finding": {**FINDING, **finding},
    }
    return expression.evaluate(documents, utc_now())


@pytest.mark.parametrize(
    ("test", "value", "tags", "expected"),
    [
        ("is", "prod", {"env": "prod"}, True),
        ("is", "prod", {"env": "test"}, False),
        ("is", "prod", {}, False),
        ("is", "prod, live", {"env": "live"}, True),
        ("is_not", "prod", {"env": "test"}, True),
        ("is_not", "prod", {}, True),
        ("is_not", "prod,live", {"env": "live"}, False),
        ("there", "", {"env": "x"}, True),
        ("there", "", {}, False),
        ("missing", "", {}, True),
        ("missing", "", {"env": ""}, False),
    ],
)
def test_a_tag_is_asked_for_as_the_form_says(
    test: str, value: str, tags: dict[str, str], expected: bool
) -> None:
    form = {"tag_key": ["env"], "tag_test": [test], "tag_value": [value]}
    assert _matches(form, tags) is expected


def test_what_is_said_of_a_finding_must_all_hold_one_of_each_kind() -> None:
    form = {
        "account": ["123456789012", "210987654321"],
        "dimension": ["security", "cost"],
        "policy": ["aws-s3-bucket-public-read"],
        "region": ["eu-west-1"],
        "resource_type": ["aws.s3.bucket"],
        "severity": ["high"],
    }
    assert _matches(form, {}) is True
    assert _matches(form, {}, dimension="cost") is True
    for name in form:
        assert _matches(form, {}, **{name: "another"}) is False, name


def test_no_text_of_a_form_becomes_an_expression() -> None:
    form = {"tag_key": [HOSTILE], "tag_test": ["is"], "tag_value": ["' || true || '"]}
    assert _matches(form, {"env": "prod"}) is False
    assert _matches(form, {HOSTILE.strip(): "' || true || '"}) is True


def test_values_that_are_typed_stand_beside_those_that_are_ticked() -> None:
    form = {"account": ["1", "2, 3 ,", "1"]}
    assert expression_of(form) == "finding.account in ['1', '2', '3']"


def test_a_form_makes_a_body_that_the_api_takes() -> None:
    form = {**WHOLE, "tag_key": ["env"], "tag_value": ["prod"], "until": ["2027-01-31"]}
    body = classification_of(form)
    assert body["key"] == "prod-first"
    read = read_policy_body(body)
    assert read.words["set"] == {"severity": "critical"}
    assert read.words["expires_at"].startswith("2027-01-31T23:59:59")
    assert read.words["when"] == "tag(resource, 'env') == 'prod'"
    suppressing = classification_of({**form, "effect": ["suppress"], "key": ["mine"]})
    assert (suppressing["key"], suppressing["suppress"]) == ("mine", True)
    assert read_policy_body(suppressing).words["set"] is None


def test_a_form_that_would_match_everything_is_refused() -> None:
    with pytest.raises(InvalidFieldError, match="at least one condition"):
        classification_of({**WHOLE, "tag_key": [" "], "account": ["", " , "]})
    with pytest.raises(MissingFieldError):
        classification_of({**WHOLE, "tag_key": ["env"], "tag_value": [""]})


def test_the_address_of_a_form_says_it_whole() -> None:
    form = {"tag_key": [" env "], "account": ["1", "2"], "csrf": ["secret"], "do": ["preview"]}
    assert said(form) == {"tag_key": ["env"], "account": ["1", "2"]}
    assert query_of(form, simulation="sim_1") == "tag_key=env&account=1&account=2&simulation=sim_1"
