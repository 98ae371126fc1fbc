"""Which parts of an object an answer shows: `fields` leaves parts out, `expand` puts more in the
place of some, such as a whole object in that of its summary.

Neither decides which objects there are, so a cursor goes on with others, as it does with another
limit. A name that the object does not have is refused. What `fields` leaves is no whole object any
more, and is answered as a media type of its own. Nothing here looks an object up.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel

from cloudsealed.api.errors import filter_error
from cloudsealed.api.query import Parameter
from cloudsealed.auth.model import Caller, Scope
from cloudsealed.storage.filters import MOST_VALUES
from cloudsealed.storage.keyset import Page

PARTIAL = "application/vnd.cloudsealed.partial+json"
SHOWN = ("fields", "expand")
_DEEPEST = 2  # names in a path
_NEAREST = 3

Reader = Callable[[Any, Sequence[Mapping[str, Any]], bool], Sequence[Any]]
"""From a call, the objects that it shows and whether a single one is asked for, to what stands in
each in the place of the part."""
LookUp = Callable[[Any, Sequence[str], bool], Mapping[str, Any]]
"""The same from ids to the whole objects that there are, by id."""
Tree = Mapping[str, Any]
"""Names to what is shown below them, which is everything where that is empty."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A part that `expand` shows with more: its name, the shape that it then has, and the scope
    that reading it needs."""

    name: str
    answer: type[BaseModel]
    scope: Scope
    read: Reader


def whole(name: str, look_up: LookUp) -> Reader:
    """Return the reader of a part that is the summary of another object; it stays where there is
    none."""

    def read(call: Any, objects: Sequence[Mapping[str, Any]], single: bool) -> Sequence[Any]:
        wanted = tuple(dict.fromkeys(each[name]["id"] for each in objects))
        found = look_up(call, wanted, single)
        return [found.get(each[name]["id"], each[name]) for each in objects]

    return read


def parameters_of(answer: type[BaseModel], expansions: Sequence[Expansion]) -> dict[str, Parameter]:
    """Return the parameters of an operation that shows objects of a shape."""
    names = tuple(paths_of(answer))
    wider = ", and below what `expand` names what the whole object has" if expansions else ""
    text = f"Show these parts alone, such as `{names[0]}`{wider}; an ETag is then that of the part"
    found = {"fields": Parameter("fields", text, names, is_multiple=True)}
    if expansions:
        choices = tuple(each.name for each in expansions)
        text = "Show these whole, as they stand, in the place of what is short of them"
        found["expand"] = Parameter("expand", text, choices, is_multiple=True)
    return found


@cache
def paths_of(model: type[BaseModel], depth: int = _DEEPEST) -> tuple[str, ...]:
    """Return the names of a shape's parts, those of the shapes in it with dots."""
    return tuple(_paths(model, depth))


def _paths(model: type[BaseModel], depth: int) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        inner = _shape_in(field.annotation) if depth > 1 else None
        if inner is not None:
            yield from (f"{name}.{path}" for path in paths_of(inner, depth - 1))


def _shape_in(annotation: Any) -> type[BaseModel] | None:
    """Return the shape of a part, or of the items of a list; None where it has none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) is dict:
        return None
    return next(filter(None, map(_shape_in, get_args(annotation))), None)


@dataclass(frozen=True, slots=True)
class Shown:
    """What one request asks to be shown; `tree` None is all."""

    tree: Tree | None
    expansions: tuple[Expansion, ...]

    def of(self, reply: Any, call: Any) -> Any:
        """Return a handler's reply, a page or an object's JSON, as it is to be shown."""
        if isinstance(reply, Page):
            return Page(self._shown(reply.items, call, single=False), reply.next)
        assert isinstance(reply, bytes)
        return self._shown([reply], call, single=True)[0]

    def _shown(self, items: Sequence[bytes], call: Any, *, single: bool) -> list[bytes]:
        objects = [orjson.loads(item) for item in items]
        for each in self.expansions:
            for found, more in zip(objects, each.read(call, objects, single), strict=True):
                found[each.name] = more
        tree = self.tree
        return [orjson.dumps(each if tree is None else _part(each, tree)) for each in objects]


def read_shown(
    answer: type[BaseModel],
    expansions: Sequence[Expansion],
    given: Mapping[str, Sequence[str]],
    caller: Caller,
) -> Shown | None:
    """Return what a query asks to be shown, None if it says nothing of it.

    Raises a 422 for a name that is not known, and InsufficientScopeError for an expansion of what
    the caller may not read.
    """
    if given.keys().isdisjoint(SHOWN):
        return None
    known = {each.name: each for each in expansions}
    names = _names("expand", given, tuple(known))
    expanded = tuple(known[name] for name in names)
    allowed = set(paths_of(answer))
    for each in expanded:
        allowed |= {f"{each.name}.{path}" for path in paths_of(each.answer)}
    paths = _names("fields", given, sorted(allowed))
    for each in expanded:
        caller.require(each.scope)
    return Shown(_tree(paths) if "fields" in given else None, expanded)


def _names(
    parameter: str, given: Mapping[str, Sequence[str]], known: Sequence[str]
) -> tuple[str, ...]:
    names = [name for text in given.get(parameter, ()) for name in text.split(",")]
    if len(names) > MOST_VALUES:
        raise filter_error(parameter)(parameter, f"{parameter} must be at most {MOST_VALUES} names")
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=_NEAREST) or known[:_NEAREST]
            message = f"{parameter} must be names of parts, such as {', '.join(near)}, not {name!r}"
            raise filter_error(parameter)(parameter, message)
    return tuple(dict.fromkeys(names))


def _tree(paths: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(paths):  # a whole part comes before what is below it
        below, (*steps, last) = tree, path.split(".")
        for step in steps:
            if step in below and not below[step]:
                break  # all of it is shown
            below = below.setdefault(step, {})
        else:
            below[last] = {}
    return tree


def _part(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_part(each, tree) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _part(each, tree[name]) for name, each in value.items() if name in tree}
