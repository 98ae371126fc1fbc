"""What a list can be asked, as a body has it: texts or lists of texts, read as the query's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cloudsealed.api import query
from cloudsealed.api.errors import ParameterError
from cloudsealed.api.listing import Listed
from cloudsealed.api.query import Parameter
from cloudsealed.api.value_schema import value_schema
from cloudsealed.kit.shapes import FormError, Path, dotted, mapping
from cloudsealed.storage.filters import MOST_VALUES, Filter

_OF_PAGES = ("cursor", "limit")
_TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A mapping of the names of filters to values."""

    filters: Mapping[str, Filter]

    def read(self, value: Any, at: Path) -> dict[str, tuple[str, ...]]:
        """Return the values of each; raises what the query does too, in its words."""
        with _told(at):
            asked = _parsed(value, at, self.filters)
            return {n: query.read_filter(self.filters[n], text) for n, text in asked.items()}

    def schema(self) -> dict[str, Any]:
        """Return what each filter takes, once or in a list."""
        return _object({n: _described(_value(item), item) for n, item in self.filters.items()})


@dataclass(frozen=True, slots=True)
class Whole:
    """A mapping of all that a list can be asked to values, but for what is of one page alone."""

    listed: Listed

    def read(self, value: Any, at: Path) -> dict[str, tuple[str, ...]]:
        """Return the values of each; raises what the query does too, in its words."""
        with _told(at):
            asked = _parsed(value, at, self._known)
            filters, sort = self.listed.asked(asked)
        return {**filters, "sort": (sort,)} if "sort" in asked else dict(filters)

    def schema(self) -> dict[str, Any]:
        """Return what each parameter takes, once or in a list."""
        return _object({n: _described(_listed(item), item) for n, item in self._known.items()})

    @property
    def _known(self) -> dict[str, Filter | Parameter]:
        known = self.listed.parameters
        return {name: item for name, item in known.items() if name not in _OF_PAGES}


@contextmanager
def _told(at: Path) -> Iterator[None]:
    """Let what is refused name the field that the parameter is."""
    try:
        yield
    except ParameterError as error:
        error.about(dotted((*at, error.parameter)))
        raise


def _parsed(value: Any, at: Path, known: query.Known) -> dict[str, list[str]]:
    pairs: list[tuple[str, str]] = []
    for name, given in mapping(value, at).items():
        texts = given if isinstance(given, list) else [given]
        if not texts or not all(isinstance(text, str) for text in texts):
            raise FormError((*at, name), "must be a text or texts")
        pairs += [(name, text) for text in texts]
    return query.parse(urlencode(pairs).encode(), known)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _described(value: dict[str, Any], item: Filter | Parameter) -> dict[str, Any]:
    return {**value, "description": f"{item.description}."}


def _value(item: Filter) -> dict[str, Any]:
    return _listed(item) if item.is_multiple else value_schema(item)


def _listed(item: Filter | Parameter) -> dict[str, Any]:
    """Return the form of a value or of a list of them, of one where it takes one alone."""
    value, most = value_schema(item), MOST_VALUES if item.is_multiple else 1
    if value.get("format") == "date-time":
        value = _moment(value)
    many = {"type": "array", "items": value, "minItems": 1, "maxItems": most}
    return {"anyOf": [_alone(value), many]}


def _moment(value: dict[str, Any]) -> dict[str, Any]:
    """Say by a pattern that a text is a time: OpenAPI Generator's TypeScript makes a date of one
    whose format says so, and compiles nothing that is a date or a list of them."""
    said = {"title": "TimeText", "description": "A moment in UTC, as RFC 3339 writes it."}
    return {**{k: v for k, v in value.items() if k != "format"}, "pattern": _TIME, **said}


def _alone(value: dict[str, Any]) -> dict[str, Any]:
    """Say by a pattern which words there are: OpenAPI Generator's TypeScript takes one enumeration
    in, alone and in a list, twice."""
    if "enum" not in value:
        return value
    words: list[str] = value["enum"]
    pattern = f"^({'|'.join(words)})$"
    return {"type": "string", "maxLength": 100, "pattern": pattern, "examples": words[:1]}
