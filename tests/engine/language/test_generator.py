from __future__ import annotations

import ast
import itertools
import random
from datetime import datetime
from typing import Any

import pytest
from tests.engine.expressions import Writer

from cloudsealed.engine import BudgetExceeded, ExpressionError
from cloudsealed.engine.language.interpreter import Bound, Interpreter
from cloudsealed.engine.language.program import _ALLOWED, Program
from cloudsealed.engine.meter import Meter


def condition(source: str) -> Program:
    return Program(source, ("r",), {}, "bool")


def exact(program: Program, document: Any, now: datetime) -> bool:
    return Interpreter(Meter.at(now)).truth(program.tree, {"r": Bound(document)})


def test_generated_functions_have_few_kinds_of_nodes() -> None:
    seen: set[type[ast.AST]] = set()
    for seed in range(600):
        source = random.Random(seed)
        text = Writer(source).whole(3, source.choice([None, "bool"]))
        for expect in ("any", "bool"):
            try:
                program = Program(text, ("r",), {}, expect)  # type: ignore[arg-type]  # one of both
            except ExpressionError:
                continue
            seen |= {node.__class__ for node in ast.walk(ast.parse(program.generated))}
    assert seen - {ast.Load, ast.Store} >= _ALLOWED - {ast.Tuple}


PARTS = ("r.a", "!r.b", "r.l.exists(x, x)", "r.l.all(x, x)", "r.m.exists(x, x.all(y, y))")
LISTS: tuple[list[Any], ...] = ([], [True], [False], [False, True])


@pytest.mark.parametrize(
    "shape",
    [
        "{0} && {1} && {2}",
        "{0} || {1} || {2}",
        "!({0} && {1}) || {2}",
        "({0} || {1}) && !({2} || {0})",
        "r.m.exists(z, {0} && ({1} || z.exists(w, w)) && {2})",
        "r.m.all(z, !z.all(w, w && {0}) || {1})",
        "r.m.exists(z, z.exists(w, w) || z.all(w, !w) && {0})",
        "r.m.all(z, (z.exists(w, w) || {0}) && z.all(w, w))",
        "({0} ? {1} : {2}) || {1}",
        "[{0}, {1}].exists(z, z == {2})",
    ],
)
def test_every_form_of_a_decision_comes_out_as_the_interpreter_says(
    shape: str, now: datetime
) -> None:
    documents = [
        {"a": a, "b": b, "l": one, "m": [one, two]}
        for a, b in itertools.product((True, False), repeat=2)
        for one, two in itertools.product(LISTS, repeat=2)
    ]
    for parts in itertools.permutations(PARTS, 3):
        program = condition(shape.format(*parts))
        for document in documents:
            assert program.compiled(document, now) is exact(program, document, now), program.source
    assert program.slow_path_hits == 0


@pytest.mark.parametrize(
    "source",
    [
        "(r.a == 1 || has(r.d.x)) && has(r.d.y)",
        "(r.a == 1 || has(r.d.x)) && r.d.y == 1",
        "(r.a == 1 ? true : has(r.d.x)) && has(r.d.y)",
        "(r.a == 1 ? true : has(r.d.x)) && r.l.exists(x, has(r.d.y))",
        "r.l.exists(x, x == 2 && has(r.d.x)) || has(r.d.y)",
        "r.l.filter(x, x == 2 && has(r.d.x)).size() == 0 && has(r.d.y)",
        "(r.a == 2 ? has(r.d.x) : true) && has(r.d.y)",
        "r.e.exists(x, has(r.d.x)) || has(r.d.y)",
        "r.e.filter(x, has(r.d.x)) == [] && has(r.d.y)",
        "r.?t.orValue(has(r.d.x)) && has(r.d.y)",
        "r.?z.optMap(z, has(r.d.x)).orValue(true) && has(r.d.y)",
        "(r.l.exists(x, x == 1) || has(r.d.x)) && has(r.d.y)",
        "[r.a == 1 || has(r.d.x), has(r.d.y)].all(x, x)",
        "size(r.d) < size(r.d) + r.d.y",
        "1 + size(r.d) > size(r.d)",
        "(r.a == 1 || r.s.contains('b')) && r.s.contains(r.s)",
    ],
)
def test_what_one_branch_learns_is_not_known_after_it(source: str, now: datetime) -> None:
    program = condition(source)
    document = {"a": 1, "d": {"y": 1}, "e": [], "l": [1], "s": "a", "t": True}
    assert program.run((document,), now) is True
    assert program.slow_path_hits == 0


@pytest.mark.parametrize("more", ["", " && (r.l + r.l).size() == 0"])
@pytest.mark.parametrize("call", ["contains('b')", "matches('b')"])
def test_reading_a_long_text_is_paid_for(call: str, more: str, now: datetime) -> None:
    program = condition(f"r.l.exists(x, r.s.{call}){more}")
    assert program.run(({"l": [1] * 90, "s": "a" * 100_000},), now) is False
    with pytest.raises(BudgetExceeded):
        program.run(({"l": [1] * 110, "s": "a" * 100_000},), now)
    assert program.slow_path_hits == 0


def test_a_call_that_changes_nothing_is_not_made(now: datetime) -> None:
    program = condition("as_list(r).exists(x, x == 'a')")
    given: list[Any] = [["b", "a"], "a", ["b"], "b", None, {"a": 1}]
    assert [program.run((value,), now) for value in given] == [True, True, *[False] * 4]
    assert program.slow_path_hits == 0
