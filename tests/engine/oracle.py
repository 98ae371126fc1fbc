"""The engine against Google's cel-cpp: the same expression over the same document in both.

`python -m tests.engine.oracle EVALUATIONS [SEED]` runs until so many evaluations are done and ends
with 1 at the first that differs. Refuses to compare what is known to differ: see `ours`.
"""

from __future__ import annotations

import ctypes
import math
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_encoders, ext_math, ext_optional, ext_strings
from tests.engine.expressions import Writer, make_document

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError, ExpressionError
from cloudsealed.engine.language.program import Program
from cloudsealed.engine.times import datetime_of
from cloudsealed.engine.values import Timestamp, TypeValue, UInt, key_value

if sys.version_info < (3, 12):
    # The binding gives back a reference to None too often; without spare ones Python aborts.
    ctypes.c_ssize_t.from_address(id(None)).value += 10**9

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DOCUMENTS = 16
"""Documents of one expression."""
_BINDS = re.compile(r"cel\.bind|optMap|optFlatMap")
_LOOPS = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(")
_POOL = [make_document(random.Random(number)) for number in range(2_000)]
_EXTENSIONS = (
    ext_bindings.ExtBindings,
    ext_encoders.ExtEncoders,
    ext_math.ExtMath,
    ext_optional.ExtOptional,
    ext_strings.ExtStrings,
)
_ORACLE = cel.NewEnv(
    variables={"r": cel.Type.DYN}, extensions=[extension() for extension in _EXTENSIONS]
)


def tagged(value: Any) -> Any:
    """A value with its kinds, so that true is not 1; a uint counts as an int (the binding's)."""
    if isinstance(value, list):
        return [tagged(item) for item in value]
    if isinstance(value, dict):
        return {tagged(key_value(key)): tagged(item) for key, item in value.items()}
    if isinstance(value, UInt):
        return ("int", int(value))
    if isinstance(value, TypeValue):
        return ("type", value.name)
    if isinstance(value, Timestamp):
        return ("datetime", datetime_of(value))
    if isinstance(value, float) and math.isnan(value):
        return "not a number"
    return (value.__class__.__name__, value)


def theirs(found: Any) -> Any:
    """The oracle's value in the same form; it returns errors as values."""
    if found.type() == cel.Type.ERROR:
        return "error"
    value = found.value()
    if isinstance(value, list):
        return [theirs(item) for item in value]
    if isinstance(value, dict):
        return {(key.__class__.__name__, key): theirs(item) for key, item in value.items()}
    return ("type", value.name()) if isinstance(value, cel.Type) else tagged(value)


def ours(program: Program, document: dict[str, Any]) -> Any:
    try:
        return tagged(program.run((document,), NOW))
    except BudgetExceeded:
        return None
    except EvaluationError as error:
        # cel-cpp converts a bool to an int; the language definition has no such conversion.
        return None if "int, not a bool" in error.message else "error"


def condition_of(text: str) -> Program | None:
    """The expression where it must be true or false; None if it never can be."""
    try:
        return Program(text, ("r",), {}, "bool")
    except ExpressionError:
        return None


def as_condition(condition: Program, document: dict[str, Any], value: Any) -> Any:
    """`value`, if the condition makes the same of the document; else what it makes of it."""
    found = ours(condition, document)
    true_or_false = value in (("bool", True), ("bool", False))
    return value if found == (value if true_or_false else "error") else (found, "as a condition")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What both engines made of an expression and a document; `ours` None was not compared."""

    source: str
    document: dict[str, Any]
    ours: Any
    theirs: Any

    @property
    def differs(self) -> bool:
        return self.ours is not None and self.ours != self.theirs


def evaluations(seed: int) -> Iterator[Evaluation]:
    """The evaluations of one expression; none where an engine refuses to compile it."""
    source = random.Random(seed)
    depth, kind = source.choice([1, 2, 2, 3, 3, 4]), source.choice([None, "bool"])
    text = Writer(source).whole(depth, kind)
    if _BINDS.search(text) and _LOOPS.search(text):
        return  # cel-cpp mixes up the variables of the two
    try:
        compiled = _ORACLE.compile(text)
    except Exception:  # its type checker refuses more than ours, which knows no declarations
        return
    try:
        program = Program(text, ("r",), {}, "any")
    except ExpressionError as error:
        # Ours alone limits how many loops there are, and knows what a literal cannot be.
        if "loops" in error.message or "deeper" in error.message:
            return
        raise AssertionError((text, error.message)) from error
    condition = condition_of(text)
    for document in source.sample(_POOL, DOCUMENTS):
        mine = ours(program, document)
        if condition is not None and mine is not None:
            mine = as_condition(condition, document, mine)
        try:
            other = theirs(compiled.eval(data={"r": document}))
        except RuntimeError:  # some fields of optional values end it, where it means an error
            mine = other = None
        yield Evaluation(text, document, mine, other)


def main(wanted: int, seed: int) -> int:
    """Compare until `wanted` evaluations are done; return the exit code."""
    started, done, errors = time.monotonic(), 0, 0
    while done < wanted:
        for each in evaluations(seed):
            if each.differs:
                print(f"seed {seed}: {each}")
                return 1
            done += each.ours is not None
            errors += each.ours == "error"
        seed += 1
    share, seconds = errors / done, time.monotonic() - started
    print(
        f"{done:,} evaluations, {share:.1%} errors, 0 differences, {seconds:.0f} s, to seed {seed}"
    )
    return 0


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(arguments + [1_000_000, 0][len(arguments) :])))
