"""The filters of a list as a body has them: each a text or a list of texts, read as the query's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cloudsealed.api import query
from cloudsealed.api.value_schema import value_schema
from cloudsealed.kit.shapes import FormError, Path, mapping
from cloudsealed.storage.filters import MOST_VALUES, Filter


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A mapping of the names of filters to values."""

    filters: Mapping[str, Filter]

    def read(self, value: Any, at: Path) -> dict[str, tuple[str, ...]]:
        """Return the values of each; raises what the query does too, in its words."""
        pairs: list[tuple[str, str]] = []
        for name, given in mapping(value, at).items():
            texts = given if isinstance(given, list) else [given]
            if not texts or not all(isinstance(text, str) for text in texts):
                raise FormError((*at, name), "must be a text or texts")
            pairs += [(name, text) for text in texts]
        asked = query.parse(urlencode(pairs).encode(), self.filters)
        return {name: query.read_filter(self.filters[name], text) for name, text in asked.items()}

    def schema(self) -> dict[str, Any]:
        """Return what each filter takes, once or in a list."""
        properties = {
            item.name: {**_value(item), "description": f"{item.description}."}
            for item in self.filters.values()
        }
        return {"type": "object", "additionalProperties": False, "properties": properties}


def _value(item: Filter) -> dict[str, Any]:
    value = value_schema(item)
    many = {"type": "array", "items": value, "minItems": 1, "maxItems": MOST_VALUES}
    return {"anyOf": [_alone(value), many]} if item.is_multiple else value


def _alone(value: dict[str, Any]) -> dict[str, Any]:
    """Say by a pattern which words there are: OpenAPI Generator's TypeScript takes one enumeration
    in, alone and in a list, twice."""
    if "enum" not in value:
        return value
    words: list[str] = value["enum"]
    pattern = f"^({'|'.join(words)})$"
    return {"type": "string", "maxLength": 100, "pattern": pattern, "examples": words[:1]}
