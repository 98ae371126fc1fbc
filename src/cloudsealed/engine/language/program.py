"""A compiled expression: the generated function in its cage, and the interpreter behind it.

Three barriers keep the function harmless: its source is made only of literals and of names chosen
by the generator; before it is compiled every word of it is compared with what may stand there, and
its Python tree with the kinds of nodes that it may have. It has no builtins. Refuses to run the
interpreter for anything but the errors that documents cause.
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from types import FunctionType
from typing import Any, Final, Literal

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError, ExpressionError
from cloudsealed.engine.language.generator import write
from cloudsealed.engine.language.interpreter import Bound, Interpreter
from cloudsealed.engine.language.parser import parse
from cloudsealed.engine.language.partial import PartialInterpreter
from cloudsealed.engine.language.resolve import resolve
from cloudsealed.engine.language.runtime import RUNTIME
from cloudsealed.engine.language.syntax import Apply, Node, children
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value

_parsing = threading.Lock()  # Python's parser counts its depth once for all threads: SystemError

MAX_SHARED: Final = 1_024
"""Compiled expressions that are kept."""

SLOW: Final = (
    KeyError,
    TypeError,
    IndexError,
    ValueError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    EvaluationError,
)
"""What sends an evaluation to the interpreter. A NameError is a fault of ours, and is seen."""

_WRITTEN: Final = re.compile(
    r"""(?>
      \n | ^[ ]+for\b | [ ]+
    | (?: def | return | if | else | in | is | not | and | or | break | continue | try | except
        | None | True | False | now | used | meter | evidence | run | _[a-z]+(?:_[a-z]+)* ) \b
    | [vtrxk][0-9]+ \b
    | \. (?: __class__ | startswith | endswith | encode | (?<=\bmeter\.) left ) \b
    | b?'(?: [^'\\\n] | \\. )*' | b?"(?: [^"\\\n] | \\. )*" | [0-9]+ \b
    | [=!<>:+-]= | // | \*(?!\*) | [-+<>=:,()\[\]]
    )*+""",
    re.VERBOSE | re.MULTILINE | re.ASCII,
)
"""The text of generated functions: the names that are made here, literals, and little else.

No other name can stand in it, nor any attribute that leads somewhere; a loop begins its line.
"""


_ALLOWED: Final[frozenset[type[ast.AST]]] = frozenset(
    {
        *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Expr),
        *(ast.Assign, ast.AugAssign, ast.If, ast.For, ast.Break, ast.Continue),
        *(ast.Try, ast.ExceptHandler, ast.Name, ast.Constant, ast.Attribute, ast.Subscript),
        *(ast.Call, ast.List, ast.Tuple, ast.IfExp, ast.NamedExpr),
        *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.UnaryOp, ast.Not, ast.USub),
        *(ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt),
        *(ast.GtE, ast.Is, ast.IsNot, ast.In),
    }
)
"""The kinds of nodes that a generated function may have."""
_PLAIN: Final = frozenset({"ctx", "id", "attr", "arg", "name", "kind", "type_comment"})
"""Fields that are no nodes; whether a name is read or written follows from the kinds around it."""
_PARTS: Final[dict[type[ast.AST], tuple[str, ...]]] = {
    kind: () if kind is ast.Constant else tuple(n for n in kind._fields if n not in _PLAIN)
    for kind in _ALLOWED
}


@dataclass(frozen=True)
class Compiled:
    """An expression ready to run. It never changes, so that all who compile the text share it.

    `generated` is a function's source and `names` what it needs; no text that is refused has one.
    """

    source: str
    variables: tuple[str, ...]
    boolean: bool
    tree: Node
    generated: str
    names: Mapping[str, object]
    functions: frozenset[str]

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function, made when first asked for: of most policies an audit asks only what they
        read. It takes a value for each of `variables`, in order, and the audit's clock, and raises
        one of `SLOW` where the interpreter has to decide."""
        return _load(self.generated, self.names)


def compile_source(
    source: str,
    variables: Sequence[str],
    constants: Mapping[str, Value],
    expect: Literal["bool", "any"],
    container: str = "",
) -> Compiled:
    """The compiled `source`; one that names no constant is kept for the next who asks."""
    names = tuple(variables)
    if not any(name in source for name in constants):
        with suppress(ExpressionError):  # worded below, where all names are known
            return _shared(source, names, expect == "bool", container)
    return _compile(source, names, constants, expect == "bool", container)


@lru_cache(maxsize=MAX_SHARED)
def _shared(source: str, names: tuple[str, ...], boolean: bool, container: str) -> Compiled:
    return _compile(source, names, {}, boolean, container)


