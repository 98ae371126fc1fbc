"""A value as it is shown to people: JSON of at most `MAX_SHOWN` characters, without digests.

What JSON does not have becomes its text: times RFC 3339, durations as `90s`, bytes base64, a type
its name, a number that is none `NaN`, and what was not read says so. An optional value is its
value, or null. Refuses to read more of a value than it shows.
"""

from __future__ import annotations

import base64
import math
from typing import Final

from cloudsealed.engine.functions.formatting import special
from cloudsealed.engine.functions.standard import to_string
from cloudsealed.engine.gaps import PartialList, Span, Unknown
from cloudsealed.engine.language.template import MAX_SHOWN, clip, compact, stated
from cloudsealed.engine.meter import Meter
from cloudsealed.engine.paths import is_redacted
from cloudsealed.engine.values import BoolKey, Optional, TypeValue, Value, kind_of

_MOST_PARTS: Final = MAX_SHOWN
"""Parts of a list or map that are read: so many have more than `MAX_SHOWN` characters."""


def shown(value: Value) -> tuple[Value, bool]:
    """The value as JSON, and whether it was shortened.

    Text is clipped, with an ellipsis as its last character; a list or map whose JSON is too long is
    that JSON, clipped.
    """
    if isinstance(value, str):
        return clip(value), len(value) > MAX_SHOWN
    made = _Reader().json(value)
    if isinstance(made, str | list | dict):
        text = made if isinstance(made, str) else compact(made)
        if len(text) > MAX_SHOWN:
            return clip(text), True
    return made, False


class _Reader:
    def __init__(self) -> None:
        self.left = _MOST_PARTS

    def json(self, value: Value) -> Value:
        """The value as JSON, as far as the parts that are left reach."""
        self.left -= 1
        match value:
            case list():
                return self.items(value)
            case dict():
                return self.entries(value)
            case Optional(items=items):
                return self.json(items[0]) if items else None
            case Unknown() | PartialList() | Span():
                made = stated(value)
                return self.items(made) if isinstance(made, list) else made
            case _:
                return _scalar(value)

    def items(self, value: list[Value]) -> list[Value]:
        made: list[Value] = []
        for item in value:
            if self.left <= 0:
                break
            made.append(self.json(item))
        return made

    def entries(self, value: dict[Value, Value]) -> dict[str, Value]:
        made: dict[str, Value] = {}
        hidden = is_redacted(value)
        for name, key in sorted((_key(key), key) for key in value):
            if self.left <= 0:
                break
            if not (hidden and name == "digest"):
                made[name] = self.json(value[key])
        return made


def _key(key: Value) -> str:
    if isinstance(key, BoolKey):
        return "true" if key.value else "false"
    return str(key)


def _scalar(value: Value) -> Value:
    match kind_of(value):
        case "double" if not math.isfinite(value):
            return special(value)
        case "uint":
            return int(value)
        case "bytes":
            return base64.b64encode(value).decode()
        case "type" if isinstance(value, TypeValue):
            return value.name
        case "timestamp" | "duration" | "ip" | "cidr":
            return to_string(Meter(), value)
    return value
