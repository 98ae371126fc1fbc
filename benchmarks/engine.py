"""Measures the policy engine: `python benchmarks/engine.py` prints ratios and fails over a bar.

Twenty policies, 100,000 synthetic documents of five AWS types in rounds, each type with its four
policies. All engines run in one process, interleaved, on CPU time; a figure is the median of the
rounds. The other engines see a sample of each round, with what their documentation says is fastest;
those that are not installed are left out. Refuses absolute bars: a machine is only compared with
itself.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import orjson
from _estate import MAKERS, POLICIES, Document, security_group
from cel_expr_python import cel as cel_cpp

from cloudsealed.engine import Rule, compile_rule
from cloudsealed.engine.functions.documents import as_list, days_since
from cloudsealed.engine.functions.network import cidr_contains
from cloudsealed.engine.language.program import _compile

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DOCUMENTS = 5_000
ROUNDS = 20
MAX_PARSE_RATIO = 1.6
MAX_COMPILE_MS = 0.5
MIN_SCALE = 1.8
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "as_list": as_list,
    "days_since": lambda moment: days_since(NOW, moment),
    "cidr_contains": cidr_contains,
}


@dataclass(frozen=True, slots=True)
class Case:
    """A document of a type, with its relations."""

    kind: str
    document: Document
    related: dict[str, list[Document]]


@dataclass(frozen=True, slots=True)
class Rival:
    """Another engine: what it answers for cases, the bar, and the share of cases that it sees."""

    name: str
    ask: Callable[[list[Case]], list[bool]]
    least: float
    every: int


def cases(seed: int) -> list[Case]:
    """The documents of one round."""
    rng = random.Random(seed)
    groups = [security_group(rng, number) for number in range(97)]
    kinds = list(MAKERS)
    made = []
    for number in range(DOCUMENTS):
        kind = kinds[number % len(kinds)]
        joined = [groups[number % 97]] if kind == "aws.ec2.instance" else []
        made.append(Case(kind, MAKERS[kind](rng, number), {"groups": joined}))
    return made


RULES: dict[str, tuple[Rule, ...]] = {
    kind: tuple(compile_rule(fail_when=text, related=["groups"]) for text in texts)
    for kind, texts in POLICIES.items()
}


def judge(asked: list[Case], evidence: bool = False) -> list[bool]:
    """This engine's answers."""
    return [
        rule.judge(case.document, case.related, NOW, evidence).outcome == "fail"
        for case in asked
        for rule in RULES[case.kind]
    ]


def google() -> Rival:
    """cel-cpp in its Python binding; one activation a document."""
    dyn, text, whole = cel_cpp.Type.DYN, cel_cpp.Type.STRING, cel_cpp.Type.INT
    signatures = [
        ("as_list", cel_cpp.Type.List(dyn), [[text], [cel_cpp.Type.List(dyn)]]),
        ("days_since", whole, [[text]]),
        ("cidr_contains", cel_cpp.Type.BOOL, [[text, text]]),
    ]
    declared = [
        cel_cpp.FunctionDecl(
            name,
            [
                cel_cpp.Overload(
                    f"{name}_{n}", return_type=result, parameters=kinds, impl=FUNCTIONS[name]
                )
                for n, kinds in enumerate(overloads)
            ],
        )
        for name, result, overloads in signatures
    ]
    environment = cel_cpp.NewEnv(variables={"resource": dyn, "related": dyn}, functions=declared)
    programs = {
        kind: [environment.compile(text) for text in texts] for kind, texts in POLICIES.items()
    }

    def ask(asked: list[Case]) -> list[bool]:
        answers = []
        for case in asked:
            given = environment.Activation({"resource": case.document, "related": case.related})
            answers += [program.eval(given).value() is True for program in programs[case.kind]]
        return answers

    return Rival("cel-expr-python", ask, 8.0, 4)


def rust() -> Rival:
    """The Rust interpreter in its Python binding; compiled programs, one context that is reused."""
    import cel

    context = cel.Context()
    for name, function in FUNCTIONS.items():
        context.add_function(name, function)
    programs = {kind: [cel.compile(text) for text in texts] for kind, texts in POLICIES.items()}

    def ask(asked: list[Case]) -> list[bool]:
        answers = []
        for case in asked:
            context.add_variable("resource", case.document)
            context.add_variable("related", case.related)
            answers += [_truth(program.execute, context) for program in programs[case.kind]]
        return answers

    return Rival("common-expression-language", ask, 35.0, 25)


