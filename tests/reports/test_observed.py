"""Why an outcome is unknown, in words."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsealed.reports.observed import reason

PLACE = {"account": "123456789012", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (
            {"kind": "call", "service": "s3", "operation": "GetBucketPolicy", "outcome": "denied"},
            "s3:GetBucketPolicy denied (eu-west-1)",
        ),
        (
            {"kind": "out_of_scope", "type": "aws.ec2.vpc", "regions": ["eu-west-1", "us-east-1"]},
            "aws.ec2.vpc out of scope in 123456789012 (eu-west-1, us-east-1)",
        ),
        ({"kind": "policy_error", "message": "no such key: A", "path": None}, "no such key: A"),
    ],
)
def test_every_kind_of_reason_is_said(why: dict[str, Any], said: str) -> None:
    assert reason({**PLACE, **why}) == said
