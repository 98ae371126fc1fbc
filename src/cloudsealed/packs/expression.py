"""The shape of an expression of the policy language: a text here, which nothing parses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.shapes import Fault, FormError, Path, Text


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of at most `longest` characters that is not blank."""

    longest: int = 4096

    def read(self, value: Any, at: Path) -> str:
        """Return its text."""
        if isinstance(value, str) and not (value.strip() and len(value) <= self.longest):
            message = f"an expression has 1 to {self.longest} characters and is not blank"
            raise FormError(at, message, Fault.EXPRESSION)
        return Text(longest=self.longest).read(value, at)

    def schema(self) -> dict[str, Any]:
        """Return the string's schema."""
        return Text(longest=self.longest).schema()
