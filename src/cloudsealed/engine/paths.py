"""Paths into documents: as text, and what stands at one.

A path is a tuple of field names and item numbers that begins with a variable,
`("resource", "IpPermissions", 0, "FromPort")`. Refuses to look inside a redacted value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cloudsealed.engine.gaps import PartialList, Unknown
from cloudsealed.engine.signature import Steps
from cloudsealed.engine.values import Value

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def render(path: Steps) -> str:
    """The path as text: `resource.IpPermissions[0].FromPort`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step!r}]"
    return text


def is_redacted(value: Value) -> bool:
    """Whether a value stands for a secret that was taken out before it was stored."""
    return value.__class__ is dict and value.get("redacted") is True


def follow(path: Steps, variables: Mapping[str, Value]) -> tuple[Steps, Value]:
    """How far a path leads, and the value there: null at its end if that is absent.

    A path into a redacted value ends at that value, and so does one into a value not read.
    """
    value: Value = variables
    for number, step in enumerate(path):
        if is_redacted(value) or value.__class__ is Unknown:
            return path[:number], value
        value = _step(value, step)
    return path, value


def _step(value: Value, step: str | int) -> Value:
    if isinstance(value, Mapping):
        return value.get(step)
    listed = value.items if value.__class__ is PartialList else value
    if not isinstance(listed, list) or not isinstance(step, int):
        return None
    return listed[step] if 0 <= step < len(listed) else None
