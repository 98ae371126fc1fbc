"""Strict reading of a query string: what is unknown, repeated or of the wrong form is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
from cloudsealed.kit.nearest import LONGEST, closest, suggested
from cloudsealed.storage.filters import LONGEST_TEXT, MOST_VALUES, Filter, is_askable, tag_of

_TEXT = f"a text of 1 to {LONGEST_TEXT} printable characters"
_FEWER = f"at most {MOST_VALUES} values"
_DIGITS = re.compile(r"[0-9]{1,9}")
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter of an operation. No `choices` means any text, with `most` a whole number
    from 1 to that; one that `is_multiple` is repeated for several values, or has commas between
    them."""

    name: str
    description: str
    choices: tuple[str, ...] = ()
    is_multiple: bool = False
    default: str | None = None
    required: bool = False
    example: str = ""
    deprecated: Deprecation | None = None
    most: int | None = None

    @property
    def has_commas(self) -> bool:
        """Whether commas part values too."""
        return self.is_multiple

    def read(self, given: Sequence[str]) -> tuple[str, ...]:
        """Return the values given; raises the parameter's own error."""
        return _read(self, given, self._one)

    def _one(self, value: str) -> str:
        if self.choices and value not in self.choices:
            raise ValueError(f"one of: {', '.join(self.choices)}")
        if self.most is not None and not _is_counting(value, self.most):
            raise ValueError(f"a whole number from 1 to {self.most}")
        return _printable(value)


Known = Mapping[str, Filter | Parameter]
Given = Mapping[str, Sequence[str]]


def parse(raw: bytes, known: Known) -> dict[str, list[str]]:
    """Return the parameters of a query string, each with what it was given, in order.

    Raises InvalidRequestError, UnknownParameterError and RepeatedParameterError.
    """
    found: dict[str, list[str]] = {}
    for part in raw.split(b"&") if raw else ():
        if not part:
            continue
        name, _, value = part.partition(b"=")
        key = _decode(name)
        if key not in known:
            raise _unknown(key, known)
        if key in found and not known[key].is_multiple:
            raise RepeatedParameterError(key, f"{key} takes one value, and is given twice")
        found.setdefault(key, []).append(_decode(value))
    return found


def _unknown(key: str, known: Known) -> UnknownParameterError:
    shown = key if len(key) <= LONGEST else f"{key[:LONGEST]}…"
    hint = suggested(closest(key, known))
    return UnknownParameterError(shown, f"There is no parameter {shown!r} here{hint}")


def _decode(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise InvalidRequestError("The query is not UTF-8") from None


def read_filter(item: Filter, given: Sequence[str]) -> tuple[str, ...]:
    """Return the values of a filter, checked; raises its own `invalid_<name>_filter`."""
    form = _FORMS.get(item.kind, _text)
    return _read(item, given, lambda value: form(item, value))


def _read(
    item: Filter | Parameter, given: Sequence[str], form: Callable[[str], str]
) -> tuple[str, ...]:
    values = [part for text in given for part in (text.split(",") if item.has_commas else (text,))]
    try:
        if len(values) > MOST_VALUES:
            raise ValueError(_FEWER)
        return tuple(dict.fromkeys(map(form, values)))
    except ValueError as error:
        raise filter_error(item.name)(item.name, f"{item.name} must be {error}") from None


def _is_counting(text: str, most: int) -> bool:
    return _DIGITS.fullmatch(text) is not None and 1 <= int(text) <= most


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


def _tag(item: Filter, value: str) -> str:
    return tag_of(_printable(value))


def _text(item: Filter, value: str) -> str:
    return _printable(value)


def _printable(value: str) -> str:
    if not is_askable(value):
        raise ValueError(_TEXT)
    return value


_FORMS = {"enum": _enum, "id": _id, "audit": _id, "policy": _policy, "time": _time, "tag": _tag}
