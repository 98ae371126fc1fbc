from __future__ import annotations

from datetime import datetime

import pytest

from cloudsealed.engine import EvaluationError, compile_expression, compile_rule


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_an_arn_is_taken_apart_in_every_partition(partition: str, now: datetime) -> None:
    text = f"arn:{partition}:logs:eu-west-1:111122223333:log-group:trail:*"
    expression = compile_expression("arn(a)", variables=["a"], expect="any")
    assert expression.evaluate({"a": text}, now) == {
        "partition": partition,
        "service": "logs",
        "region": "eu-west-1",
        "account": "111122223333",
        "resource": "log-group:trail:*",
    }


def test_the_parts_that_an_arn_leaves_out_are_empty(now: datetime) -> None:
    expression = compile_expression(
        "arn(a).region + arn(a).account + arn(a).resource", variables=["a"], expect="any"
    )
    found = [expression.evaluate({"a": a}, now) for a in ("arn:aws:s3", "arn:aws:s3:::b")]
    assert found == ["", "b"]


@pytest.mark.parametrize("text", ["", "x", "arn:aws", "arn::s3:::b", "arn:aws::::x", "ARN:aws:s3"])
def test_what_is_no_arn_is_an_error_and_can_be_asked_for(text: str, now: datetime) -> None:
    asked = compile_expression("is_arn(a)", variables=["a"])
    assert asked.evaluate({"a": text}, now) is False
    with pytest.raises(EvaluationError, match="is none"):
        compile_expression("arn(a).account", variables=["a"], expect="any").evaluate(
            {"a": text}, now
        )


def test_a_part_of_an_arn_is_compared_without_the_slow_path(now: datetime) -> None:
    rule = compile_rule(fail_when="arn(resource.Arn).account != params.own", params={"own": "1"})
    assert rule.judge({"Arn": "arn:aws-cn:iam::2:role/x"}, {}, now).outcome == "fail"
    assert rule.judge({"Arn": "arn:aws-cn:iam::1:role/x"}, {}, now).outcome == "pass"
    assert rule.slow_path_hits == 0
    assert rule.reads == {("resource", "Arn")}
