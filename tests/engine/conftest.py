"""What the engine's tests share: the audit's clock, and one way to evaluate a text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cloudsealed.engine import compile_expression

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def value_of() -> Callable[..., Any]:
    """`value_of(text, **variables)`: the value of an expression over these variables."""

    def evaluate(source: str, **variables: Any) -> Any:
        expression = compile_expression(source, variables=tuple(variables), expect="any")
        return expression.evaluate(variables, NOW)

    return evaluate
