"""The error of a policy or framework file."""

from __future__ import annotations

from typing import ClassVar

from cloudsealed.kit.shapes import hint


class PolicyFileError(ValueError):
    """A policy or framework file cannot be read: bad YAML, a wrong field, a bad expression.

    `line` and `column` count from 1 and point into the file; `suggestion` is what the author
    probably meant, or None; `others` are what else is wrong, in the file's order. No route of the
    API reads files, so its catalogue lacks this code.
    """

    others: tuple[PolicyFileError, ...] = ()

    code: ClassVar[str] = "invalid_policy_file"
    status: ClassVar[int] = 422

    def __init__(
        self, file: str, line: int, column: int, message: str, suggestion: str | None = None
    ) -> None:
        super().__init__(f"{file}:{line}:{column}: {message}{hint(message, suggestion)}")
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.suggestion = suggestion

    @property
    def every(self) -> tuple[PolicyFileError, ...]:
        """It and the others."""
        return (self, *self.others)
