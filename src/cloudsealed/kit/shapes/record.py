"""The shapes of mappings: records of known fields, and mappings of the author's own names.

A record guesses no type and fills in only the defaults that it names. Null is what is left out, but
for a flag.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.shapes.errors import Fault, FormError, Path, refuse_all
from cloudsealed.kit.shapes.values import Flag, Shape, mapping, whole

NAME = "[a-z_][a-z0-9_]{0,62}"


class Use(StrEnum):
    """Where what has a form is read."""

    FILE = "file"
    API = "API"


def unknown(value: Mapping[str, Any], known: Iterable[str], at: Path) -> list[FormError]:
    """Return an error for each name that is not known."""
    return [
        FormError((*at, name), "is not known", Fault.UNKNOWN, name, known)
        for name in value
        if name not in known
    ]


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping of the author's own names to values of one shape."""

    value: Shape

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return the mapping."""
        errors = [
            FormError((*at, name), f"is no name: it must match {NAME}", Fault.NAME)
            for name in mapping(value, at)
            if not re.fullmatch(NAME, name)
        ]
        found: dict[str, Any] = {}
        for name, each in value.items():
            try:
                found[name] = self.value.read(each, (*at, name))
            except FormError as error:
                errors.append(error)
        refuse_all(errors)
        return found

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object with names of a pattern."""
        return {
            "type": "object",
            "propertyNames": {"pattern": whole(NAME)},
            "additionalProperties": self.value.schema(),
        }


@dataclass(frozen=True)
class Part:
    """A field of a record: its shape, what it is for, an example, and its value when left out.

    One with `only` is read there and unknown elsewhere; one that is `told` is never null; one that
    is `stated` must be there, though it may be null; `deprecated` says when it goes.
    """

    shape: Shape
    doc: str = ""
    needed: bool = False
    default: Any = None
    only: Use | None = None
    example: Any = None
    told: bool = False
    stated: bool = False
    deprecated: Deprecation | None = None

    def serves(self, use: Use) -> bool:
        """Whether the field is known where that is read."""
        return self.only in (None, use)

    @cached_property
    def may_be_null(self) -> bool:
        """Whether null says that the field is left out."""
        return not (self.needed or self.told or isinstance(self.shape, Flag))

    def schema(self) -> dict[str, Any]:
        """Return the field's schema with its text for a reader."""
        texts = [self.doc, self.deprecated.text if self.deprecated else ""]
        doc = " ".join(filter(None, texts))
        shape = self.shape.schema()
        return {
            **({"description": doc} if doc else {}),
            **(_or_null(shape) if self.may_be_null else shape),
            **({"default": self.default} if isinstance(self.default, str | int) else {}),
            **({"examples": [self.example]} if self.example is not None else {}),
            **(self.deprecated.schema if self.deprecated else {}),
        }


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "oneOf" in schema:
        return {**schema, "oneOf": [*schema["oneOf"], {"type": "null"}]}
    if "type" not in schema:
        return {"anyOf": [*schema.get("anyOf", (schema,)), {"type": "null"}]}
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **words}


@dataclass(frozen=True)
class Record:
    """A mapping of known fields, at least `least`; those of `together` are all there or none.

    What is read for one `use` has no fields of another's, and their defaults. Of a `change` only
    what is there is read: a field that is needed is one that cannot be null. One that `is_open` may
    have others, which are left out. `name` is its schema's title.
    """

    parts: Mapping[str, Part]
    together: tuple[str, ...] = ()
    least: int = 0
    use: Use | None = None
    name: str = ""
    change: bool = False
    is_open: bool = False

    def of(self, use: Use) -> Record:
        """Return the form of what is read for one use."""
        return replace(self, use=use)

    @cached_property
    def known(self) -> dict[str, Part]:
        """The fields that may be there."""
        return {n: part for n, part in self.parts.items() if not self.use or part.serves(self.use)}

    @cached_property
    def _readers(self) -> tuple[tuple[str, Part, Callable[[Any, Path], Any], bool], ...]:
        known = self.known
        return tuple((n, part, part.shape.read, n in known) for n, part in self.parts.items())

    def read(self, value: Any, at: Path = ()) -> dict[str, Any]:
        """Return every field's value, or its default; what is refused has None in `good`."""
        found, known = mapping(value, at), 0
        errors: list[FormError] = self._of_several(found, at) if self.together or self.least else []
        read: dict[str, Any] = {}
        for name, part, reads, is_known in self._readers:
            is_there = is_known and name in found
            known += is_there
            try:
                if is_there and (said := found[name]) is not None:
                    read[name] = reads(said, (*at, name))
                elif is_there or not self.change:
                    read[name] = self._absent(name, part, at, is_there=is_there)
            except FormError as error:
                errors.append(error)
                read[name] = None
        if known < len(found) and not self.is_open:
            errors = [*unknown(found, self.known, at), *errors]
        if errors:
            refuse_all(_meant(errors), read)
        return read

    def _of_several(self, found: Mapping[str, Any], at: Path) -> list[FormError]:
        errors = []
        absent = [name for name in self.together if found.get(name) is None]
        if absent and len(absent) < len(self.together):
            others = " and ".join(name for name in self.together if name != absent[0])
            errors.append(FormError((*at, absent[0]), f"and {others} go together"))
        if len(found) < self.least:
            errors.append(FormError(at, f"must have one of: {', '.join(self.known)}"))
        return errors

    def _absent(self, name: str, part: Part, at: Path, *, is_there: bool) -> Any:
        """Return what a field is that is left out, or is there and null."""
        if (part.needed or (part.stated and not is_there)) and name in self.known:
            raise FormError((*at, name), "is required", Fault.MISSING)
        if is_there and not part.may_be_null:
            return part.shape.read(None, (*at, name))
        return part.default if part.default is None else copy(part.default)

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object that has no other fields."""
        needed = [] if self.change else [n for n, p in self.known.items() if p.needed or p.stated]
        return {
            **({"title": self.name} if self.name else {}),
            "type": "object",
            "additionalProperties": self.is_open,
            "properties": {name: part.schema() for name, part in self.known.items()},
            **({"required": needed} if needed else {}),
            **({"anyOf": self._together()} if self.together else {}),
            **({"minProperties": self.least} if self.least else {}),
        }

    def _together(self) -> list[dict[str, Any]]:
        null = {"type": "null"}
        none = {"properties": dict.fromkeys(self.together, null)}
        every = {"properties": {name: {"not": null} for name in self.together}}
        return [none, {**every, "required": list(self.together)}]


def _meant(errors: Sequence[FormError]) -> Iterable[FormError]:
    """Return errors, without that of a missing field that an unknown name was meant to be."""
    meant = {(*each.at[:-1], each.suggestion) for each in errors if each.fault is Fault.UNKNOWN}
    return (each for each in errors if each.fault is not Fault.MISSING or each.at not in meant)


@dataclass(frozen=True, slots=True)
class Brief:
    """A record, or a string that stands for its field `name`; `title` is its schema's."""

    record: Record
    name: str
    title: str = ""

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return the record's fields."""
        return self.record.read({self.name: value} if isinstance(value, str) else value, at)

    def schema(self) -> dict[str, Any]:
        """Return the schema of either."""
        title = {"title": self.title} if self.title else {}
        brief = self.record.parts[self.name].shape.schema()
        return {**title, "oneOf": [self.record.schema(), brief]}
