"""A sample cluster, and the truth of it: of each object, which policies have something to say.

The YAML files beside this are data: `bases.yaml` has objects with nothing wrong by name, the
others lists of entries. An entry has `name`, where it is not cluster-wide also `namespace`, `like`
(a base) or `object` (a whole one), and of a base `change`, and `pod` and `container`, which are
changes of its pods and of their first container: merge patches (RFC 7396). `fails` are the keys of
the policies that the object fails, every one: it passes all others that apply to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from cloudsealed.collectors.kubernetes.defaults import pod_specs

Object = dict[str, Any]
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""The moment that the truth is of: what is too old then may not be so earlier."""
_NAME = "NAME"


@dataclass(frozen=True, slots=True)
class Fact:
    """An object of the cluster, and the keys of the policies that it fails."""

    item: Object
    fails: frozenset[str]


@cache
def facts() -> tuple[Fact, ...]:
    """Return every object of the sample cluster with what is wrong with it."""
    folder = files(__package__)
    bases = yaml.safe_load((folder / "bases.yaml").read_text("utf-8"))
    names = sorted(each.name for each in folder.iterdir() if each.name.endswith(".yaml"))
    return tuple(
        Fact(_made(entry, bases), frozenset(entry.get("fails", ())))
        for name in names
        if name != "bases.yaml"
        for entry in yaml.safe_load((folder / name).read_text("utf-8"))
    )


def _made(entry: Mapping[str, Any], bases: Mapping[str, Any]) -> Object:
    item = deepcopy(entry["object"] if "object" in entry else bases[entry["like"]])
    item = _named(item, entry["name"])
    metadata = item.setdefault("metadata", {})
    metadata["name"] = entry["name"]
    if "namespace" in entry:
        metadata["namespace"] = entry["namespace"]
    for spec in _pods(item):
        changed = merged(spec, entry.get("pod", {}))
        spec.clear()
        spec.update(changed)
        spec["containers"][0] = merged(spec["containers"][0], entry.get("container", {}))
    made: Object = _without_null(merged(item, entry.get("change", {})))
    return made


def _pods(item: Object) -> Iterator[Object]:
    yield from pod_specs(str(item.get("kind")), item)


def merged(value: Any, change: Any) -> Any:
    """Return a value with a merge patch (RFC 7396)."""
    if not isinstance(change, dict):
        return change
    base = value if isinstance(value, dict) else {}
    kept = {name: each for name, each in base.items() if change.get(name, each) is not None}
    changed = {
        name: merged(base.get(name), each) for name, each in change.items() if each is not None
    }
    return {**kept, **changed}


def _named(value: Any, name: str) -> Any:
    """Return a value in which what stands for the name is the name."""
    if isinstance(value, str):
        return value.replace(_NAME, name)
    if isinstance(value, list):
        return [_named(each, name) for each in value]
    if isinstance(value, dict):
        return {key: _named(each, name) for key, each in value.items()}
    return value


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_null(each) for name, each in value.items() if each is not None}
    return value
