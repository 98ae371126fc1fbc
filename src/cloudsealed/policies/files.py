"""Policy files against what is collected: read, compiled, and described to editors.

The built-in policies and a user's own go through it alike. It stores nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import Rule
from cloudsealed.packs import PolicyFileError, PolicySpec, file_schema, parse_policy
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


def read_text(file: Path) -> str:
    """Return a file's text; raises PolicyFileError when it cannot be read, or is no UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyFileError(str(file), 1, 1, f"byte {error.start} is not UTF-8") from error
    except OSError as error:
        raise PolicyFileError(str(file), 1, 1, str(error.strerror)) from error


def rule_of(spec: PolicySpec) -> Rule:
    """Return a policy's compiled rule; raises the engine's ExpressionError."""
    return compile_check(spec.words).ready()


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a policy file."""
    return file_schema(RESOURCE_TYPES)
