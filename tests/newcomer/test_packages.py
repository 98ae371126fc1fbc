"""How much comes with an installation that asks for no extra, at the versions that are locked."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
MOST = 45


def brought(lines: Iterable[str], extras: frozenset[str] = frozenset()) -> set[str]:
    """Return the names of what requirements bring here, theirs included."""
    found: set[str] = set()
    waiting = [(line, extras) for line in lines]
    while waiting:
        line, extras = waiting.pop()
        need = Requirement(line)
        name = canonicalize_name(need.name)
        asked = [{"extra": extra} for extra in extras or ("",)]
        meant = need.marker is None or any(need.marker.evaluate(each) for each in asked)
        if meant and name not in found:
            found.add(name)
            waiting += [(each, frozenset(need.extras)) for each in requires(name) or ()]
    return found


def test_no_more_than_45_packages_come_with_the_product() -> None:
    found = brought(tomllib.loads(PROJECT.read_text())["project"]["dependencies"])
    assert len(found) <= MOST, sorted(found)
    assert {"fastapi", "starlette", "botocore", "urllib3"} <= found  # others' needs are counted
