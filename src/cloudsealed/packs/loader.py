"""The policies and frameworks that ship with the product. It reads its own folder, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import yaml

from cloudsealed.kit.kept import kept
from cloudsealed.packs import templates
from cloudsealed.packs.model import Control, Framework, PolicySpec, Section
from cloudsealed.packs.reader import parse_framework, policy_of, read_policies
from cloudsealed.vocabulary import Dimension, Provider


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
    read = (
        parse_framework(file.read_text("utf-8"), file=f"frameworks/{file.name}")
        for file in _yaml_files("frameworks")
    )
    return tuple(_with_every_policy(each) if each.services else each for each in read)


def _with_every_policy(framework: Framework) -> Framework:
    """Return a framework with each policy of its provider under its dimension and service."""
    held: dict[Dimension, dict[str, list[str]]] = {dimension: {} for dimension in Dimension}
    for policy in load_policies():
        if Provider.of_type(policy.resource_types[0]) == framework.provider:
            service = policy.key.split("-", 2)[1]
            held[policy.dimension].setdefault(service, []).append(policy.key)
    sections = tuple(
        Section(
            dimension.value,
            dimension.value.capitalize(),
            tuple(
                Control(
                    f"{dimension}.{name}", framework.services.get(name, name), 1, tuple(keys), False
                )
                for name, keys in sorted(services.items())
            ),
        )
        for dimension, services in held.items()
    )
    return replace(framework, sections=sections)


def _yaml_files(folder: str) -> Iterator[Traversable]:
    entries = (files("cloudsealed.packs") / folder).iterdir()
    yield from sorted(
        (entry for entry in entries if entry.name.endswith(".yaml")), key=lambda entry: entry.name
    )