def pure_python() -> Rival:
    """cel-python's interpreter; documents converted once for all policies of a type."""
    import celpy

    environment = celpy.Environment()

    def converted(run: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: celpy.json_to_cel(run(*map(_plain, given)))

    functions = {name: converted(run) for name, run in FUNCTIONS.items()}
    programs = {
        kind: [environment.program(environment.compile(text), functions) for text in texts]
        for kind, texts in POLICIES.items()
    }

    def ask(asked: list[Case]) -> list[bool]:
        answers = []
        for case in asked:
            given = {
                "resource": celpy.json_to_cel(case.document),
                "related": celpy.json_to_cel(case.related),
            }
            answers += [_truth(program.evaluate, given) for program in programs[case.kind]]
        return answers

    return Rival("cel-python", ask, 500.0, 500)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _truth(run: Callable[[Any], Any], given: Any) -> bool:
    try:
        return bool(run(given))
    except Exception:  # an error is not a failure; each engine has classes of its own
        return False


def rivals() -> list[Rival]:
    """The engines that are installed."""
    found = [google()]
    found += [rust()] if find_spec("cel") else []
    found += [pure_python()] if find_spec("celpy") else []
    return found


def timed(run: Callable[[], object]) -> float:
    """The CPU seconds of a run."""
    started = time.process_time()
    run()
    return time.process_time() - started


def measure(others: list[Rival]) -> list[dict[str, float]]:
    """The ratios of each round."""
    return [_round(cases(seed), others) for seed in range(ROUNDS)]


def _round(made: list[Case], others: list[Rival]) -> dict[str, float]:
    texts = [orjson.dumps(case.document) for case in made]

    def parse() -> None:
        for text in texts:
            orjson.loads(text)

    mine = timed(lambda: judge(made))
    ratios = {"parse": mine / timed(parse), "speed": len(made) * 4 / mine}
    return ratios | {rival.name: _against(rival, made) for rival in others}


def _against(rival: Rival, made: list[Case]) -> float:
    """The time of another engine over ours, on a sample that has each type equally often."""
    sample = made[: len(made) // rival.every // 5 * 5]
    repeats = max(1, rival.every // 10)
    ours = timed(lambda: [judge(sample) for _ in range(repeats)]) / repeats
    return timed(lambda: rival.ask(sample)) / ours


def compile_ms() -> float:
    """The CPU milliseconds that compiling one of the policies takes, at best."""
    texts = [text for group in POLICIES.values() for text in group]
    names = ("resource", "related")

    def compile_all() -> None:
        for text in texts:
            _ = _compile(text, names, {}, True, "").function

    return min(timed(compile_all) for _ in range(9)) / len(texts) * 1000


def scale() -> float:
    """How much more two worker processes judge than one in the same time."""
    context = multiprocessing.get_context("fork")

    def wall(workers: int) -> float:
        made = [context.Process(target=_work) for _ in range(workers)]
        started = time.monotonic()
        for worker in made:
            worker.start()
        for worker in made:
            worker.join()
        return time.monotonic() - started

    return statistics.median(2 * wall(1) / wall(2) for _ in range(5))


def _work() -> None:
    made = cases(1)
    for _ in range(20):
        judge(made)


def main() -> int:
    """Run the benchmark, print the figures, and return 1 when a bar is missed."""
    others = rivals()
    for rival in others:
        sample = cases(0)[: DOCUMENTS // rival.every // 5 * 5]
        differing = sum(a != b for a, b in zip(judge(sample), rival.ask(sample), strict=True))
        print(f"{rival.name}: {differing} answers of {len(sample) * 4} differ")
    rounds = measure(others)
    missed = []

    def report(name: str, text: str, bar: float, least: bool) -> None:
        figure = statistics.median(each[name] for each in rounds)
        print(f"{text}: {figure:.2f}x ({'at least' if least else 'at most'} {bar}x)")
        if (figure < bar) is least:
            missed.append(name)

    print(f"{ROUNDS * DOCUMENTS:,} documents, {ROUNDS * DOCUMENTS * 4:,} evaluations")
    print(f"a second and core: {statistics.median(each['speed'] for each in rounds):,.0f}")
    report("parse", "four policies / parsing the document", MAX_PARSE_RATIO, least=False)
    for rival in others:
        report(rival.name, f"{rival.name} / this engine", rival.least, least=True)
    compiling, slow = compile_ms(), sum(r.slow_path_hits for group in RULES.values() for r in group)
    print(f"compiling a policy: {compiling:.2f} ms (at most {MAX_COMPILE_MS} ms)")
    print(f"slow path: {slow} hits")
    idle = os.getloadavg()[0] < 1.5
    scaled = scale()
    verdict = f"at least {MIN_SCALE}x" if idle else "not judged: the machine is busy"
    print(f"two workers / one: {scaled:.2f}x ({verdict})")
    bad = compiling > MAX_COMPILE_MS or slow > 0 or (idle and scaled < MIN_SCALE)
    return int(bool(missed) or bad)


if __name__ == "__main__":
    sys.exit(main())