def _compile(
    source: str,
    names: tuple[str, ...],
    constants: Mapping[str, Value],
    boolean: bool,
    container: str,
) -> Compiled:
    tree = resolve(parse(source), source, names, constants, container)
    written = write(tree, source, names, boolean)
    called = frozenset(_functions(tree))
    return Compiled(source, names, boolean, tree, written.source, written.names, called)


class Program:
    """A compiled expression and a count: `slow_path_hits` of runs that needed the interpreter.

    `run` takes one value for each of `variables`, in order, and the audit's clock.
    """

    def __init__(
        self,
        source: str,
        variables: Sequence[str],
        constants: Mapping[str, Value],
        expect: Literal["bool", "any"],
        container: str = "",
    ) -> None:
        self._shared = compile_source(source, variables, constants, expect, container)
        self.slow_path_hits = 0

    @cached_property
    def compiled(self) -> Callable[..., Any]:
        """The function alone, for who calls `run` only where that raises."""
        return self._shared.function

    def answering(self, **names: object) -> Callable[..., Any]:
        """A copy of the function that has other values for the names of its answers.

        `_yes` and `_no` are what it returns. What is of the classes `_stops` does not leave it, but
        it returns what `_exactly` does, which takes the same values and `evidence`. That is one
        more parameter, usually true: then it does not return `_yes`, but what `_told` does.
        """
        function = self._shared.function
        assert isinstance(function, FunctionType)
        # A copy of the code too: Python tunes code to the names that it is run with.
        code, space = function.__code__.replace(), {**function.__globals__, **names}
        return FunctionType(code, space, "judge", (True,))

    @property
    def source(self) -> str:
        """The text."""
        return self._shared.source

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the values that `run` takes."""
        return self._shared.variables

    @property
    def tree(self) -> Node:
        """The resolved syntax tree."""
        return self._shared.tree

    @property
    def generated(self) -> str:
        """The Python text of the function."""
        return self._shared.generated

    def run(self, values: Sequence[Value], now: datetime) -> Value:
        """The value for these variables; raises `EvaluationError`."""
        try:
            return self.compiled(*values, now)
        except BudgetExceeded:
            raise
        except SLOW:
            return self._interpret(values, now)
        except RecursionError:
            raise BudgetExceeded("the document is nested too deeply") from None

    def run_partly(self, values: Sequence[Value], now: datetime) -> Value:
        """The value for variables that have gaps, or the `Unknown` that is left.

        It is that of every value that could stand in the gaps; raises `EvaluationError`.
        """
        return self._exactly(values, now, PartialInterpreter)

    def _interpret(self, values: Sequence[Value], now: datetime) -> Value:
        self.slow_path_hits += 1
        return self._exactly(values, now, Interpreter)

    def _exactly(
        self, values: Sequence[Value], now: datetime, evaluator: type[Interpreter]
    ) -> Value:
        names = self._shared.variables
        scope = {name: Bound(value) for name, value in zip(names, values, strict=True)}
        interpreter = evaluator(Meter.at(now))
        try:
            if self._shared.boolean:
                return interpreter.truth(self.tree, scope)
            return interpreter.evaluate(self.tree, scope)
        except BudgetExceeded:
            raise
        except EvaluationError as error:
            error.path, error.origin = interpreter.path_of(error), None
            raise
        except RecursionError:
            raise BudgetExceeded("the document is nested too deeply") from None

    @property
    def functions(self) -> frozenset[str]:
        """The names of the functions that the expression calls."""
        return self._shared.functions


def _functions(tree: Node) -> Iterator[str]:
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        nodes += children(node)
        if isinstance(node, Apply):
            yield node.function.name


def _load(source: str, names: Mapping[str, object]) -> FunctionType:
    """The function `run` of generated source, in a namespace of its own."""
    _inspect(source)
    with _parsing:
        tree = ast.parse(source)
        _inspect_tree(tree)
        code = compile(tree, "<expression>", "exec")
    space: dict[str, Any] = {"__builtins__": {}, **RUNTIME, **names}
    exec(code, space)  # noqa: S102 - inspected, and caged
    run: FunctionType = space["run"]
    return run


def _inspect(source: str) -> None:
    """Refuse a word that the generator has no reason to write: it would be a fault of ours."""
    end = _WRITTEN.match(source).end()  # type: ignore[union-attr]  # it may match nothing
    if end < len(source):
        raise AssertionError(f"generated code may not hold {source[end:][:80]!r}")


def _inspect_tree(tree: ast.AST) -> None:
    """Refuse a kind of node that the generator has no reason to write: a fault of ours."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        fields = _PARTS.get(node.__class__)
        if fields is None:
            raise AssertionError(f"generated code may not hold {ast.dump(node)[:80]}")
        for name in fields:
            value = getattr(node, name)
            if value.__class__ is list:
                nodes += value
            elif value is not None:
                nodes.append(value)
