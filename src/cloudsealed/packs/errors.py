"""The one error of policy and framework files. It refuses to guess what the author meant."""

from __future__ import annotations

from typing import ClassVar


class PolicyFileError(ValueError):
    """A policy or framework file cannot be read: bad YAML, a wrong field, a bad expression.

    `line` and `column` count from 1 and point into the file; `suggestion` is what the author
    probably meant, or None. No route of the API reads files, so its catalogue lacks this code.
    """

    code: ClassVar[str] = "invalid_policy_file"
    status: ClassVar[int] = 422

    def __init__(
        self, file: str, line: int, column: int, message: str, suggestion: str | None = None
    ) -> None:
        said = suggestion is None or "did you mean" in message  # an expression's error says it
        hint = "" if said else f"; did you mean {suggestion!r}?"
        super().__init__(f"{file}:{line}:{column}: {message}{hint}")
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.suggestion = suggestion
