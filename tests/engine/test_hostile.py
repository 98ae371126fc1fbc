"""Expressions and documents that try to spend the machine: each ends within a second."""

from __future__ import annotations

import time
import tracemalloc
from datetime import datetime
from typing import Any

import pytest

from cloudsealed.engine import BudgetExceeded, ExpressionError, compile_rule

HUNDRED = list(range(100))
MANY = list(range(20_000))
LONG = "a" * 1_000_000
NESTED = "resource.l.{0}(a, resource.l.{0}(b, resource.l.{0}(c, resource.l.{0}(d, {1}))))"
STATEMENTS = [{"Effect": "Allow", "Action": ["s3:Get*Foo*"] * 50, "Resource": "*"}] * 50


def chain(count: int, body: str, start: str) -> str:
    """`start.map(y0, body).map(y1, body)...`, with y in the body for the variable."""
    loops = (f".map(y{n}, {body.replace('y', f'y{n}')})" for n in range(count))
    return start + "".join(loops)


ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "four loops over a hundred": (NESTED.format("all", "a + b + c + d >= 0"), {"l": HUNDRED}),
    "four loops that only count": (NESTED.format("all", "d != 5000"), {"l": HUNDRED}),
    "an error in each of 10^8 rounds": (NESTED.format("exists", "a.x"), {"l": HUNDRED}),
    "in within a loop": ("resource.l.all(a, a in resource.l)", {"l": MANY}),
    "text in within a loop": ("resource.l.all(a, !('x' in resource.l))", {"l": MANY}),
    "doubling text": (chain(16, "y + y", f"['{'x' * 64}']") + ".size() > 0", {}),
    "doubling lists": (chain(16, "y + y", "[[1, 2]]") + ".size() > 0", {}),
    "equal shared lists": (
        f"{chain(8, '[y, y, y, y]', '[[1]]')} == {chain(8, '[y, y, y, y]', '[[1]]')}",
        {},
    ),
    "contains in long text": (
        "resource.l.all(a, !resource.s.contains('aab'))",
        {"l": MANY, "s": LONG},
    ),
    "a pattern over long text": (
        "resource.l.all(a, !resource.s.matches('(a|aa)+$b'))",
        {"l": MANY, "s": LONG},
    ),
    "a glob over long text": (
        "resource.l.all(a, !glob_match('*a*a?a*b', resource.s))",
        {"l": MANY, "s": LONG},
    ),
    "long text compared": (
        "resource.l.all(a, resource.s == resource.t || resource.s < resource.t)",
        {"l": MANY, "s": LONG + "a", "t": LONG + "b"},
    ),
    "long text in a list": (
        "resource.l.all(a, !(resource.s in resource.m))",
        {"l": MANY, "s": LONG + "a", "m": [LONG + "b"]},
    ),
    "tags in a loop": (
        "resource.l.all(a, tag(resource, 'q') == null)",
        {"l": MANY, "Tags": [{"Key": "a", "Value": "b"}] * 5_000},
    ),
    "a long policy in a loop": (
        "resource.l.all(a, !policy_allows(resource.P, 'iam:PassRole'))",
        {"l": MANY, "P": {"Statement": STATEMENTS}},
    ),
    "long principals in a loop": (
        "resource.l.all(a, !policy_allows_public(resource.P))",
        {"l": MANY, "P": {"Statement": [{"Effect": "Allow", "Principal": ["x"] * 9_000}]}},
    ),
    "versions in a loop": (
        "resource.l.all(a, version_compare(resource.s, resource.s) == 0)",
        {"l": MANY, "s": "1." * 49},
    ),
    "case of long text": (
        "resource.l.all(a, resource.s.lowerAscii() != 'b')",
        {"l": MANY, "s": "É" * 500_000},
    ),
    "a body of a hundred relations": (
        "resource.l.all(a, resource.l.all(b, "
        + " && ".join(f"a + b + {n} >= 0" for n in range(150))
        + "))",
        {"l": list(range(1_000))},
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_soon_with_a_spent_budget(name: str, now: datetime) -> None:
    source, document = ATTACKS[name]
    rule = compile_rule(fail_when=source)
    started = time.process_time()
    judgement = rule.judge(document, {}, now)
    assert time.process_time() - started < 1
    assert judgement.outcome == "error"
    assert isinstance(judgement.error, BudgetExceeded)


@pytest.mark.parametrize("name", ["doubling text", "doubling lists", "equal shared lists"])
def test_an_attack_takes_little_memory(name: str, now: datetime) -> None:
    source, document = ATTACKS[name]
    rule = compile_rule(fail_when=source)
    tracemalloc.start()
    try:
        rule.judge(document, {}, now)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_pattern_that_backtracks_elsewhere_is_judged(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.s.matches('^(a+)+$')")
    started = time.process_time()
    assert rule.judge({"s": "a" * 28 + "b"}, {}, now).outcome == "pass"
    assert time.process_time() - started < 0.1


@pytest.mark.parametrize(
    "source",
    [
        *("(" * 1_000 + "1" + ")" * 1_000, "[" * 4_000, "!" * 4_001, "-" * 4_000),
        *("a." * 2_000 + "a", "{1:" * 1_300, "a?" * 2_000, "'\\" * 2_000, "`" * 4_000),
        "f(" * 2_000,
    ],
)
def test_a_text_that_nests_without_end_is_refused_soon(source: str) -> None:
    started = time.process_time()
    with pytest.raises(ExpressionError):
        compile_rule(fail_when=source)
    assert time.process_time() - started < 0.5


def test_a_budget_that_is_spent_is_not_absorbed(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.l.all(a, a in resource.l) || true")
    assert rule.judge({"l": MANY}, {}, now).outcome == "error"


def test_a_usual_document_is_far_from_the_budget(now: datetime) -> None:
    rule = compile_rule(fail_when="resource.l.all(p, p.r.all(x, cidr_contains('10.0.0.0/8', x.c)))")
    permission = {"r": [{"c": "10.0.0.1/32"}] * 60}
    assert rule.judge({"l": [permission] * 60}, {}, now, evidence=False).outcome == "fail"
