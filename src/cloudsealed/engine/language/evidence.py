"""Why an expression is true, or false: the values in the document that made it so.

Walks the tree from the top and keeps to what decided: the operand of `||` that is true, the item
for which `exists` holds, and there every value that was read. Refuses to show what is redacted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.language.interpreter import Bound, Interpreter, Scope
from cloudsealed.engine.language.shown import shown
from cloudsealed.engine.language.syntax import (
    Bind,
    Conditional,
    Constant,
    Logic,
    Loop,
    Node,
    Not,
    OptionalMap,
    children,
)
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.paths import follow, render
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value

MAX_EVIDENCE: Final = 20
"""Values of one verdict."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A value that decided, and its path from the resource (`IpPermissions[0].FromPort`).

    The path begins with `related.` for a value of another resource. An absent value is null. Text
    is clipped to 200 characters, and a list or map whose JSON is longer is that JSON, clipped. A
    redacted value shows what is known of it, without its digest.
    """

    path: str
    value: Value


def explain(
    tree: Node,
    variables: Mapping[str, Value],
    now: datetime,
    outcome: bool = True,
    evaluator: type[Interpreter] = Interpreter,
) -> tuple[Evidence, ...]:
    """The evidence for `tree` being `outcome`: at most `MAX_EVIDENCE` values, in reading order.

    Where the document has gaps, `evaluator` is the interpreter that knows them.
    """
    scope = {name: Bound(value) for name, value in variables.items()}
    found: dict[Steps, Value] = {}
    try:
        for path in _Explainer(evaluator(Meter.at(now))).why(tree, scope, outcome):
            where, value = follow(path, variables)
            found.setdefault(where, value)
            if len(found) == MAX_EVIDENCE:
                break
    except (EvaluationError, RecursionError):
        # A spent budget leaves what was found until then; it is the same in each run.
        pass
    return tuple(Evidence(relative(path), shown(value)[0]) for path, value in found.items())


def relative(path: Steps) -> str:
    """A path as text that begins with the resource, which is left out, or with `related`."""
    return render(path[1:] if path[0] == "resource" else path)


class _Explainer:
    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter

    def outcome(self, node: Node, scope: Scope) -> Value:
        """The value of `node`, or null where it has none."""
        return self.interpreter.quietly(node, scope)

    def why(self, node: Node, scope: Scope, wanted: bool) -> Iterator[Steps]:
        """The paths that made `node` come out as `wanted`."""
        match node:
            case Logic(every=every, operands=operands):
                yield from self.logic(every, operands, scope, wanted)
            case Not(operand=operand):
                yield from self.why(operand, scope, not wanted)
            case Conditional(condition=condition, then=then, otherwise=otherwise):
                holds = self.outcome(condition, scope) is True
                yield from self.why(condition, scope, holds)
                yield from self.why(then if holds else otherwise, scope, wanted)
            case Bind(body=body):
                yield from self.why(body, self.interpreter.bind(node, scope), wanted)
            case Loop(macro="all" | "exists"):
                yield from self.loop(node, scope, wanted)
            case _:
                yield from self.leaves(node, scope)

    def logic(
        self, every: bool, operands: Sequence[Node], scope: Scope, wanted: bool
    ) -> Iterator[Steps]:
        """All operands had to agree, or the first that decided is enough."""
        for operand in operands:
            if every == wanted:
                yield from self.why(operand, scope, wanted)
            elif self.outcome(operand, scope) is wanted:
                yield from self.why(operand, scope, wanted)
                return

    def loop(self, node: Loop, scope: Scope, wanted: bool) -> Iterator[Steps]:
        """The first item that decided; where none could, the whole list did."""
        if node.condition is not None and wanted == (node.macro == "exists"):
            for inner in self.interpreter.rounds(node, scope):
                if self.outcome(node.condition, inner) is wanted:
                    yield from self.why(node.condition, inner, wanted)
                    return
        yield from self.leaves(node.range, scope)

    def made(self, node: Loop, scope: Scope) -> Iterator[Steps]:
        """What a `map` took of each item that it kept; where it kept none, the whole list."""
        result, kept = node.result, False
        assert result is not None
        for inner in self.interpreter.rounds(node, scope):
            if node.condition is None or self.outcome(node.condition, inner) is True:
                kept = True
                yield from self.leaves(result, inner)
        if not kept:
            yield from self.leaves(node.range, scope)

    def leaves(self, node: Node, scope: Scope) -> Iterator[Steps]:
        """The largest parts of `node` that stand somewhere in a document."""
        path = self.interpreter.locate(node, scope)
        if path is not None and len(path) > 1:
            yield path
        elif isinstance(node, Loop) and node.result is not None:
            yield from self.made(node, scope)
        elif isinstance(node, Loop | OptionalMap):
            yield from self.leaves(children(node)[0], scope)
        elif isinstance(node, Bind):
            yield from self.leaves(node.body, self.interpreter.bind(node, scope))
        elif not isinstance(node, Constant):
            for child in children(node):
                yield from self.leaves(child, scope)
