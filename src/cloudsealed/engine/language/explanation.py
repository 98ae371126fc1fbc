"""Why a rule judges a resource as it does: its sub-expressions, each with its value.

The outcome, the message and the evidence are those of `Rule.judge`; the steps are the interpreter's
own evaluation, traced. Refuses to show a thousand rounds of a loop: it shows the one that decided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from cloudsealed.engine.errors import EvaluationError
from cloudsealed.engine.gaps import Unknown, reasons_in
from cloudsealed.engine.language.evidence import relative
from cloudsealed.engine.language.interpreter import Bound, Interpreter, Scope
from cloudsealed.engine.language.partial import PartialInterpreter
from cloudsealed.engine.language.program import Program
from cloudsealed.engine.language.rule import Document, Judgement, Related, Rule
from cloudsealed.engine.language.shown import shown
from cloudsealed.engine.language.syntax import (
    Constant,
    ListOf,
    Logic,
    Loop,
    MapOf,
    Name,
    Node,
    children,
)
from cloudsealed.engine.language.template import compact
from cloudsealed.engine.language.trace import PartialRecorder, Recorder, Trace, weight
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.paths import follow
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value, kind_of

MAX_STEPS: Final = 200
"""Steps of one explanation."""
MAX_BYTES: Final = 65_536
"""Bytes of the JSON of all its steps."""

State: TypeAlias = Literal["value", "error", "unknown", "not_looked_at"]
_NAMED: Final = re.compile(r"(?!(?:true|false|null)$)[.A-Za-z_][\w.\s`-]*", re.ASCII)
"""How a constant is written that is no literal: `params.port`."""
_BRACKETS: Final = 64
"""Bytes that a step takes beside its own JSON: those of the list that it stands in."""


@dataclass(frozen=True, slots=True)
class Item:
    """The item of a loop that a step is about: its number from 0, of how many, and its path."""

    number: int
    of: int
    path: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A sub-expression: where it stands, what it came to, and the sub-expressions below it.

    Lines and columns count from 1, in characters; `end_column` is after the last. `decided` says
    that the outcome follows from it. `value` is JSON (see `shown`). `path` is that of what it read,
    written as in evidence.
    """

    source: str
    line: int
    column: int
    end_line: int
    end_column: int
    state: State
    decided: bool
    value: Value = None
    shortened: bool = False
    error: EvaluationError | None = None
    path: str | None = None
    item: Item | None = None
    steps: tuple[Step, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The step as `Explanation.as_json` has it."""
        return {**self._alone(), "steps": [step.as_json() for step in self.steps]}

    def _alone(self) -> dict[str, Any]:
        names = (
            "source",
            "line",
            "column",
            "end_line",
            "end_column",
            "state",
            "decided",
            "value",
            "shortened",
            "path",
        )
        item = self.item
        return {
            **{name: getattr(self, name) for name in names},
            "error": None if self.error is None else _error(self.error),
            "item": item and {name: getattr(item, name) for name in ("number", "of", "path")},
        }

    @property
    def size(self) -> int:
        """The bytes of the step's JSON without the steps below it."""
        return len(compact(self._alone()).encode("utf-8", "surrogatepass")) + _BRACKETS


@dataclass(frozen=True, slots=True)
class Explanation:
    """The judgement of a rule, and the steps of its conditions by field (`fail_when`); of a fail
    those of its severity too: the last that was looked at decided it.

    `left_out` counts the steps beyond `MAX_STEPS` or `MAX_BYTES`: first those go that decided
    nothing, from the last.
    """

    judgement: Judgement
    conditions: Mapping[str, Step]
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """The explanation for machines.

            {"outcome": "fail" | "pass" | "not_applicable" | "error" | "unknown",
             "message": text or null,
             "error": null or {"code", "message", "path"},
             "evidence": [{"path", "value"}],
             "severity": what a condition of the severity gives a fail, or null: the policy's own,
             "conditions": [{"field": "applies_when" | "fail_when" | "severity_when[0].when",
                             "step": STEP}],
             "left_out": steps that are not shown}

        A STEP has `source` (the slice of the policy's text), `line`, `column`, `end_line`,
        `end_column` (from 1, after the last character), `state`, `decided` and `steps`; `value` and
        `shortened` say something with the state `value`, `error` (as above) with `error`. `path` is
        where it read a document, `item` its place in a loop: {"number": from 0, "of", "path"}. What
        does not apply is null.
        """
        judgement = self.judgement
        return {
            "outcome": judgement.outcome,
            "message": judgement.message,
            "error": None if judgement.error is None else _error(judgement.error),
            "evidence": [{"path": each.path, "value": each.value} for each in judgement.evidence],
            "severity": judgement.severity,
            "conditions": [
                {"field": field, "step": step.as_json()} for field, step in self.conditions.items()
            ],
            "left_out": self.left_out,
        }


def _error(error: EvaluationError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "path": error.path}


def explain(rule: Rule, resource: Document, related: Related, now: datetime) -> Explanation:
    """Explain `rule.judge(resource, related, now)`, under the same limits; raises nothing.

    Of documents that were read in part, it explains `rule.judge_partly`.
    """
    partly = reasons_in([resource, related], Meter.at(now)) is not None
    judgement = (rule.judge_partly if partly else rule.judge)(resource, related, now)
    recorder, evaluator = (
        (PartialRecorder, PartialInterpreter) if partly else (Recorder, Interpreter)
    )
    scope = {"resource": Bound(resource), "related": Bound(related)}
    steps: dict[str, Step] = {}

    def told(conditions: Mapping[str, Program], goes_on: Callable[[Trace], bool]) -> None:
        going = True
        for field, program in conditions.items():
            trace = recorder(Meter.at(now)).record(program.tree, scope) if going else None
            going = trace is not None and trace.error is None and goes_on(trace)
            steps[field] = _Teller(program.source, scope, evaluator(Meter.at(now))).step(
                program.tree, trace, True
            )

    told(rule.conditions, lambda trace: trace.value is not False)
    if judgement.outcome == "fail":
        told(rule.degrees, lambda trace: trace.value is False)
    return _bounded(judgement, steps)


class _Teller:
    """Makes steps of the traces of one condition."""

    def __init__(self, source: str, variables: Scope, interpreter: Interpreter) -> None:
        self.source = source
        self.variables = variables
        self.values = {name: bound.value for name, bound in variables.items()}
        self.interpreter = interpreter

    def step(
        self, node: Node, trace: Trace | None, decided: bool, item: Item | None = None
    ) -> Step:
        """The step of `node`, which `trace` is of; without a trace it was not looked at."""
        first, last = self.place(node.start), self.place(node.end)
        source = self.source[node.start : node.end]
        bare = Step(source, *first, *last, "not_looked_at", decided and trace is not None)
        if trace is None:
            return bare
        path, value = self.read(trace)
        made, shortened = shown(value) if _state(trace) == "value" else (None, False)
        return replace(
            bare,
            state=_state(trace),
            value=made,
            shortened=shortened,
            error=trace.error and self.error(trace.error),
            path=path,
            item=item,
            steps=tuple(self.below(trace, decided)),
        )

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of a character."""
        before = self.source[:offset]
        return before.count("\n") + 1, offset - before.rfind("\n")

    def read(self, trace: Trace) -> tuple[str | None, Value]:
        """The path of what a part read, and its value: of a digest, what is redacted there."""
        path = self.path(trace.node, trace.scope)
        if path is None or len(path) < 2:
            return None, trace.value
        where, found = follow(path, self.values)
        hidden = where != path and path[len(where)] == "digest"
        return relative(where), found if hidden else trace.value

    def path(self, node: Node, scope: Scope) -> Steps | None:
        try:
            return self.interpreter.locate(node, scope)
        except (EvaluationError, RecursionError):
            return None  # the budget is spent; it is the same in each run

    def error(self, error: EvaluationError) -> EvaluationError:
        """The error with its path, and without what it came through."""
        try:
            path = error.path or self.interpreter.path_of(error)
        except (EvaluationError, RecursionError):
            path = ""
        return error.__class__(error.message, path)

    def below(self, trace: Trace, decided: bool) -> Iterator[Step]:
        parts = sorted(self.parts(trace), key=lambda part: part[0].start)
        deciding = {id(part) for part in _deciding(trace, [part for _, part in parts if part])}
        for node, part in parts:
            yield self.step(node, part, decided and id(part) in deciding, self.item(trace, part))

    def parts(self, trace: Trace) -> Iterator[tuple[Node, Trace | None]]:
        """What stands below a part: of a read only what is no read itself, such as a key."""
        leaf = bool(self.path(trace.node, trace.scope))
        for node in children(trace.node):
            part = trace.part(node)
            if leaf and part is not None and self.path(node, part.scope):
                yield from self.parts(part)
            elif not self.says_itself(node):
                yield node, part

    def says_itself(self, node: Node) -> bool:
        """Whether a part needs no step: a literal, or the whole of a document."""
        if isinstance(node, Constant):
            text = self.source[node.start : node.end].strip("() ")
            return _NAMED.fullmatch(text) is None or kind_of(node.value) == "dyn"
        if isinstance(node, Name):
            return node.name in self.variables
        literal = isinstance(node, ListOf | MapOf)
        return literal and all(self.says_itself(each) for each in children(node))

    def item(self, above: Trace, part: Trace | None) -> Item | None:
        """The item that a loop's part is about."""
        loop = above.node
        if not isinstance(loop, Loop) or part is None or part.node is loop.range:
            return None
        ranged = above.part(loop.range)
        name = loop.second or loop.variable
        number = part.scope[name].number
        if ranged is None or number is None:
            return None
        path = self.path(Name(0, 0, name), part.scope)
        return Item(number, len(ranged.value), relative(path) if path else None)


def _state(trace: Trace) -> State:
    if trace.error is not None:
        return "error"
    return "unknown" if trace.value.__class__ is Unknown else "value"


def _deciding(trace: Trace, parts: list[Trace]) -> list[Trace]:
    """The parts that made a part come out as it did."""
    wrong = [part for part in parts if part.error is not None]
    if trace.error is not None and wrong:
        return wrong[:1]
    node = trace.node
    if trace.value.__class__ is Unknown:
        return [part for part in parts if part.value.__class__ is Unknown]
    if isinstance(node, Logic) and trace.value is not node.every:
        return [part for part in parts if part.value is trace.value][:1]
    return [part for part in parts if part.error is None and weight(node, part) > 0]


def _bounded(judgement: Judgement, roots: Mapping[str, Step]) -> Explanation:
    """The steps that the limits leave room for; a step stays only with the one above it."""
    order: list[tuple[Step, int | None]] = []
    for root in roots.values():
        order += _preorder(root, None)
    chosen: set[int] = set()
    room = MAX_BYTES
    # What decided comes first, and all above it decided as well.
    for step, above in sorted(order, key=lambda entry: not entry[0].decided):
        if len(chosen) < MAX_STEPS and step.size <= room and (above is None or above in chosen):
            chosen.add(id(step))
            room -= step.size
    kept = {field: _only(root, chosen) for field, root in roots.items()}
    return Explanation(judgement, kept, len(order) - len(chosen | {id(r) for r in roots.values()}))


def _preorder(step: Step, above: int | None) -> Iterator[tuple[Step, int | None]]:
    yield step, above
    for each in step.steps:
        yield from _preorder(each, id(step))


def _only(step: Step, chosen: set[int]) -> Step:
    below = tuple(_only(each, chosen) for each in step.steps if id(each) in chosen)
    return replace(step, steps=below)
