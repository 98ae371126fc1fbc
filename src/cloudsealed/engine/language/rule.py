"""What others use: a compiled policy (`Rule`) and a compiled expression (`Expression`).

Pure: documents and the audit's clock in, judgements out. Refuses to raise for a document: what has
no verdict is the outcome `error`, never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from cloudsealed.engine.errors import BudgetExceeded, EvaluationError, ExpressionError
from cloudsealed.engine.gaps import Reasons, Unknown, joined
from cloudsealed.engine.language.doubts import Shape, doubts
from cloudsealed.engine.language.evidence import Evidence, explain
from cloudsealed.engine.language.partial import PartialInterpreter
from cloudsealed.engine.language.program import SLOW, Program
from cloudsealed.engine.language.reads import DocumentType, Path, reads_of
from cloudsealed.engine.language.template import Template
from cloudsealed.engine.values import Value

Outcome: TypeAlias = Literal["fail", "pass", "not_applicable", "error", "unknown"]
Document: TypeAlias = Mapping[str, Any]
Related: TypeAlias = Mapping[str, Sequence[Document]]

_VARIABLES: Final = ("resource", "related")
_NOTHING: Final[dict[str, Any]] = {}


class Saving(NamedTuple):
    """A quantity of what has a price by this name; below zero for what a cure costs."""

    price: str
    quantity: int | float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of a rule for one resource.

    An `error` has the error, and what fails has its evidence and the policy's message. `unknown` is
    only what `judge_partly` leaves undecided, with the reasons of the gaps that leave it so.
    `severity` is what fails by the first of the conditions for it that is true; None, if none is or
    one before it has no value. It is `severity_open` where that is for what was not read. `savings`
    is what a cure of what fails saves, if the rule says that; `unsaid` why it has no value.
    """

    outcome: Outcome
    error: EvaluationError | None = None
    evidence: tuple[Evidence, ...] = ()
    message: str | None = None
    unknown: Reasons = frozenset()
    severity: str | None = None
    severity_open: bool = False
    savings: tuple[Saving, ...] = ()
    unsaid: str | None = None


_PASS: Final = Judgement("pass")
_NOT_APPLICABLE: Final = Judgement("not_applicable")
_FAIL: Final = Judgement("fail")
_SAYS_NONE: Final = (None, False)
_SAVES_NOTHING: Final[tuple[tuple[Saving, ...], None]] = ((), None)
_STOPS: Final = (*SLOW, RecursionError)
"""Where the compiled functions stop, and it has to be judged exactly."""


class Judge(Protocol):
    """`Rule.judge`."""

    def __call__(
        self, resource: Document, related: Related, /, now: datetime, evidence: bool = True
    ) -> Judgement:
        """The outcome for a resource and what it is related to, at the audit's clock.

        `related` has a list for each declared relation; `now` is aware. Without `evidence` a fail
        has no evidence, message or severity, which is several times faster. Never raises for what a
        document holds.
        """


