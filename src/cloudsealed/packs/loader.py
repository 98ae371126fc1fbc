"""The policies and frameworks that ship with the product. It reads its own folder, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from cloudsealed.kit.kept import kept
from cloudsealed.packs import templates
from cloudsealed.packs.model import Framework, PolicySpec
from cloudsealed.packs.reader import parse_framework, policy_of, read_policies
from cloudsealed.vocabulary import Dimension


@cache
def load_policies() -> tuple[PolicySpec, ...]:
    """Return every built-in policy, by dimension and key; read once a process."""
    texts = {
        f"{dimension}/{file.name}": file.read_bytes()
        for dimension in Dimension
        for file in _yaml_files(dimension.value)
    }
    said = kept(
        "packs/policies",
        ("packs", "kit", "vocabulary.py"),
        [
            yaml.__version__.encode(),
            *(part for name, text in texts.items() for part in (name.encode(), text)),
            *(part.encode() for named in templates.texts().items() for part in named),
        ],
        lambda: read_policies((name, text.decode()) for name, text in texts.items()),
    )
    return tuple(map(policy_of, said))


@cache
def load_frameworks() -> tuple[Framework, ...]:
    """Return every built-in framework by key; read once a process."""
    return tuple(
        parse_framework(file.read_text("utf-8"), file=f"frameworks/{file.name}")
        for file in _yaml_files("frameworks")
    )


def _yaml_files(folder: str) -> Iterator[Traversable]:
    entries = (files("cloudsealed.packs") / folder).iterdir()
    yield from sorted(
        (entry for entry in entries if entry.name.endswith(".yaml")), key=lambda entry: entry.name
    )
