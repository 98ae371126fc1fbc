"""Policy files against what is collected: read, compiled, and described to editors.

The built-in policies and a user's own go through it alike. It stores nothing.
"""

from __future__ import annotations

from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import Rule
from cloudsealed.packs import PolicySpec, file_schema, parse_policy
from cloudsealed.policies.rules import compile_check, refuse_doubts


def read_policy(text: str, *, file: str) -> PolicySpec:
    """Read a policy file whose types are collected and whose expressions compile; it may be what
    `GET /v1/policies/{id}` answers of a check.

    Raises:
        PolicyFileError: the first thing that is wrong, with its line and column.
    """
    return parse_policy(text, file=file, types=RESOURCE_TYPES, compile=_written)


def _written(spec: PolicySpec) -> None:
    refuse_doubts(spec.words, rule_of(spec))


def rule_of(spec: PolicySpec) -> Rule:
    """Return a policy's compiled rule; raises the engine's ExpressionError."""
    return compile_check(spec.words).ready()


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a policy file."""
    return file_schema(RESOURCE_TYPES)
