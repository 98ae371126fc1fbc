"""The params of a policy as fields of a form: a field each, of text or of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cloudsealed.console.look import Look
from cloudsealed.kit.errors import InvalidFieldError

_PREFIX = "param:"


@dataclass(frozen=True, slots=True)
class Param:
    """One field: the name that the form sends it by, and what it holds."""

    name: str
    field: str
    text: str


def shown(params: Mapping[str, Any]) -> list[Param]:
    """Return the fields of params: a text as it is, everything else as JSON."""
    return [Param(name, f"{_PREFIX}{name}", _text(value)) for name, value in params.items()]


def params_of(look: Look, held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the params that a form sends, each of the kind that it was."""
    return {name: _read(look, name, value) for name, value in held.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _read(look: Look, name: str, held: Any) -> Any:
    text = look.sent(f"{_PREFIX}{name}")
    if isinstance(held, str):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        message = f"params.{name} must be JSON, such as {_text(held)}"
        raise InvalidFieldError(f"params.{name}", message) from None