class Rule:
    """A compiled check; made by `compile_rule`, and the same for every resource of its types.

    `reads` are the paths that its conditions can read (see `reads`), `functions` the functions that
    they call. Documents are plain JSON: dict, list, str, int, float, bool, None.
    """

    __slots__ = (
        "_applies_when",
        "_fail_when",
        "_message",
        "_params",
        "_savings",
        "_severities",
        "functions",
        "judge",
        "reads",
    )

    def __init__(
        self,
        fail_when: Program,
        applies_when: Program | None,
        message: Template | None,
        params: dict[str, Any],
        reads: frozenset[Path],
        severities: Sequence[tuple[Program, str]] = (),
        savings: Sequence[tuple[Program, Program]] = (),
    ) -> None:
        self._fail_when = fail_when
        self._applies_when = applies_when
        self._message = message
        self._params = params
        self._severities = severities
        self._savings = savings
        self.reads = reads
        self.functions = frozenset().union(*(each.functions for each in self._programs))
        self.judge: Judge = self._judge_first

    def ready(self) -> Rule:
        """Return it with its functions made, which else happens when it first judges."""
        for program in self._programs:
            _ = program.compiled
        return self

    @property
    def shown(self) -> frozenset[Path]:
        """The paths that its message shows."""
        return self._message.paths if self._message is not None else frozenset()

    @property
    def conditions(self) -> dict[str, Program]:
        """Its conditions by their field, in the order in which they are judged."""
        both = {"applies_when": self._applies_when, "fail_when": self._fail_when}
        return {field: program for field, program in both.items() if program is not None}

    @property
    def degrees(self) -> dict[str, Program]:
        """The conditions of a fail's severity by their field, in the order in which they are asked,
        until one is not false."""
        programs = (program for program, _severity in self._severities)
        return {degree_field(index): program for index, program in enumerate(programs)}

    @property
    def _programs(self) -> tuple[Program, ...]:
        savings = (program for pair in self._savings for program in pair)
        return (*self.conditions.values(), *self.degrees.values(), *savings)

    def doubts(self, shapes: Mapping[str, Shape]) -> tuple[ExpressionError, ...]:
        """What its conditions compare that can never be equal, and the fields of its message that
        are not there, by the `shapes` of `resource` and `related`: each error names its field."""
        found = {
            field: doubts(program.tree, program.source, shapes)
            for field, program in {**self.conditions, **self.degrees}.items()
        }
        if self._message is not None:
            found["message"] = tuple(self._message.doubts({"params": None, **shapes}))
        for field, errors in found.items():
            for error in errors:
                error.field = field
        return tuple(error for errors in found.values() for error in errors)

    @property
    def slow_path_hits(self) -> int:
        """How many evaluations the compiled code left to the interpreter; 0 is usual."""
        return sum(program.slow_path_hits for program in self._programs)

    def _judge_first(
        self, resource: Document, related: Related, /, now: datetime, evidence: bool = True
    ) -> Judgement:
        self.judge = self._judge()
        return self.judge(resource, related, now, evidence)

    def _judge(self) -> Judge:
        """The compiled condition itself, made to answer with judgements: one call is all."""
        fails: Judge = self._fail_when.answering(
            _yes=_FAIL, _no=_PASS, _told=self._told, _stops=_STOPS, _exactly=self._exactly
        )
        if self._applies_when is None:
            return fails
        applies, exactly = self._applies_when.compiled, self._exactly

        def judge(
            resource: Document, related: Related, /, now: datetime, evidence: bool = True
        ) -> Judgement:
            try:
                if not applies(resource, related, now):
                    return _NOT_APPLICABLE
            except _STOPS:
                return exactly(resource, related, now, evidence)
            return fails(resource, related, now, evidence)

        return judge

    def _exactly(
        self, resource: Document, related: Related, now: datetime, evidence: bool
    ) -> Judgement:
        """The outcome where a compiled function stopped at something."""
        values = (resource, related)
        try:
            if self._applies_when is not None and not self._applies_when.run(values, now):
                return _NOT_APPLICABLE
            if not self._fail_when.run(values, now):
                return _PASS
        except EvaluationError as error:
            return Judgement("error", _detached(error))
        return self._told(resource, related, now) if evidence else _FAIL

    def judge_partly(
        self, resource: Document, related: Related, /, now: datetime, evidence: bool = True
    ) -> Judgement:
        """The outcome for documents that were read in part.

        In the documents an `Unknown` stands for each attribute that was not read, and a
        `PartialList` for a list (or a relation) of which only some items were. The outcome is that
        of every document that could stand there and that the rule has an answer for; else it is
        `unknown`. With `evidence`, what passes or does not apply has evidence too: what decided.
        """
        values, applies = (resource, related), self._applies_when
        holds = True if applies is None else _partly(applies, values, now)
        if applies is not None and holds is False:
            return self._decided("not_applicable", applies, values, now, evidence)
        if isinstance(holds, EvaluationError):
            return Judgement("error", holds)
        fails = _partly(self._fail_when, values, now)
        undecided = [each for each in (holds, fails) if isinstance(each, Unknown)]
        if undecided:
            return Judgement("unknown", unknown=joined(*undecided).reasons)
        if isinstance(fails, EvaluationError):
            return Judgement("error", fails)
        outcome: Outcome = "fail" if fails else "pass"
        return self._decided(outcome, self._fail_when, values, now, evidence)

    def _decided(
        self,
        outcome: Outcome,
        by: Program,
        values: tuple[Document, Related],
        now: datetime,
        evidence: bool,
    ) -> Judgement:
        """An outcome in spite of gaps, with the evidence for it in the condition that decided."""
        if not evidence:
            return Judgement(outcome)
        variables: dict[str, Value] = {"resource": values[0], "related": values[1]}
        failed = outcome == "fail"
        try:
            found = explain(by.tree, variables, now, failed, PartialInterpreter)
            message = self._filled(variables, now) if failed else None
            severity, is_open = self._severity(values, now, _partly) if failed else _SAYS_NONE
            savings, unsaid = self._saved(values, now, _partly) if failed else _SAVES_NOTHING
        except RecursionError:
            return Judgement("error", BudgetExceeded("the document is nested too deeply"))
        return Judgement(
            outcome, None, found, message, frozenset(), severity, is_open, savings, unsaid
        )

    def _told(self, resource: Document, related: Related, now: datetime) -> Judgement:
        """A fail with its evidence and message."""
        variables: dict[str, Value] = {"resource": resource, "related": related}
        try:
            found = explain(self._fail_when.tree, variables, now)
            severity, is_open = self._severity((resource, related), now, _wholly)
            message = self._filled(variables, now)
            savings, unsaid = self._saved((resource, related), now, _wholly)
        except RecursionError:
            return Judgement("error", BudgetExceeded("the document is nested too deeply"))
        return Judgement(
            "fail", None, found, message, frozenset(), severity, is_open, savings, unsaid
        )

    def _saved(
        self,
        values: tuple[Document, Related],
        now: datetime,
        run: Callable[[Program, tuple[Document, Related], datetime], Value],
    ) -> tuple[tuple[Saving, ...], str | None]:
        """What a cure saves; or nothing, and why that has no value."""
        savings = []
        for price, quantity in self._savings:
            name, number = run(price, values, now), run(quantity, values, now)
            for found in (name, number):
                if isinstance(found, Unknown):
                    return (), "What it is counted by was not read"
                if isinstance(found, EvaluationError):
                    return (), f"It cannot be counted: {found.message}"
            if not isinstance(name, str):
                return (), "It cannot be counted: the name of a price is no text"
            if isinstance(number, bool) or not isinstance(number, int | float):
                return (), "It cannot be counted: a quantity is no number"
            savings.append(Saving(name, number))
        return tuple(savings), None

    def _severity(
        self,
        values: tuple[Document, Related],
        now: datetime,
        run: Callable[[Program, tuple[Document, Related], datetime], Value],
    ) -> tuple[str | None, bool]:
        """The severity by the first condition that is true, if all before it are false; and
        whether it stays open, since one before read what was not read."""
        for condition, severity in self._severities:
            found = run(condition, values, now)
            if found is not False:
                return (severity, False) if found is True else (None, isinstance(found, Unknown))
        return _SAYS_NONE

    def _filled(self, variables: dict[str, Value], now: datetime) -> str | None:
        filled = self._message and self._message.fill({**variables, "params": self._params}, now)
        return filled or None


