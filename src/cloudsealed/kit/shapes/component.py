"""Shapes that the API's document names, the choices between them, and what is within a shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.shapes.errors import Path
from cloudsealed.kit.shapes.lists import Many, Texts
from cloudsealed.kit.shapes.record import Brief, Named, Part, Record
from cloudsealed.kit.shapes.values import EXAMPLE, Ident, Shape, Text

PREFIX = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class Component:
    """A shape that has a name of its own in a document, by which its schema refers to it.

    `examples` are shown where those of its fields show too little.
    """

    name: str
    shape: Shape
    doc: str
    examples: tuple[Any, ...] = ()

    def read(self, value: Any, at: Path = ()) -> Any:
        """Return what its shape reads."""
        return self.shape.read(value, at)

    def schema(self) -> dict[str, Any]:
        """Return the reference."""
        return {"$ref": PREFIX + self.name}

    def said(self) -> dict[str, Any]:
        """Return the schema that the reference leads to."""
        shown = {"examples": list(self.examples)} if self.examples else {}
        doc = {"description": self.doc} if self.doc else {}
        return {**self.shape.schema(), **doc, **shown}


def ident(name: str, prefix: str, noun: str) -> Component:
    """Return the component of the ids of `noun`, which begin with `prefix`."""
    return Component(name, Ident(prefix), f"Id of {noun}.", (f"{prefix}_{EXAMPLE}",))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several shapes: `chosen` says which one a value at a path means to be, or raises
    FormError. By the words of the field `by`, if it has a name, clients tell them apart."""

    options: tuple[Shape, ...]
    chosen: Callable[[Any, Path], Shape]
    by: str = ""
    words: Mapping[Any, Component] | None = None

    def read(self, value: Any, at: Path) -> Any:
        """Return what the shape that was chosen reads."""
        return self.chosen(value, at).read(value, at)

    def schema(self) -> dict[str, Any]:
        """Return the schema of any of them."""
        options = [each.schema() for each in self.options]
        if not self.by:
            return {"anyOf": options}
        words = {str(word): each.schema()["$ref"] for word, each in (self.words or {}).items()}
        return {"oneOf": options, "discriminator": {"propertyName": self.by, "mapping": words}}


NAME = Component("Name", Text(longest=100), "A name of a request: not blank.", ("production",))
LINE = Component(
    "Line", Text(), "A line of a request: not blank.", ("Bastion host, agreed until spring",)
)
ITEM = Component("Item", Text(told=r"^[^\u0000]+$"), "A member of a request's list.", ("s3",))


def components_of(*shapes: Shape) -> dict[str, dict[str, Any]]:
    """Return the schemas of the components that are within shapes, by name."""
    found: dict[str, Component] = {}
    left = list(shapes)
    while left:
        shape = left.pop()
        if isinstance(shape, Component):
            known = found.setdefault(shape.name, shape)
            assert known.said() == shape.said(), f"two shapes are {shape.name}"
            if known is not shape:
                continue
        left += within(shape)
    return {name: found[name].said() for name in sorted(found)}


def within(shape: Shape) -> Iterator[Shape]:
    """Yield the shapes of which a shape is made."""
    match shape:
        case Component():
            yield shape.shape
        case Choice():
            yield from shape.options
        case Many() | Texts():
            yield shape.item
        case Named():
            yield shape.value
        case Brief():
            yield shape.record
        case Record():
            yield from (part.shape for part in shape.parts.values())


def parts_of(shape: Shape) -> Mapping[str, Part]:
    """Return the fields of the record that a shape is, none if it is none."""
    while isinstance(shape, Component):
        shape = shape.shape
    return shape.parts if isinstance(shape, Record) else {}


def deprecations_of(shape: Shape) -> Iterator[Deprecation]:
    """Yield every deprecation of the fields of a shape, at any depth."""
    if isinstance(shape, Record):
        yield from (part.deprecated for part in shape.parts.values() if part.deprecated)
    for each in within(shape):
        yield from deprecations_of(each)


def deprecations_used(shape: Shape, value: Any) -> Iterator[Deprecation]:
    """Yield the deprecations of the fields that a value has, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from deprecations_used(shape, each)
    elif isinstance(shape, Record):
        if isinstance(value, Mapping):
            for name, part in shape.parts.items():
                if name in value:
                    yield from (part.deprecated,) if part.deprecated else ()
                    yield from deprecations_used(part.shape, value[name])
    else:
        for each in within(shape):
            yield from deprecations_used(each, value)
