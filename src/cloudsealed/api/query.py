"""Strict reading of a query string: what is unknown, repeated or of the wrong form is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from cloudsealed.api.errors import (
    InvalidRequestError,
    RepeatedParameterError,
    UnknownParameterError,
    filter_error,
)
from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.ids import is_id
from cloudsealed.storage.keyset import Filter

_LONGEST_TEXT = 2048
_TEXT = f"a text of 1 to {_LONGEST_TEXT} printable characters"
MOST_VALUES = 100  # of a comma list
_FEWER = f"at most {MOST_VALUES} values"
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter of an operation. No `choices` means any text."""

    name: str
    description: str
    choices: tuple[str, ...] = ()
    multiple: bool = False
    default: str | None = None
    required: bool = False
    deprecated: Deprecation | None = None

    def read(self, text: str) -> tuple[str, ...]:
        """Return the values of `text`; raises the parameter's own error."""
        values = _values(text, self.multiple)
        if not self.choices:
            good, wanted = _is_text(text), _TEXT
        else:
            good, wanted = set(values) <= set(self.choices), f"one of: {', '.join(self.choices)}"
        if len(values) > MOST_VALUES:
            good, wanted = False, _FEWER
        if not good:
            raise filter_error(self.name)(self.name, f"{self.name} must be {wanted}")
        return tuple(dict.fromkeys(values))


def parse(raw: bytes, known: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises InvalidRequestError, UnknownParameterError and RepeatedParameterError.
    """
    found: dict[str, str] = {}
    for part in raw.split(b"&") if raw else ():
        if not part:
            continue
        name, _, value = part.partition(b"=")
        key = _decode(name)
        if key not in known:
            raise UnknownParameterError(key, f"There is no parameter {key!r} here")
        if key in found:
            raise RepeatedParameterError(key, f"{key} is given twice")
        found[key] = _decode(value)
    return found


def _decode(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("The query is not UTF-8") from None


def _values(text: str, multiple: bool) -> tuple[str, ...]:
    return tuple(text.split(",")) if multiple else (text,)


def read_filter(item: Filter, text: str) -> tuple[str, ...]:
    """Return the values of a filter, checked; raises its own `invalid_<name>_filter`."""
    values = _values(text, item.is_multiple)
    form = _FORMS.get(item.kind, _text)
    try:
        read = tuple(form(item, value) for value in values)
        if len(values) > MOST_VALUES:
            raise ValueError(_FEWER)
        return tuple(dict.fromkeys(read))
    except ValueError as error:
        raise filter_error(item.name)(item.name, f"{item.name} must be {error}") from None


def _enum(item: Filter, value: str) -> str:
    if value not in item.choices:
        raise ValueError(f"one of: {', '.join(item.choices)}")
    return value


def _id(item: Filter, value: str) -> str:
    if not is_id(item.prefix, value):
        raise ValueError(f"an id that begins with {item.prefix}_")
    return value


def _policy(item: Filter, value: str) -> str:
    if not is_id(item.prefix, value) and not (len(value) <= 100 and _KEY.fullmatch(value)):
        raise ValueError("a policy's id or key")
    return value


def _time(item: Filter, value: str) -> str:
    try:
        return rfc3339(parse_rfc3339(value))
    except (ValueError, OverflowError):
        raise ValueError("an RFC 3339 time such as 2026-01-31T00:00:00Z") from None


def _text(item: Filter, value: str) -> str:
    if not _is_text(value):
        raise ValueError(_TEXT)
    return value


def _is_text(value: str) -> bool:
    return 1 <= len(value) <= _LONGEST_TEXT and value.isprintable()


_FORMS = {"enum": _enum, "id": _id, "audit": _id, "policy": _policy, "time": _time}
