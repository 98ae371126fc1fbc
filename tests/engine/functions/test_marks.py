"""What a redacted value was taken for, and by which detector."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from cloudsealed.engine import compile_rule
from cloudsealed.vocabulary import SECRET_DETECTOR


def judged(value: Any, now: datetime) -> Any:
    rule = compile_rule(fail_when="holds_secret(resource.Value)")
    return rule.judge({"Value": value}, {}, now)


def mark(*looks_like: str, **given: Any) -> dict[str, Any]:
    found = {"redacted": True, "length": 40, "digest": "00", "looks_like": [*looks_like]}
    return {**found, "detector": SECRET_DETECTOR, **given}


def test_a_value_is_a_secret_where_it_looked_like_one(now: datetime) -> None:
    assert judged(mark("aws_access_key"), now).outcome == "fail"
    assert judged(mark(), now).outcome == "pass"


@pytest.mark.parametrize("version", [SECRET_DETECTOR - 1, SECRET_DETECTOR + 1, None])
def test_the_mark_of_another_detector_is_an_error_and_no_verdict(
    now: datetime, version: int | None
) -> None:
    for looks_like in ((), ("aws_access_key",)):
        found = judged(mark(*looks_like, detector=version), now)
        assert found.outcome == "error"
        assert "the next audit looks anew" in str(found.error)
    without = mark()
    del without["detector"]
    assert judged(without, now).outcome == "error"


@pytest.mark.parametrize("value", ["text", {}, {"redacted": False}, {"length": 40}, 1])
def test_what_was_not_redacted_is_an_error(now: datetime, value: Any) -> None:
    assert judged(value, now).outcome == "error"