def _wholly(condition: Program, values: tuple[Document, Related], now: datetime) -> Value:
    """True, false or the error that a condition comes to."""
    try:
        return condition.run(values, now)
    except EvaluationError as error:
        return _detached(error)


def _partly(condition: Program, values: tuple[Document, Related], now: datetime) -> Value:
    """True, false, the `Unknown` or the error that a condition comes to."""
    try:
        return condition.run_partly(values, now)
    except EvaluationError as error:
        return _detached(error)


def _detached(error: EvaluationError) -> EvaluationError:
    """The error without the frames it came through: they would keep the document alive."""
    error.__traceback__ = error.__context__ = error.__cause__ = error.origin = None
    return error


class Expression:
    """A compiled expression over named variables; made by `compile_expression`."""

    __slots__ = ("_program", "functions", "reads")

    def __init__(self, program: Program, reads: frozenset[Path]) -> None:
        self._program = program
        self.reads = reads
        self.functions = program.functions

    def ready(self) -> Expression:
        """Return it with its function made, which else happens when it is first evaluated."""
        _ = self._program.compiled
        return self

    @property
    def source(self) -> str:
        """The text that was compiled."""
        return self._program.source

    def evaluate(self, variables: Mapping[str, Value], now: datetime) -> Value:
        """The value, with every declared variable given; raises `EvaluationError`."""
        values = [variables[name] for name in self._program.variables]
        return self._program.run(values, now)

    def evaluate_partly(self, variables: Mapping[str, Value], now: datetime) -> Value:
        """The value where the variables have gaps, or the `Unknown` (or other gap) that is left."""
        values = [variables[name] for name in self._program.variables]
        return self._program.run_partly(values, now)


