"""What a cloud answered, as JSON that can be stored, read back the same, and compared.

The domain is that of the one encoder (`kit.canonical`): texts of Unicode scalar values, integers of
64 bits, finite numbers, and nesting that no reader of ours runs out of stack on. A value beside it
becomes text, so that no digit is lost and no comparison is silently wrong; nesting cannot, and
makes the whole value unstorable.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudsealed.kit.clock import rfc3339

DEEPEST = 64
"""Levels of lists and objects; AWS's own documents have at most about ten."""

_LEAST, _MOST = -(2**63), 2**64 - 1


class UnstorableError(ValueError):
    """A value is nested deeper than DEEPEST; never leaves this package."""


def storable(value: Any, depth: int = DEEPEST) -> Any:
    """Return `value` in JSON types: times RFC 3339 with Z, bytes base64, and as text integers
    beyond 64 bits, NaN and infinities; lone surrogates are written `\\udXXX`.

    Raises UnstorableError.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping | list | tuple):
        return _nested(value, depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if _LEAST <= value <= _MOST else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _other(value)


def _nested(value: Any, depth: int) -> Any:
    if not depth:
        raise UnstorableError
    if isinstance(value, Mapping):
        return {_text(str(name)): storable(each, depth - 1) for name, each in value.items()}
    return [storable(each, depth - 1) for each in value]


def _text(value: str) -> str:
    if value.isascii():
        return str(value)
    return value.encode("utf-8", "backslashreplace").decode()


def _other(value: Any) -> str:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            return rfc3339(moment)
        except OverflowError:  # it is in no year from 1 to 9999 in UTC
            return moment.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else _text(str(value))
