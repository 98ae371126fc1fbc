"""Judgements of documents that were read in part: sound on every completion, and as decided as can
be for what policies say."""

from __future__ import annotations

import copy
import itertools
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests.engine.completions import answer, contradictions
from tests.engine.test_differential import GOOD, RULES

from cloudsealed.engine import PartialList, Unknown, compile_expression, compile_rule, explain
from cloudsealed.engine.language.program import Program

DENIED = frozenset({"denied"})
EAST = frozenset({"us-east-1 was not read"})
ATTRIBUTE = Unknown(DENIED)
MULTI, SINGLE = {"Name": "all", "Multi": True}, {"Name": "one", "Multi": False}
TRAILS = PartialList([MULTI, SINGLE], EAST)


def test_no_completion_of_a_document_contradicts_what_was_decided() -> None:
    found = [each for seed in range(600) for each in contradictions(seed)]
    assert [wrong for _, wrong in found if wrong is not None] == []
    decided = sum(known for known, _ in found)
    assert 100 < decided < len(found) - 100


class Fragment:
    """Formulas of `&&`, `||`, `!`, loops, sizes, `in` and `has` that read each gap once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.document: dict[str, Any] = {}
        self.domains: list[tuple[str, list[Any]]] = []

    def attribute(self, known: Any, gap: Any, domain: list[Any]) -> str:
        name = f"a{len(self.document)}"
        self.document[name] = known
        if len(self.domains) < 3 and self.random.random() < 0.5:
            self.document[name] = gap
            self.domains.append((name, domain))
        return f"r.{name}"

    def scalar(self) -> str:
        number = self.random.randrange(4)
        return self.attribute(number, ATTRIBUTE, [-1, 0, 1, 2, 3, 4, 5])

    def listed(self) -> str:
        known = [{"k": self.random.randrange(4)} for _ in range(self.random.randrange(3))]
        rest = [
            [],
            *([{"k": k}] for k in range(-1, 6)),
            [{"k": 9}] * 2,
            [{"k": 9}] * 3,
            [{"k": 9}] * 4,
        ]
        return self.attribute(known, PartialList(known, EAST), [known + more for more in rest])

    def atom(self) -> str:
        pick, number = self.random.choice, self.random.randrange(4)
        symbol = pick(["==", "!=", "<", "<=", ">", ">="])
        return pick(
            [
                lambda: f"{self.scalar()} {symbol} {number}",
                lambda: f"{self.listed()}.exists(x, x.k {symbol} {number})",
                lambda: f"{self.listed()}.all(x, x.k {symbol} {number})",
                lambda: f"size({self.listed()}) {symbol} {number}",
                lambda: f"{number} {symbol} {self.listed()}.size()",
                lambda: f"{{'k': {number}}} in {self.listed()}",
                lambda: f"{self.scalar()} in [{number}, 2]",
                lambda: f"has({self.attribute(1, ATTRIBUTE, [1, None])})",
                lambda: f"has({self.scalar()}.k) || true",
            ]
        )()

    def formula(self, depth: int) -> str:
        kind = self.random.randrange(5) if depth else 0
        if kind == 0:
            return self.atom()
        if kind == 1:
            return f"!({self.formula(depth - 1)})"
        word = "&&" if kind % 2 else "||"
        return f"({self.formula(depth - 1)}) {word} ({self.formula(depth - 1)})"

    def completions(self) -> Iterator[dict[str, Any]]:
        names = [name for name, _ in self.domains]
        for values in itertools.product(*(domain for _, domain in self.domains)):
            whole = {**self.document, **dict(zip(names, values, strict=True))}
            yield {name: value for name, value in whole.items() if value is not None}


@pytest.mark.parametrize("block", range(4))
def test_where_all_completions_agree_it_is_decided(block: int) -> None:
    decided = 0
    for seed in range(block * 100, block * 100 + 100):
        fragment = Fragment(seed)
        program = Program(fragment.formula(3), ("r",), {}, "bool")
        told = {answer(program, whole) for whole in fragment.completions()}
        found = answer(program, fragment.document, partly=True)
        if len(told) == 1 and fragment.domains:
            assert found == told.pop(), (program.source, fragment.document)
            decided += 1
        elif fragment.domains:
            assert found is None, (program.source, fragment.document)
    assert decided > 10


@pytest.mark.parametrize("text", RULES)
def test_a_document_without_gaps_is_judged_as_ever(text: str, now: datetime) -> None:
    rule = compile_rule(fail_when=text)
    for missing in (None, *GOOD):
        document = {name: value for name, value in copy.deepcopy(GOOD).items() if name != missing}
        told, partly = rule.judge(document, {}, now), rule.judge_partly(document, {}, now)
        assert (partly.outcome, partly.message) == (told.outcome, told.message)
        if told.outcome == "fail":
            assert partly.evidence == told.evidence


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("!related.trails.exists(t, t.Multi)", "pass"),
        ("related.trails.exists(t, t.Name == 'east')", "unknown"),
        ("related.trails.all(t, t.Multi)", "pass"),
        ("related.trails.all(t, has(t.Multi))", "unknown"),
        ("related.trails.exists_one(t, has(t.Multi))", "pass"),
        ("related.trails.exists_one(t, t.Multi)", "unknown"),
        ("size(related.trails) == 0", "pass"),
        ("size(related.trails) > 1", "fail"),
        ("size(related.trails) < 3", "unknown"),
        ("related.trails.filter(t, t.Multi).size() == 0", "pass"),
        ("'one' in related.trails.map(t, t.Name)", "fail"),
        ("'east' in related.trails.map(t, t.Name)", "unknown"),
        ("related.trails[0].Multi", "unknown"),
        ("sets.contains(related.trails.map(t, t.Name), ['one'])", "fail"),
        ("related.trails == []", "pass"),
        ("(related.trails + related.trails).size() >= 4", "fail"),
        ("resource.A == 1 || resource.B == 1", "fail"),
        ("resource.A == 1 && resource.B == 2", "pass"),
        ("resource.A.C == 1 || resource.Z", "unknown"),
        ("has(resource.A)", "unknown"),
        ("has(resource.A.C)", "unknown"),
        ("resource.?A.hasValue()", "unknown"),
        ("resource.B == 1 ? true : resource.A", "fail"),
        ("resource.A ? true : true", "unknown"),
        ("cel.bind(a, resource.A, a == 1 || true)", "fail"),
        ("tag(resource, 'env') == 'prod'", "fail"),
        ("get(resource, 'D.E', 0) == 5", "fail"),
        ("get(resource, 'A.E', 0) == 5", "unknown"),
        ("resource.A.startsWith('x')", "unknown"),
        ("resource.D.exists(k, v, v == 5)", "fail"),
        ("'F' in resource.D", "unknown"),
        ("'E' in resource.D", "fail"),
        ("size(resource.D) > 0", "fail"),
        ("resource.D.transformList(k, v, v == 5).exists(x, x)", "fail"),
    ],
)
def test_only_what_stays_undecided_is_unknown(text: str, outcome: str, now: datetime) -> None:
    rule = compile_rule(fail_when=text, related=["trails"])
    resource = {
        "A": ATTRIBUTE,
        "B": 1,
        "D": {"E": 5, "F": ATTRIBUTE},
        "Tags": [{"Key": "env", "Value": "prod"}],
    }
    judgement = rule.judge_partly(resource, {"trails": TRAILS}, now)
    assert judgement.outcome == outcome
    assert judgement.unknown == (
        frozenset() if outcome != "unknown" else EAST if "related" in text else DENIED
    )


def test_the_reasons_are_those_of_what_was_missing_and_of_no_other_gap(now: datetime) -> None:
    rule = compile_rule(fail_when="(resource.A || resource.B == 1) && resource.C")
    document = {name: Unknown(frozenset({name})) for name in "AC"} | {"B": 1}
    assert rule.judge_partly(document, {}, now).unknown == {"C"}


@pytest.mark.parametrize(
    ("applies", "fails", "outcome"),
    [
        (True, True, "fail"),
        (False, ATTRIBUTE, "not_applicable"),
        (ATTRIBUTE, True, "unknown"),
        (ATTRIBUTE, False, "unknown"),
        (ATTRIBUTE, "wrong", "unknown"),
        (True, ATTRIBUTE, "unknown"),
        ("wrong", ATTRIBUTE, "error"),
        (True, "wrong", "error"),
    ],
)
def test_whether_it_applies_must_be_known_too(
    applies: Any, fails: Any, outcome: str, now: datetime
) -> None:
    rule = compile_rule(applies_when="resource.A", fail_when="resource.F")
    assert rule.judge_partly({"A": applies, "F": fails}, {}, now).outcome == outcome


def test_what_was_decided_in_spite_of_a_gap_has_what_decided_as_its_evidence(now: datetime) -> None:
    rule = compile_rule(
        fail_when="!related.trails.exists(t, t.Multi) || resource.A == 1",
        applies_when="related.trails.exists(t, t.Name == resource.Name)",
        related=["trails"],
        message="{resource.Name} of {resource.A.B}",
    )
    failed = rule.judge_partly(
        {"A": 1, "Name": "one"}, {"trails": PartialList([SINGLE], EAST)}, now
    )
    assert failed.outcome == "fail"
    assert [(e.path, e.value) for e in failed.evidence] == [("A", 1)]
    passed = rule.judge_partly({"A": 2, "Name": "one"}, {"trails": TRAILS}, now)
    assert next((e.path, e.value) for e in passed.evidence) == ("related.trails[0].Multi", True)
    assert rule.judge_partly({"A": 2, "Name": "one"}, {"trails": TRAILS}, now, False).evidence == ()


def test_a_message_and_evidence_say_what_was_not_read(now: datetime) -> None:
    rule = compile_rule(
        fail_when="size(related.trails) > 1",
        related=["trails"],
        message="{resource.Name} {resource.A.B} {related.trails}",
    )
    judgement = rule.judge_partly({"A": ATTRIBUTE, "Name": "n"}, {"trails": TRAILS}, now)
    rest = "(the rest was not read)"
    assert judgement.message is not None
    assert judgement.message.startswith('n (not read) [{"Multi":true,"Name":"all"}')
    assert rest in judgement.message
    assert [(e.path, e.value) for e in judgement.evidence] == [
        ("related.trails", [MULTI, SINGLE, rest])
    ]


def test_an_explanation_marks_the_unknown_part_that_decided(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.B == 1 && resource.A == 1")
    explanation = explain(rule, {"A": ATTRIBUTE, "B": 1}, {}, now)
    step = explanation.conditions["fail_when"]
    assert (explanation.judgement.outcome, step.state) == ("unknown", "unknown")
    assert [(each.state, each.decided) for each in step.steps] == [
        ("value", False),
        ("unknown", True),
    ]
    assert explanation.as_json()["conditions"][0]["step"]["value"] is None


def test_an_expression_is_evaluated_with_gaps_too(now: datetime) -> None:
    expression = compile_expression("r.A == 1 || r.B", variables=["r"])
    assert expression.evaluate_partly({"r": {"A": ATTRIBUTE, "B": True}}, now) is True
    assert expression.evaluate_partly({"r": {"A": ATTRIBUTE, "B": False}}, now) == ATTRIBUTE
