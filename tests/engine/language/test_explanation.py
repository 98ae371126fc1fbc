"""An explanation against the judgement that it explains, and against each of its parts alone."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests.engine.attacks import ATTACKS, MANY
from tests.engine.expressions import Writer, make_document
from tests.grouped import each_policy_of

from cloudsealed.engine import (
    BudgetExceeded,
    EvaluationError,
    Explanation,
    ExpressionError,
    Rule,
    Step,
    compile_expression,
    compile_rule,
    explain,
)
from cloudsealed.engine.language.explanation import MAX_BYTES, MAX_STEPS
from cloudsealed.engine.language.shown import shown
from cloudsealed.packs import EXAMPLES_AT, PolicySpec, load_policies
from cloudsealed.policies.rules import compile_check

GROUP = {
    "GroupId": "sg-1",
    "IpPermissions": [
        {"FromPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"FromPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "0.0.0.0/0"}]},
    ],
}
OPEN = """\
resource.IpPermissions.exists(p,
  p.FromPort == params.port
  && p.IpRanges.exists(r, cidr_is_any(r.CidrIp)))"""


def all_steps(explanation: Explanation) -> Iterator[Step]:
    waiting = list(explanation.conditions.values())
    while waiting:
        step = waiting.pop(0)
        yield step
        waiting = [*step.steps, *waiting]


def steps_by_source(rule: Rule, resource: Any, now: datetime) -> dict[str, Step]:
    return {step.source: step for step in all_steps(explain(rule, resource, {}, now))}


def check_agrees(rule: Rule, resource: Any, related: Any, now: datetime) -> Explanation:
    """The explanation, after it was compared with the judgement and with its own top steps."""
    explanation = explain(rule, resource, related, now)
    judgement, told = rule.judge(resource, related, now), explanation.judgement
    assert told.outcome == judgement.outcome
    assert told.evidence == judgement.evidence
    assert told.message == judgement.message
    assert str(told.error) == str(judgement.error)
    told_by_steps = "fail"
    for field, step in explanation.conditions.items():
        if step.state == "error":
            assert step.error is not None
            assert judgement.error is not None
            assert (step.error.message, step.error.path) == (
                judgement.error.message,
                judgement.error.path,
            )
            told_by_steps = "error"
        elif step.value is False and not field.startswith("severity_when"):
            told_by_steps = "not_applicable" if field == "applies_when" else "pass"
    assert told_by_steps == judgement.outcome
    return explanation


def alone(source: str, variables: dict[str, Any], now: datetime) -> Any:
    """What a text gives by itself: its value, or the error of its evaluation or of its writing."""
    try:
        expression = compile_expression(source, variables=variables, expect="any")
        return expression.evaluate(variables, now)
    except (EvaluationError, ExpressionError) as error:
        return error


def any_item(path: str) -> str:
    """A path without the numbers of items: evidence has all that a map took, a step one of them."""
    return re.sub(r"\[[0-9]+\]", "[]", path)


def check_alone(step: Step, variables: dict[str, Any], now: datetime) -> bool:
    """Compare a step with what its source alone gives; whether it could be compared."""
    if step.state == "not_looked_at":
        assert not step.steps
        return False
    found = alone(step.source, variables, now)
    if isinstance(found, ExpressionError):
        assert "undeclared reference" in found.message or step.source.startswith("?"), step
        return False
    if isinstance(found, EvaluationError):
        assert step.error is not None, step
        assert step.error.message == found.message
    elif step.error is not None:
        assert "must be true or false" in step.error.message
        assert not isinstance(found, bool)
    else:
        same = json.dumps(shown(found)) == json.dumps([step.value, step.shortened])
        redacted = isinstance(step.value, dict) and step.value.get("redacted")
        # What tells secrets apart is read, and is not shown.
        assert same or redacted, (step, found)
    return True


@each_policy_of(load_policies())
def test_it_agrees_with_the_judgement_of_every_built_in_policy(policy: PolicySpec) -> None:
    rule = compile_check(policy.as_dict())
    for example in policy.examples:
        explanation = check_agrees(rule, example.resource, example.related, EXAMPLES_AT)
        assert explanation.left_out == 0
        steps = list(all_steps(explanation))
        read = {any_item(step.path) for step in steps if step.path and step.decided}
        assert {any_item(found.path) for found in explanation.judgement.evidence} <= read
        variables = {
            "resource": example.resource,
            "related": example.related,
            "params": policy.params,
        }
        assert sum(check_alone(step, variables, EXAMPLES_AT) for step in steps) > 0


@pytest.mark.parametrize("seed", range(200))
def test_it_agrees_with_the_judgement_of_generated_expressions(seed: int, now: datetime) -> None:
    source = random.Random(seed)
    text = Writer(source).any(source.choice([1, 2, 3, 4]), "bool")
    try:
        rule = compile_rule(fail_when=f"cel.bind(r, resource, {text})")
    except ExpressionError:
        return  # it errs now and then, and may have too many loops
    for _ in range(4):
        document = make_document(source)
        explanation = check_agrees(rule, document, {}, now)
        for step in all_steps(explanation):
            check_alone(step, {"resource": document, "r": document}, now)
        assert explanation.as_json() == explain(rule, document, {}, now).as_json()
        json.dumps(explanation.as_json(), allow_nan=False)


def test_a_step_has_its_exact_source_and_place(now: datetime) -> None:
    rule = compile_rule(fail_when=OPEN, params={"port": 22})
    lines = OPEN.split("\n")
    steps = list(all_steps(explain(rule, GROUP, {}, now)))
    assert [step.source for step in steps if not step.steps] == [
        "resource.IpPermissions",
        "p.FromPort",
        "params.port",
        "p.IpRanges",
        "r.CidrIp",
    ]
    for step in steps:
        assert lines[step.line - 1][step.column - 1 :].startswith(step.source.split("\n")[0])
        assert lines[step.end_line - 1][: step.end_column - 1].endswith(step.source.split("\n")[-1])


def test_a_loop_shows_the_item_that_decided(now: datetime) -> None:
    steps = steps_by_source(compile_rule(fail_when=OPEN, params={"port": 22}), GROUP, now)
    item = steps["p.FromPort == params.port\n  && p.IpRanges.exists(r, cidr_is_any(r.CidrIp))"].item
    assert item is not None
    assert (item.number, item.of, item.path) == (1, 2, "IpPermissions[1]")
    assert steps["r.CidrIp"].path == "IpPermissions[1].IpRanges[1].CidrIp"
    assert steps["r.CidrIp"].decided


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("resource.l.exists(x, x == 7)", 7),
        ("resource.l.all(x, x < 7)", 7),
        ("resource.l.filter(x, x > 6).size() == 3", 7),
        ("resource.l.exists_one(x, x == 7)", 7),
        ("resource.l.exists(x, 1 / (x - 7) > 9)", 7),
        ("resource.l.map(x, 1 / (x - 7)).size() > 1", 7),
        ("resource.l.exists(i, x, x == 7)", 7),
        ("resource.l.exists(x, x == 70)", 0),
        ("resource.l.exists(x, x / x > 1 || x == 7)", 7),
    ],
)
def test_of_a_thousand_items_one_is_shown(text: str, number: int, now: datetime) -> None:
    explanation = explain(compile_rule(fail_when=text), {"l": list(range(10))}, {}, now)
    items = [step.item for step in all_steps(explanation) if step.item]
    assert [item.number for item in items] == [number]
    assert items[0].of == 10


def test_where_no_item_decided_the_first_is_an_example_and_the_list_decided(now: datetime) -> None:
    steps = steps_by_source(
        compile_rule(fail_when="resource.l.exists(x, x > 5)"), {"l": [1, 2]}, now
    )
    assert steps["resource.l"].decided
    assert steps["x > 5"].item is not None
    assert not steps["x > 5"].decided


def test_what_was_not_looked_at_is_told_so(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.a && resource.b || (resource.a ? true : resource.c)")
    steps = steps_by_source(rule, {"a": True, "b": True}, now)
    assert steps["resource.b"].decided
    assert steps["(resource.a ? true : resource.c)"].state == "not_looked_at"
    assert "resource.c" not in steps


def test_an_absorbed_error_is_shown_and_decided_nothing(now: datetime) -> None:
    steps = steps_by_source(
        compile_rule(fail_when="resource.a == 1 || resource.b"), {"b": True}, now
    )
    wrong = steps["resource.a"]
    assert (wrong.state, wrong.decided) == ("error", False)
    assert wrong.error is not None
    assert (wrong.error.message, wrong.error.path) == ("there is no field 'a' here", "resource.a")
    assert steps["resource.b"].decided


def test_a_part_that_is_no_bool_where_one_is_needed_is_an_error(now: datetime) -> None:
    steps = steps_by_source(compile_rule(fail_when="resource.a && resource.b"), {"a": 1}, now)
    assert "must be true or false" in str(steps["resource.a"].error)


def test_what_does_not_apply_has_its_condition_and_no_other(now: datetime) -> None:
    rule = compile_rule(applies_when="resource.a", fail_when="resource.b")
    found = explain(rule, {"a": False}, {}, now).as_json()
    assert found["outcome"] == "not_applicable"
    assert [(each["field"], each["step"]["state"]) for each in found["conditions"]] == [
        ("applies_when", "value"),
        ("fail_when", "not_looked_at"),
    ]


def test_a_redacted_value_hides_its_digest(now: datetime) -> None:
    secret = {"redacted": True, "length": 8, "digest": "beef"}
    rule = compile_rule(
        fail_when='resource.s.digest != "" && resource.s != null && resource.s.length == 8'
    )
    explanation = explain(rule, {"s": secret}, {}, now)
    assert explanation.judgement.outcome == "fail"
    assert "beef" not in json.dumps(explanation.as_json())


def test_values_that_json_has_not_are_text(now: datetime) -> None:
    text = (
        'timestamp(resource.t) > timestamp(0) && duration("90s") > duration("1s") && '
        'bytes(resource.t) != b"" && type(resource.t) == string && double("NaN") != 1.0'
    )
    steps = steps_by_source(compile_rule(fail_when=text), {"t": "2026-01-02T03:04:05Z"}, now)
    assert steps["timestamp(resource.t)"].value == "2026-01-02T03:04:05Z"
    assert steps['duration("90s")'].value == "90s"
    assert steps["type(resource.t)"].value == "string"
    assert steps['double("NaN")'].value == "NaN"


def test_long_values_are_shortened_with_a_mark(now: datetime) -> None:
    rule = compile_rule(fail_when='resource.s != "" && resource.l.size() > 1')
    steps = steps_by_source(rule, {"s": "x" * 999, "l": MANY}, now)
    for source in ("resource.s", "resource.l"):
        assert steps[source].shortened
        assert len(steps[source].value) == 200
        assert steps[source].value.endswith("…")


def test_steps_are_bounded_and_those_that_decided_stay(now: datetime) -> None:
    many = " || ".join(["resource.a == 1"] * 200)
    found = explain(compile_rule(fail_when=f"{many} || resource.b"), {"a": 2, "b": True}, {}, now)
    steps = list(all_steps(found))
    assert len(steps) == MAX_STEPS
    assert found.left_out > 0
    assert any(step.source == "resource.b" and step.decided for step in steps)


def test_bytes_are_bounded(now: datetime) -> None:
    text = "resource.a"
    for _ in range(18):
        text = f"({text} == '{'é' * 150}') == true"
    document = {"a": 1}
    found = explain(compile_rule(fail_when=text), document, {}, now)
    whole = json.dumps(found.as_json()["conditions"], ensure_ascii=False, separators=(",", ":"))
    assert len(whole.encode()) <= MAX_BYTES + 200
    assert found.left_out > 0


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_with_the_error_of_its_judgement(name: str, now: datetime) -> None:
    source, document = ATTACKS[name]
    rule = compile_rule(fail_when=source)
    explanation = explain(rule, document, {}, now)
    assert isinstance(explanation.judgement.error, BudgetExceeded)
    top = explanation.conditions["fail_when"]
    assert isinstance(top.error, BudgetExceeded)
    assert top.error.message == explanation.judgement.error.message


@pytest.mark.parametrize(
    ("count", "severity", "states"),
    [
        (0, "low", ["value", "not_looked_at"]),
        (1, "critical", ["value", "value"]),
        (2, None, ["value", "value"]),
        (None, None, ["error", "not_looked_at"]),
    ],
)
def test_of_a_fail_it_shows_which_condition_gave_the_severity(
    now: datetime, count: int | None, severity: str | None, states: list[str]
) -> None:
    degrees = [("resource.Users == 0", "low"), ("resource.Users == 1", "critical")]
    rule = compile_rule(fail_when="resource.Open", severity_when=degrees)
    document = {"Open": True} if count is None else {"Open": True, "Users": count}
    told = explain(rule, document, {}, now).as_json()
    assert told["severity"] == severity
    fields = ["fail_when", "severity_when[0].when", "severity_when[1].when"]
    assert [each["field"] for each in told["conditions"]] == fields
    assert [each["step"]["state"] for each in told["conditions"][1:]] == states


def test_what_passes_has_no_severity_to_explain(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.Open", severity_when=[("true", "low")])
    assert list(explain(rule, {"Open": False}, {}, now).conditions) == ["fail_when"]
