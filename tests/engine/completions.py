"""Documents that were read in part, and every document that they may be: the oracle of gaps.

A document is given gaps with small domains; what the engine decides in spite of them is compared
with what it says of each completion. `python -m tests.engine.completions EXPRESSIONS [SEED]` runs
for long and ends with 1 at the first answer that a completion contradicts.
"""

from __future__ import annotations

import copy
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.engine.expressions import VALUES, Writer, make_document
from tests.engine.oracle import NOW, tagged

from cloudsealed.engine import PartialList, Unknown
from cloudsealed.engine.errors import EvaluationError, ExpressionError
from cloudsealed.engine.gaps import GAPS, reasons_in
from cloudsealed.engine.language.program import Program
from cloudsealed.engine.meter import Meter

Place = tuple[str | int, ...]
ABSENT = object()
MOST = 40
"""Completions of one document."""
_POOL = [make_document(random.Random(number)) for number in range(500)]


@dataclass(slots=True)
class Gap:
    """A place in a document, what stands there in part, and the values that it may have."""

    place: Place
    known: Any
    domain: list[Any]


def places(
    value: Any, at: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every place below a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for step, each in entries:
        yield (*at, step), each
        if isinstance(each, dict | list):
            yield from places(each, (*at, step))


def gap_at(source: random.Random, place: Place, value: Any) -> Gap:
    """A gap over a value, which stays one of its domain."""
    reason = frozenset({place})
    if isinstance(value, list) and source.random() < 0.6:
        known = [each for each in value if source.random() < 0.6]
        others = [1, "x", {"a": 1, "e": True}, {"b": "x", "e": False}, {}]
        more = [[], [source.choice(others)], [source.choice(others), source.choice(others)]]
        domain = [known + extra for extra in more] + [extra + known for extra in more[1:]]
        return Gap(place, PartialList(known, reason), [value, *domain])
    domain = [value, None, source.choice(VALUES["int"]), source.choice(VALUES["string"]), True]
    domain += [{"a": 1, "e": True}, [1, "x"]]
    if isinstance(place[-1], str):
        domain.append(ABSENT)
    return Gap(place, Unknown(reason), source.sample(domain, 5))


def put(document: Any, place: Place, value: Any) -> None:
    for step in place[:-1]:
        document = document[step]
    if value is ABSENT:
        del document[place[-1]]
    else:
        document[place[-1]] = copy.deepcopy(value)


def with_gaps(source: random.Random, document: dict[str, Any], text: str) -> tuple[Any, list[Any]]:
    """The document with one gap or two in what a text reads, and its completions."""
    found = [each for each in places(document) if str(each[0][0]) in text]
    if not found:
        return document, [document]
    gaps = [gap_at(source, *source.choice(found)) for _ in range(source.choice([1, 1, 2]))]
    if len(gaps) == 2 and (
        gaps[0].place[: len(gaps[1].place)] == gaps[1].place[: len(gaps[0].place)]
    ):
        gaps.pop()
    partial = copy.deepcopy(document)
    for gap in gaps:
        put(partial, gap.place, gap.known)
    completions = []
    for values in itertools.product(*(gap.domain for gap in gaps)):
        whole = copy.deepcopy(document)
        # A later item of a list would move if an earlier one went; only entries of maps go.
        for gap, value in zip(gaps, values, strict=True):
            put(whole, gap.place, value)
        completions.append(whole)
    return partial, completions[:MOST]


def answer(program: Program, document: Any, partly: bool = False) -> Any:
    """The value with its kinds, "error", or None where a gap is left."""
    run = program.run_partly if partly else program.run
    try:
        value = run((document,), NOW)
    except EvaluationError:
        return "error"
    if value.__class__ in GAPS or (partly and reasons_in(value, Meter.at(NOW)) is not None):
        return None
    return tagged(value)


def contradictions(seed: int) -> Iterator[tuple[bool, Any]]:
    """For each document of one expression: whether it was decided, and what contradicts that."""
    source = random.Random(seed)
    text = Writer(source).whole(
        source.choice([1, 2, 2, 3, 3, 4]), source.choice([None, "bool", "bool"])
    )
    try:
        program = Program(text, ("r",), {}, "any")
    except ExpressionError:
        return
    for document in source.sample(_POOL, 6):
        partial, completions = with_gaps(source, document, text)
        decided = answer(program, partial, partly=True)
        if decided is None:
            yield False, None
            continue
        for whole in completions:
            told = answer(program, whole)
            # A document without an answer contradicts only the claim that none has one.
            if told != decided and (told != "error" or decided == "error"):
                yield True, (seed, text, partial, decided, whole, told)
                break
        else:
            yield True, None


def main(expressions: int, seed: int) -> int:
    """Compare until so many expressions are done; return the exit code."""
    done = decided = 0
    for number in range(seed, seed + expressions):
        for known, wrong in contradictions(number):
            done, decided = done + 1, decided + known
            if wrong is not None:
                print(wrong)
                return 1
    print(f"{done:,} documents, {decided / done:.1%} decided in spite of gaps, 0 contradictions")
    return 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(arguments + [20_000, 0][len(arguments) :])))
