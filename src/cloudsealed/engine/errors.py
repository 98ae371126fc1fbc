"""The errors of the policy language, and the limits that end an expression.

    ExpressionError             the text is not a valid expression (when it is compiled)
    EvaluationError             the expression has no value for this document (when it runs)
    └── BudgetExceeded          the expression wanted more work or memory than one may have

Refuses to know about HTTP beyond a code and a status: `policies` tells users of an
`ExpressionError`, and an `EvaluationError` is a result, not a failure.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

MAX_SOURCE: Final = 4_096
"""Characters of one expression."""
MAX_DEPTH: Final = 40
"""Levels of the syntax tree."""
MAX_MACROS: Final = 16
"""Loops (`exists`, `all`, `map`, ...) of one expression."""
MAX_MACRO_NESTING: Final = 4
"""Loops inside loops."""
BUDGET: Final = 100_000
"""Units of work of one evaluation: a loop costs its length, see `meter`."""
MAX_STRING: Final = 1_000_000
"""Characters of a string that an expression makes."""


class ExpressionError(ValueError):
    """The text of an expression, of a message template or its use of names is wrong.

    `line` and `column` count from 1, in characters; `end_column` is the column after the last
    character. `suggestion` is the replacement for the marked text, when there is a likely one.
    `field` is the part of a policy that holds the text (`fail_when`, `applies_when`, `message`,
    `severity_when[0].when`), or "expression" for any other. `others` are the errors of the policy's
    other texts.
    """

    others: tuple[ExpressionError, ...] = ()

    code: ClassVar[str] = "invalid_policy_expression"
    status: ClassVar[int] = 422

    def __init__(
        self,
        message: str,
        expression: str,
        start: int = 0,
        end: int | None = None,
        suggestion: str | None = None,
    ) -> None:
        self.message = message
        self.expression = expression
        self.suggestion = suggestion
        self.field = "expression"
        before = expression[:start]
        self.line = before.count("\n") + 1
        self.column = start - (before.rfind("\n") + 1) + 1
        text = expression[start : start + 1 if end is None else end].partition("\n")[0]
        self.end_column = self.column + max(1, len(text))
        super().__init__(f"{self.line}:{self.column}: {message}")

    @property
    def every(self) -> tuple[ExpressionError, ...]:
        """It and the others."""
        return (self, *self.others)


class EvaluationError(Exception):
    """An expression has no value for this document: a missing field, a wrong type, an overflow.

    `path` is what was being read (`resource.Versioning.Status`), or "" where nothing was. `origin`
    is the interpreter's: the place in the expression, until the path is known.
    """

    code: ClassVar[str] = "policy_error"

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        self.path = path
        self.origin: Any = None
        super().__init__(message)


class BudgetExceeded(EvaluationError):  # noqa: N818 - it reads as what happened
    """An expression wanted more steps, longer strings or deeper documents than it may have.

    It ends the evaluation at once: `||` and `exists` do not absorb it.
    """
