"""A compiled expression: the generated function in its cage, and the interpreter behind it.

Two barriers keep the function harmless: its source is made only of literals and of names chosen by
the generator, and before it is compiled its Python tree is compared with a list of allowed parts.
It has no builtins. Refuses to run the interpreter for anything but the errors that documents cause.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError
from cloudsealed.engine.generator import RUNTIME, write
from cloudsealed.engine.interpreter import Bound, Interpreter
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.parser import parse
from cloudsealed.engine.resolve import resolve
from cloudsealed.engine.syntax import Apply, Node, children
from cloudsealed.engine.values import Value

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

_ALLOWED: Final = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return),
    *(ast.Assign, ast.AugAssign, ast.Add, ast.If, ast.For, ast.Break),
    *(ast.Name, ast.Load, ast.Store, ast.Constant, ast.Subscript, ast.List, ast.Tuple),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.Is, ast.IsNot, ast.In, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub),
    *(ast.IfExp, ast.NamedExpr, ast.Call, ast.Attribute, ast.Sub, ast.BinOp, ast.Mult, ast.Expr),
)


class Program:
    """One expression, ready to run. `slow_path_hits` counts the runs that needed the interpreter.

    `run` takes one value for each of `variables`, in order, and the audit's clock. `compiled` is
    the function alone: it takes them one by one, and raises one of `SLOW` where `run` does more.
    """

    __slots__ = (
        "boolean",
        "compiled",
        "generated",
        "slow_path_hits",
        "source",
        "tree",
        "variables",
    )

    def __init__(
        self,
        source: str,
        variables: Sequence[str],
        constants: Mapping[str, Value],
        expect: Literal["bool", "any"],
        container: str = "",
    ) -> None:
        self.source = source
        self.variables = tuple(variables)
        self.boolean = expect == "bool"
        self.tree = resolve(parse(source), source, variables, constants, container)
        written = write(self.tree, source, self.variables, self.boolean)
        self.generated = written.source
        self.compiled = _load(written.source, written.names)
        self.slow_path_hits = 0

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

    def _interpret(self, values: Sequence[Value], now: datetime) -> Value:
        self.slow_path_hits += 1
        scope = {name: Bound(value) for name, value in zip(self.variables, values, strict=True)}
        interpreter = Interpreter(Meter.at(now))
        try:
            if self.boolean:
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
        return frozenset(_functions(self.tree))


def _functions(node: Node) -> set[str]:
    found = {node.function.name} if isinstance(node, Apply) else set()
    return found.union(*(_functions(child) for child in children(node)))


def _load(source: str, names: Mapping[str, object]) -> Callable[..., Any]:
    """The function `run` of generated source, in a namespace of its own."""
    tree = ast.parse(source)
    for part in ast.walk(tree):
        _inspect(part)
    space: dict[str, Any] = {"__builtins__": {}, **RUNTIME, **names}
    exec(compile(tree, "<expression>", "exec"), space)  # noqa: S102 - a caged tree
    run: Callable[..., Any] = space["run"]
    return run


def _inspect(part: ast.AST) -> None:
    """Refuse a part that the generator has no reason to write: it would be a fault of ours."""
    bad = (
        not isinstance(part, _ALLOWED)
        or (isinstance(part, ast.Attribute) and not _is_harmless(part))
        or (isinstance(part, ast.Name) and "__" in part.id)
    )
    if bad:
        raise AssertionError(f"generated code may not hold {ast.dump(part)[:80]}")


def _is_harmless(part: ast.Attribute) -> bool:
    """Whether this is `anything.__class__`, or an attribute of the meter."""
    of_meter = isinstance(part.value, ast.Name) and part.value.id == "meter"
    return part.attr == "__class__" or (of_meter and part.attr in ("left", "now"))
