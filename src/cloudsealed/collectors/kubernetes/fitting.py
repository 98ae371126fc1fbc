"""Objects of files as an API server would have read them, and what it would not have taken.

Nulls are left out, keys are texts, and nothing is shared between two places. What is written as
another type than the API has, but can only mean one thing (`value: 8080`, `kubectl` refuses it), is
read as that and remarked on; anything else is refused. Fields that the API reference does not name
are kept as they are: former versions had others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Path = tuple[str, ...]
_LARGEST: Final = 300_000
"""So many values no etcd takes as one object: what aliases multiply ends here."""
_DEEPEST: Final = 100
_QUANTITIES: Final = frozenset(
    {
        *("allocatable", "averageValue", "capacity", "default", "defaultRequest", "divisor"),
        *("hard", "limits", "max", "maxLimitRequestRatio", "min", "overhead", "requests"),
        *("sizeLimit", "used", "target"),
    }
)
"""The fields that hold quantities, which the API takes as numbers too and answers as texts; of a
metric's `target` those below. Source: the API reference, "Quantity"."""
_TYPES: Final = {"integer": "a whole number", "boolean": "true or false", "map": "a map"}


class MisfitError(ValueError):
    """An object is not of the form that the API has."""


class _Fitting:
    def __init__(self) -> None:
        self.remarks: list[str] = []
        self._left = _LARGEST

    def fit(self, value: Any, shape: Any, path: Path) -> Any:
        self._left -= 1
        if self._left < 0 or len(path) > _DEEPEST:
            raise MisfitError("it is larger or deeper than any API server takes")
        if isinstance(shape, dict):
            return self._map(value, shape, path)
        if isinstance(shape, list):
            return self._list(value, shape[0], path)
        if shape in ("string", "time"):
            return self._text(value, path)
        if shape in ("integer", "boolean"):
            return self._scalar(value, shape, path)
        if shape == "map":
            return self._texts(value, path)
        return self._any(value, path)

    def _map(self, value: Any, shape: Mapping[str, Any], path: Path) -> Any:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _misfit(value, "a map", path)
        return {
            (name := _key(key)): self.fit(each, shape.get(name), (*path, name))
            for key, each in value.items()
            if each is not None
        }

    def _list(self, value: Any, shape: Any, path: Path) -> Any:
        if not isinstance(value, list):
            raise _misfit(value, "a list", path)
        return [self.fit(each, shape, (*path, str(at))) for at, each in enumerate(value)]

    def _texts(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            raise _misfit(value, "a map", path)
        found = {}
        for key, each in value.items():
            name = _key(key)
            below = (*path, name)
            found[name] = (
                self._any(each, below) if isinstance(each, dict | list) else self._text(each, below)
            )
        return found

    def _text(self, value: Any, path: Path) -> Any:
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if not isinstance(value, bool | int | float):
            raise _misfit(value, "a text", path)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if isinstance(value, bool) or not _QUANTITIES.intersection(path[-2:]):
            self.remarks.append(f"{'.'.join(path)} is {text} and should be a text, in quotes")
        return text

    def _scalar(self, value: Any, shape: str, path: Path) -> Any:
        if shape == "boolean" and isinstance(value, bool):
            return value
        if shape == "integer" and isinstance(value, int) and not isinstance(value, bool):
            return value
        meant = _meant(value, shape)
        if meant is None:
            raise _misfit(value, _TYPES[shape], path)
        self.remarks.append(f"{'.'.join(path)} is {value!r} and should be {_TYPES[shape]}")
        return meant

    def _any(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return self._map(value, {}, path)
        if isinstance(value, list):
            return self._list(value, None, path)
        if value is None or isinstance(value, str | int | float):
            return value
        raise _misfit(value, "something that JSON can say", path)


def fitted(item: Mapping[str, Any], shape: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return an object by itself as its shape has it, and what an API server would not have taken
    of it, each with its path; raises MisfitError for what nobody could read."""
    fitting = _Fitting()
    found: dict[str, Any] = fitting.fit(item, shape, ())
    return found, fitting.remarks


def _key(key: Any) -> str:
    """Return a key as YAML's keys become JSON's."""
    if isinstance(key, bool):
        return str(key).lower()
    return "null" if key is None else str(key)


def _meant(value: Any, shape: str) -> Any:
    if shape == "boolean":
        return {"true": True, "false": False}.get(value) if isinstance(value, str) else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return None


def _misfit(value: Any, wanted: str, path: Path) -> MisfitError:
    kinds = {dict: "a map", list: "a list", str: "a text", bool: "true or false"}
    found = kinds.get(type(value), "null" if value is None else "a number")
    return MisfitError(f"{'.'.join(path) or 'it'} is {found} and should be {wanted}")
