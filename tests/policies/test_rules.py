"""A misspelt field is found when a policy is written, with its line, column and what was meant."""

from __future__ import annotations

import pytest

from cloudsealed.engine import ExpressionError
from cloudsealed.policies.model import InvalidPolicyExpressionError
from cloudsealed.policies.rules import compile_check, compile_classification, refuse_broken
from cloudsealed.vocabulary import PolicyKind

BUCKET = {"resource_types": ["aws.s3.bucket"]}


@pytest.mark.parametrize(
    ("fail_when", "said"),
    [
        ("resource.Versionning", "no field 'Versionning' in aws.s3.bucket; did you mean"),
        ("resource.Versioning.Statu == 'x'", "no field 'Statu' in aws.s3.bucket"),
        ("true &&\n  has(resource.Nmae)", "did you mean 'Name'"),
    ],
)
def test_a_field_that_the_type_has_not_is_refused_where_it_stands(
    fail_when: str, said: str
) -> None:
    with pytest.raises(ExpressionError, match=said) as met:
        compile_check({"fail_when": fail_when, **BUCKET})
    line = fail_when.count("\n") + 1
    assert (met.value.field, met.value.line) == ("fail_when", line)
    assert fail_when.splitlines()[line - 1][met.value.column - 1 :].startswith(
        ("Versionning", "Statu", "Nmae")
    )


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("finding.severty == 'high'", "no field 'severty' in a finding; did you mean 'severity'"),
        ("resource.Versionning == 1", "no field 'Versionning' in any resource type"),
    ],
)
def test_a_classification_may_be_of_every_type_and_of_no_other_field(when: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        compile_classification({"when": when})
    with pytest.raises(InvalidPolicyExpressionError, match="when, line 1, column") as met:
        refuse_broken(PolicyKind.CLASSIFICATION, {"when": when})
    assert met.value.details[0]["suggestion"]


def test_what_any_type_has_is_known_to_classifications() -> None:
    for when in ("resource.Versioning.Status == 'Enabled'", "resource.IpPermissions.size() > 0"):
        assert compile_classification({"when": when})
