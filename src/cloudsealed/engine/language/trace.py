"""The interpreter, watched: what each part of an expression came to in one evaluation.

Of a loop's rounds it keeps the one that decided, so that a trace is as large as the expression and
never as the document. Refuses to evaluate anything itself: it notes what the interpreter does.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError
from cloudsealed.engine.language.interpreter import Interpreter, Scope
from cloudsealed.engine.language.partial import PartialInterpreter
from cloudsealed.engine.language.syntax import Constant, Loop, Node
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.values import Value


@dataclass(slots=True)
class Trace:
    """What `node` came to in `scope`: a value or an error, and the traces of parts looked at.

    A part that should be true or false and is neither has both: its value and what is wrong.
    """

    node: Node
    scope: Scope
    value: Value = None
    error: EvaluationError | None = None
    below: dict[int, Trace] = field(default_factory=dict)

    def part(self, node: Node) -> Trace | None:
        """The trace of a node directly under this one, or None where it was not looked at."""
        return self.below.get(id(node))

    def keep(self, part: Trace) -> None:
        """Take in a part; of a loop's rounds the weightiest stays, and of equals the first."""
        known = self.part(part.node)
        weightier = known is None or weight(self.node, part) > weight(self.node, known)
        if weightier:
            self.below[id(part.node)] = part


def weight(above: Node, part: Trace) -> int:
    """How much a part says about what `above` came to; 0 is a round that decided nothing."""
    if not isinstance(above, Loop) or part.node is above.range:
        return 1
    if part.node is above.result:
        return int(above.macro == "map") + int(part.error is not None)
    if part.error is not None or part.value.__class__ is not bool:
        # Only these two go on after an error, and forget it when an item decides.
        return 1 if above.macro in ("all", "exists") else 3
    return 2 if part.value is (above.macro != "all") else 0


class Recorder(Interpreter):
    """An interpreter that leaves a trace."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self._above = Trace(Constant(0, 0, None), {})

    def record(self, tree: Node, scope: Scope) -> Trace:
        """The trace of a condition, which must be true or false. Raises nothing."""
        with suppress(EvaluationError, RecursionError):  # the trace has it
            self.truth(tree, scope)
        return self._above.below[id(tree)]

    def evaluate(self, node: Node, scope: Scope) -> Value:
        """The value of `node`, noted."""
        above = self._above
        trace = self._above = Trace(node, scope)
        try:
            trace.value = super().evaluate(node, scope)
            return trace.value
        except EvaluationError as error:
            trace.error = error
            raise
        except RecursionError:
            trace.error = BudgetExceeded("the document is nested too deeply")
            raise
        finally:
            self._above = above
            above.keep(trace)

    def truth(self, node: Node, scope: Scope) -> Value:
        """The value of `node`, which must be true or false; what is wrong is noted of it."""
        try:
            return super().truth(node, scope)
        except EvaluationError as error:
            trace = self._above.part(node)
            if trace is not None and trace.scope is scope:
                trace.error = error
            raise


class PartialRecorder(Recorder, PartialInterpreter):
    """A recorder for documents that were read in part."""
