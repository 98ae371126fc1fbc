"""Policy files against what is collected: read, compiled, and described to editors.

The built-in policies and a user's own go through it alike. It stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.engine import Rule
from cloudsealed.packs import FilesError, PolicyFileError, PolicySpec, file_schema, parse_policy
from cloudsealed.policies.rules import compile_check


def read_policy(text: str, *, file: str) -> PolicySpec:
    """Read a policy file whose types are collected and whose expressions compile; it may be what
    `GET /v1/policies/{id}` answers of a check.

    Raises:
        PolicyFileError: the first thing that is wrong, with its line and column.
    """
    return parse_policy(text, file=file, types=RESOURCE_TYPES, compile=rule_of)


SUFFIXES = (".yaml", ".yml", ".json")
"""How the names of policy files in a folder end."""


def read_policies(paths: Iterable[Path]) -> list[PolicySpec]:
    """Read policy files, and all those in folders and below, each once.

    Raises FilesError with the first thing that is wrong with each file; two policies of one key
    are wrong, too, and a folder without any.
    """
    specs: dict[str, tuple[Path, PolicySpec]] = {}
    errors = []
    for file in dict.fromkeys(each for path in paths for each in _files(path)):
        try:
            spec = read_policy(read_text(file), file=str(file))
            other, _ = specs.setdefault(spec.key, (file, spec))
            if other is not file:
                raise PolicyFileError(str(file), 1, 1, f"{other} has the key {spec.key} too")
        except PolicyFileError as error:
            errors.append(error)
    if errors:
        raise FilesError(errors)
    return [spec for _, spec in specs.values()]


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    if not found:
        raise FilesError([PolicyFileError(str(path), 1, 1, "the folder has no policy files")])
    yield from found


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
