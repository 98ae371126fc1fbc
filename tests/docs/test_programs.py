"""Programs that no test runs, as benchmarks, import what there is: a name that moved is found."""

from __future__ import annotations

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(
    path
    for folder in ("benchmarks", "tools")
    for path in (ROOT / folder).rglob("*.py")
    if not {".venv", "node_modules"} & set(path.parts)
)


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Yield what a program takes from the product: a module, and a name of it or nothing."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cloudsealed":
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            ours = (alias.name for alias in node.names if alias.name.startswith("cloudsealed"))
            yield from ((name, "") for name in ours)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_program_imports_what_there_is(path: Path) -> None:
    lacking = [
        f"{module}.{name}"
        for module, name in imported(path)
        if importlib.util.find_spec(module) is None
        or not (
            not name
            or hasattr(importlib.import_module(module), name)
            or importlib.util.find_spec(f"{module}.{name}")
        )
    ]
    assert not lacking
