"""Providers are a port: nothing above the collectors names one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cloudsealed
from cloudsealed.collectors.providers import PROVIDERS, provider_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.vocabulary import Provider

SOURCE = Path(cloudsealed.__file__).parent
BELOW = {"collectors", "engine", "packs", "storage", "kit", "vocabulary.py"}
"""The collectors, and what is under them: policies that ship are data about their provider."""
BESIDE = {"testing"}
SHOWN = {"example", "examples", "description", "help"}
"""Arguments that only tell a reader what something looks like."""


def _above() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] not in BELOW | BESIDE:
            yield path


def _said(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a module but for what only tells a reader what something looks like."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.keyword) and node.arg in SHOWN:
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "optional":
            continue  # a filter of a document: its first argument is an example
        yield node
        yield from _said(node)


def _named(path: Path, base: Path = SOURCE) -> Iterator[str]:
    names = {each.value for each in Provider}
    members = {each.name for each in Provider}
    for node in _said(ast.parse(path.read_text())):
        is_word = isinstance(node, ast.Constant) and node.value in names
        is_member = isinstance(node, ast.Attribute) and node.attr in members
        if is_word or is_member:
            yield f"{path.relative_to(base)}:{node.lineno}"  # type: ignore[attr-defined]


def test_nothing_above_the_collectors_names_a_provider() -> None:
    assert [place for path in _above() for place in _named(path)] == []


@pytest.mark.parametrize("code", ["x = 'aws'", "f(provider='aws')", "y = Provider.AWS"])
def test_a_provider_that_is_named_would_be_found(code: str, tmp_path: Path) -> None:
    (path := tmp_path / "named.py").write_text(code)
    assert len(list(_named(path, tmp_path))) == 1


@pytest.mark.parametrize(
    "code", ["f(example='aws')", "f(examples=['aws'])", "x = 'aws is told of'"]
)
def test_what_only_shows_a_reader_is_none(code: str, tmp_path: Path) -> None:
    (path := tmp_path / "shown.py").write_text(code)
    assert list(_named(path, tmp_path)) == []


@pytest.mark.parametrize("name", Provider)
def test_every_provider_is_known_and_has_rows_of_its_own_types(name: Provider) -> None:
    provider = provider_of(name)
    assert provider.name is name
    assert {row.provider for row in provider.rows} == {name}
    assert all(RESOURCE_TYPES[row.type] is row for row in provider.rows)
    assert next(iter(PROVIDERS[name].methods.values())) is None, "the first way needs no field"


def test_every_type_has_a_provider() -> None:
    assert {row.provider for row in RESOURCE_TYPES.values()} == set(Provider)


MODULES = ("cli.audit", "cli.types", "policies.needs", "collectors.attributes", "reports.ocsf")


@pytest.mark.parametrize("module", MODULES)
def test_what_reaches_no_cloud_imports_no_sdk(module: str) -> None:
    code = (
        f"import sys, cloudsealed.{module};"
        "print([n for n in sys.modules if n.split('.')[0] in ('botocore', 'boto3', 'httpx')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
