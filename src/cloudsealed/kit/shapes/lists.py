"""The shapes of lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cloudsealed.kit.shapes.errors import FormError, Path, refuse_all
from cloudsealed.kit.shapes.values import Shape


@dataclass(frozen=True, slots=True)
class Many:
    """A list of `least` to `most` items; `distinct` strings are there once each."""

    item: Shape
    least: int = 0
    most: int = 1000
    distinct: bool = False

    def read(self, value: Any, at: Path) -> list[Any]:
        """Return the items in their order."""
        if not isinstance(value, list):
            raise FormError(at, "must be a list")
        if not self.least <= len(value) <= self.most:
            raise FormError(at, f"must be a list of at least {self.least} and at most {self.most}")
        found: list[Any] = []
        errors: list[FormError] = []
        for index, each in enumerate(value):
            item = None
            try:
                item = self.item.read(each, (*at, index))
            except FormError as error:
                errors.append(error)
            if self.distinct and item is not None and item in found:
                errors.append(FormError((*at, index), f"is twice in its list: {item!r}"))
            found.append(item)
        refuse_all(errors)
        return found

    def schema(self) -> dict[str, Any]:
        """Return an array's schema."""
        return _array(self.item, self.least, self.most, distinct=self.distinct)


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of 1 to `most` strings, which name things: only the noun can say which there are, so
    they are refused as one. `item` is what its schema says of each. What is named twice is refused
    where they are `distinct`, and else counts once."""

    item: Shape
    most: int
    distinct: bool = field(default=True, kw_only=True)

    def read(self, value: Any, at: Path) -> tuple[str, ...]:
        """Return the strings in their order."""
        good = isinstance(value, list) and 1 <= len(value) <= self.most
        if not good or not all(isinstance(each, str) and each for each in value):
            raise FormError(at, f"must be a list of 1 to {self.most} texts")
        if self.distinct and len(set(value)) != len(value):
            raise FormError(at, "must not name anything twice")
        return tuple(dict.fromkeys(value))

    def schema(self) -> dict[str, Any]:
        """Return an array's schema."""
        return _array(self.item, 1, self.most, distinct=self.distinct)


def _array(item: Shape, least: int, most: int, *, distinct: bool) -> dict[str, Any]:
    return {
        "type": "array",
        "items": item.schema(),
        **({"minItems": least} if least else {}),
        "maxItems": most,
        **({"uniqueItems": True} if distinct else {}),
    }
