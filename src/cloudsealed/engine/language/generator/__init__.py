"""Writes a Python function for a resolved expression.

Wherever the function returns, it returns what the interpreter would; whatever it cannot do exactly
it answers by raising, and then the interpreter decides. So it neither absorbs nor words errors.
Text of the expression reaches the function only as literals; all names are made here. Refuses, when
written, what can never be right: `"a" && true`, a text where the result must be true or false.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from cloudsealed.engine.language.generator import calls, loops, operations, structure
from cloudsealed.engine.language.generator.loops import decide
from cloudsealed.engine.language.generator.writer import Forms, Writer
from cloudsealed.engine.language.syntax import (
    Apply,
    Binary,
    Bind,
    Conditional,
    Constant,
    Has,
    Index,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Negate,
    Node,
    Not,
    OptionalIndex,
    OptionalMap,
    Otherwise,
    Select,
    Spread,
)


class Written(NamedTuple):
    """A generated function: its source, and the names it needs."""

    source: str
    names: dict[str, object]


def write(tree: Node, source: str, variables: Sequence[str], expect_bool: bool) -> Written:
    """The Python function `run(*variables, now)` for `tree`; raises `ExpressionError`.

    With `expect_bool` it answers with the names `_yes` and `_no`, and has what lets a copy of it
    answer otherwise: see `Program.answering`.
    """
    writer = Writer(source, variables, _FORMS, alone=True)
    lines = _function(writer, tree, expect_bool)
    if writer.metered:
        writer = Writer(source, variables, _FORMS, alone=False)
        lines = _function(writer, tree, expect_bool)
    return Written("\n".join([*lines, ""]), writer.names)


def _function(writer: Writer, tree: Node, expect_bool: bool) -> list[str]:
    """The lines of the whole function."""
    given = ", ".join([*(writer.scope[name] for name in writer.scope), "now"])
    with writer.block() as body:
        if expect_bool:
            decide(writer, tree, f"return _told({given}) if evidence else _yes", "return _no")
        else:
            writer.lines.append(f"return {writer.code(tree).text}")
    opening = [f"    {line}" for line in writer.opening()]
    if not expect_bool:
        return [f"def run({given}):", *opening, *body]
    return [
        f"def run({given}, evidence=False):",
        *opening,
        "    try:",
        *(f"    {line}" for line in body),
        f"    except _stops: return _exactly({given}, evidence)",
    ]


_FORMS: Final[Forms] = {
    Constant: structure.constant,
    Name: structure.variable,
    Select: structure.select,
    Has: structure.has,
    Index: structure.index,
    OptionalIndex: structure.optional_index,
    OptionalMap: loops.optional_map,
    Otherwise: structure.otherwise,
    Spread: structure.spread,
    Bind: structure.bind,
    Apply: calls.apply,
    Logic: operations.logic,
    Not: operations.negation,
    Negate: operations.negative,
    Binary: operations.binary,
    Conditional: operations.conditional,
    ListOf: structure.list_of,
    MapOf: structure.map_of,
    Loop: loops.loop,
}
