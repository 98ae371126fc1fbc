from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudsealed.engine import (
    EvaluationError,
    ExpressionError,
    Unknown,
    compile_expression,
    compile_rule,
)

GROUP = {
    "GroupId": "sg-1",
    "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
}


def test_a_rule_fails_and_passes(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.IpPermissions.exists(p, p.FromPort == 22)")
    assert rule.judge(GROUP, {}, now).outcome == "fail"
    assert rule.judge({"IpPermissions": []}, {}, now).outcome == "pass"
    assert rule.slow_path_hits == 0


def test_what_does_not_apply_is_not_judged(now: datetime) -> None:
    rule = compile_rule(
        applies_when="tag(resource, 'env') == params.env",
        fail_when="resource.Missing",
        params={"env": "prod"},
    )
    assert rule.judge({"Tags": []}, {}, now).outcome == "not_applicable"
    production = {"Tags": [{"Key": "env", "Value": "prod"}]}
    assert rule.judge(production, {}, now).outcome == "error"


@pytest.mark.parametrize("document", [{}, {"A": None}, {"A": 1}, {"A": "x"}, {"A": []}])
def test_a_missing_or_strange_value_is_an_error_and_never_a_pass(
    document: dict[str, Any], now: datetime
) -> None:
    judgement = compile_rule(fail_when="resource.A.B == 1").judge(document, {}, now)
    assert judgement.outcome == "error"
    assert isinstance(judgement.error, EvaluationError)
    assert judgement.error.path == ("resource.A" if "A" not in document else "resource.A.B")


def test_a_result_that_is_no_bool_is_an_error(now: datetime) -> None:
    judgement = compile_rule(fail_when="resource.A").judge({"A": 1}, {}, now)
    assert judgement.outcome == "error"
    assert judgement.error is not None
    assert "must be true or false" in judgement.error.message
    assert judgement.error.path == "resource.A"


def test_related_resources_are_read(now: datetime) -> None:
    rule = compile_rule(
        fail_when="related.groups.exists(g, g.IpPermissions.exists(p, p.FromPort == 22))",
        related=["groups"],
    )
    judgement = rule.judge({}, {"groups": [{"IpPermissions": []}, GROUP]}, now)
    assert judgement.outcome == "fail"
    assert [each.path for each in judgement.evidence] == [
        "related.groups[1].IpPermissions[0].FromPort"
    ]


def test_the_clock_is_the_audits(now: datetime) -> None:
    rule = compile_rule(fail_when="days_since(resource.At) > params.days", params={"days": 90})
    document = {"At": "2026-08-01T00:00:00Z"}
    assert rule.judge(document, {}, now).outcome == "fail"
    assert rule.judge(document, {}, now - timedelta(days=60)).outcome == "pass"


def test_the_message_is_filled_for_a_fail(now: datetime) -> None:
    rule = compile_rule(
        fail_when="size(resource.IpPermissions) >= params.most",
        params={"most": 1},
        message="{{{resource.GroupId}}} opens {resource.IpPermissions[0].IpRanges[0].CidrIp} on "
        "{resource.IpPermissions[0].ToPort}, at most {params.most}",
    )
    message = rule.judge(GROUP, {}, now).message
    assert message == "{sg-1} opens 0.0.0.0/0 on -, at most 1"
    assert rule.judge({"IpPermissions": []}, {}, now).message is None


def test_without_evidence_a_fail_is_only_a_fail(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.A == 1", message="{resource.A}")
    judgement = rule.judge({"A": 1}, {}, now, evidence=False)
    assert (judgement.outcome, judgement.evidence, judgement.message) == ("fail", (), None)


def test_the_same_documents_give_the_same_judgements(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.IpPermissions.exists(p, p.FromPort <= 22)")
    again = compile_rule(fail_when="resource.IpPermissions.exists(p, p.FromPort <= 22)")
    assert rule.judge(GROUP, {}, now) == again.judge(GROUP, {}, now)


def test_parameters_are_constants(now: datetime) -> None:
    rule = compile_rule(
        fail_when="resource.A in params.names && params.on && !has(params.off) && "
        "params.deep.name == 'x' && params.names.exists(n, n == resource.A)",
        params={"names": ["a", "b"], "on": True, "deep": {"name": "x"}},
    )
    assert rule.judge({"A": "b"}, {}, now).outcome == "fail"
    assert rule.judge({"A": "c"}, {}, now).outcome == "pass"


def test_a_rule_knows_its_functions() -> None:
    rule = compile_rule(
        applies_when="tag(resource, 'a') == 'b'", fail_when="size(as_list(resource.A)) > 0"
    )
    assert rule.functions == {"tag", "size", "as_list"}


def test_an_expression_over_other_variables_has_its_value(now: datetime) -> None:
    expression = compile_expression(
        "finding.severity == 'high' && tag(resource, 'env') == params.env",
        variables=["resource", "finding", "params"],
    )
    values = {
        "resource": {"Tags": {"env": "prod"}},
        "finding": {"severity": "high"},
        "params": {"env": "prod"},
    }
    assert expression.evaluate(values, now) is True
    assert expression.evaluate({**values, "finding": {"severity": "low"}}, now) is False
    with pytest.raises(EvaluationError):
        expression.evaluate({**values, "finding": {}}, now)


def test_an_expression_may_be_of_any_kind(now: datetime) -> None:
    expression = compile_expression("[1, 2].map(x, x * 2)", variables=[], expect="any")
    assert expression.evaluate({}, datetime(2026, 1, 1, tzinfo=UTC)) == [2, 4]
    with pytest.raises(ExpressionError, match="must be true or false"):
        compile_expression("[1, 2].map(x, x * 2)", variables=[])


def test_judging_changes_no_document(now: datetime) -> None:
    document = {"L": [1, 2], "M": {"a": [3]}}
    rule = compile_rule(
        fail_when="(resource.L + resource.M.a).map(x, x + 1).filter(x, x > 2).size() == 2"
    )
    assert rule.judge(document, {}, now).outcome == "fail"
    assert document == {"L": [1, 2], "M": {"a": [3]}}


@pytest.mark.parametrize("field", ["fail_when", "applies_when", "message"])
def test_a_wrong_text_says_which_field_holds_it(field: str) -> None:
    texts = {"fail_when": "true", "applies_when": "true", "message": "", field: "{nope"}
    with pytest.raises(ExpressionError) as caught:
        compile_rule(**texts)
    assert caught.value.field == field


@pytest.mark.parametrize("source", ["resource.A.B == 1", "resource.L.all(a, a in resource.L)"])
def test_an_error_keeps_no_document_alive(source: str, now: datetime) -> None:
    judgement = compile_rule(fail_when=source).judge({"L": list(range(1_000))}, {}, now)
    error = judgement.error
    assert error is not None
    assert (error.__traceback__, error.__context__, error.origin) == (None, None, None)


DEGREES = [("size(related.users) == 0", "low"), ("resource.Port == params.port", "critical")]


@pytest.mark.parametrize(
    ("port", "users", "severity"),
    [(22, [{}], "critical"), (22, [], "low"), (80, [{}], None), (None, [{}], None)],
)
def test_the_first_condition_that_is_true_gives_a_fail_its_severity(
    now: datetime, port: int | None, users: list[dict[str, Any]], severity: str | None
) -> None:
    rule = compile_rule(
        fail_when="resource.Open", params={"port": 22}, related=["users"], severity_when=DEGREES
    )
    document = {"Open": True} if port is None else {"Open": True, "Port": port}
    judgement = rule.judge(document, {"users": users}, now)
    assert (judgement.outcome, judgement.severity) == ("fail", severity)
    assert rule.judge({"Open": False}, {"users": users}, now).severity is None


def test_a_condition_without_a_value_leaves_the_severity_whatever_comes_after_it(
    now: datetime,
) -> None:
    degrees = [("resource.Missing == 1", "low"), ("true", "critical")]
    rule = compile_rule(fail_when="resource.Open", severity_when=degrees)
    judgement = rule.judge({"Open": True}, {}, now)
    assert (judgement.outcome, judgement.severity, judgement.severity_open) == ("fail", None, False)
    partly = rule.judge_partly({"Open": True, "Missing": Unknown(frozenset({"gap"}))}, {}, now)
    assert (partly.outcome, partly.severity, partly.severity_open) == ("fail", None, True)
    known = rule.judge_partly({"Open": True, "Missing": 2}, {}, now)
    assert (known.severity, known.severity_open) == ("critical", False)


def test_what_a_severity_reads_and_calls_is_of_the_rule(now: datetime) -> None:
    degrees = [("tag(resource, 'env') == 'prod' && resource.Port == 22", "high")]
    rule = compile_rule(fail_when="resource.Open", severity_when=degrees)
    assert ("resource", "Port") in rule.reads
    assert "tag" in rule.functions


def test_a_wrong_condition_of_the_severity_is_named_by_its_number() -> None:
    degrees = [("true", "low"), ("resource.A +", "high")]
    with pytest.raises(ExpressionError) as caught:
        compile_rule(fail_when="true", severity_when=degrees)
    assert caught.value.field == "severity_when[1].when"