def compile_rule(
    *,
    fail_when: str,
    applies_when: str | None = None,
    params: Mapping[str, Any] = _NOTHING,
    related: Collection[str] = (),
    message: str | None = None,
    attributes: Mapping[str, DocumentType] | None = None,
    severity_when: Sequence[tuple[str, str]] = (),
    savings: Sequence[tuple[str, str]] = (),
) -> Rule:
    """Compile a check over `resource`, `related` and `params`; raises `ExpressionError`, with those
    of its other texts.

    `params` are fixed here. `related` are the names of the declared relations. `attributes` says
    which fields documents have, by variable: `resource` and `related.<name>`; what it leaves out is
    not checked. `severity_when` are conditions, each with the word that it gives what fails;
    `savings` are expressions in pairs, of a price's name and of how much of it a cure saves. The
    `field` of an `ExpressionError` says which of the texts is wrong.
    """
    relations = DocumentType("related", dict.fromkeys(related))
    types = {**(attributes or {}), "related": relations}
    constants = {"params": dict(params)}
    reads: set[Path] = set()

    def condition(source: str, expect: Literal["bool", "any"] = "bool") -> Program:
        program = Program(source, _VARIABLES, constants, expect)
        reads.update(reads_of(program.tree, source, _VARIABLES, types))
        return program

    refused: list[ExpressionError] = []
    fails: Program | None = None
    applies: Program | None = None
    template: Template | None = None
    with _naming("fail_when", refused):
        fails = condition(fail_when)
    with _naming("applies_when", refused):
        applies = None if applies_when is None else condition(applies_when)
    severities = []
    for index, (when, severity) in enumerate(severity_when):
        with _naming(degree_field(index), refused):
            severities.append((condition(when), severity))
    saved = []
    for index, (price, quantity) in enumerate(savings):
        pair = []
        for part, source in (("price", price), ("quantity", quantity)):
            with _naming(f"savings[{index}].{part}", refused):
                pair.append(condition(source, "any"))
        if len(pair) == 2:
            saved.append((pair[0], pair[1]))
    with _naming("message", refused):
        template = None if message is None else Template(message, (*_VARIABLES, "params"))
    if refused:
        refused[0].others = tuple(refused[1:])
        raise refused[0]
    assert fails is not None
    return Rule(fails, applies, template, constants["params"], frozenset(reads), severities, saved)


def degree_field(index: int) -> str:
    """The field of a condition of the severity, by its number from 0."""
    return f"severity_when[{index}].when"


@contextmanager
def _naming(field: str, refused: list[ExpressionError]) -> Iterator[None]:
    """Keep an error, which says what field of the policy it is about, beside the others."""
    try:
        yield
    except ExpressionError as error:
        error.field = field
        refused.append(error)


def compile_expression(
    source: str,
    *,
    variables: Collection[str],
    expect: Literal["bool", "any"] = "bool",
    attributes: Mapping[str, DocumentType] | None = None,
) -> Expression:
    """Compile one expression over `variables`; raises `ExpressionError`.

    `reads` of the result leave out `params`, which are no document.
    """
    names = tuple(dict.fromkeys(variables))
    program = Program(source, names, {}, expect)
    reads = reads_of(program.tree, source, names, attributes or {})
    return Expression(program, frozenset(path for path in reads if path[0] != "params"))
