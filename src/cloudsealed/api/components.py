"""The schemas of the OpenAPI document as named components, in the form that generators read.

From pydantic's schemas it makes ones without a title or a default of null, where every object,
choice and enumeration has a name of its own. Answers are open: they take fields that a later
version adds, and of an enumeration values too, but of the few that never grow. Requests are closed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from cloudsealed.api.examples import example_of
from cloudsealed.api.v1.schemas.base import PLAIN
from cloudsealed.kit.shapes import PREFIX, Component, components_of

Schema = dict[str, Any]
Schemas = dict[str, Schema]

CLOSED = frozenset(("Severity", "Dimension", "Outcome"))
"""Enumerations that have the same words for the life of v1, in answers too."""
DATA = frozenset(("example", "examples", "default", "discriminator"))
"""What a schema has besides schemas, where a key is no property's name."""
_LATER = "OrLater"
_SAID = ("title", "description", "examples")
_SCALARS = ("string", "integer", "number")
_COMPOSED = {"enum", "items", "properties", "additionalProperties"}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, but that fields have no title and null is no default."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> Schema:
        found = super().default_schema(schema)
        if found.get("default", ...) is None:
            del found["default"]
        return found


def reference(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": PREFIX + name}


def components(answers: Collection[type[BaseModel]], requests: Collection[Component]) -> Schemas:
    """Return every component that these shapes need, and some more."""
    ordered = sorted(answers, key=lambda model: model.__name__)
    wanted: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in ordered
    ]
    _, made = models_json_schema(
        wanted, ref_template=PREFIX + "{model}", schema_generator=_Generator
    )
    both: Schemas = {**components_of(*requests), **made["$defs"]}
    found = {name: both[name] for name in sorted(both)}
    for schema in found.values():
        if "const" in schema:  # an enumeration of one word so far
            schema["enum"] = [schema.pop("const")]
    Namer(found).name_all()
    _set_plain(found)
    _open(found, reached(found, (model.__name__ for model in answers)))
    _illustrate(found)
    return found


def reached(schemas: Mapping[str, Schema], names: Iterable[str]) -> set[str]:
    """Return the names of the components that these refer to, themselves included."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += referred(schemas[name])
    return found


def referred(node: Any, *, names: bool = False) -> Iterator[str]:
    """Yield the names of the components that a part of the document refers to by itself; `names`
    when its keys are names of properties."""
    if isinstance(node, list):
        for item in node:
            yield from referred(item)
    elif isinstance(node, dict):
        target = node.get("$ref", "")
        if isinstance(target, str) and target.startswith(PREFIX):
            yield target.removeprefix(PREFIX)
        for key, value in node.items():
            if names or key not in DATA:
                yield from referred(value, names=are_names(key, names=names))


def are_names(key: str, *, names: bool) -> bool:
    """Say whether what stands below a key of the document has names of properties as its keys;
    `names` when that key is such a name itself."""
    return key == "properties" and not names


def pascal(text: str) -> str:
    """Return a name of the API as the name of a type: `group_by` is GroupBy."""
    return "".join(part[:1].upper() + part[1:] for part in text.replace("-", "_").split("_"))


class Namer:
    """Gives what stands in place within schemas a name: that of the same found before, or its own.

    Its own is its title, or else that of the object and field where it stands.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._known = {_meaning(schema): name for name, schema in reversed(schemas.items())}

    def name_all(self) -> None:
        """Name everything within the components."""
        for name, schema in list(self._schemas.items()):
            schema.pop("title", None)
            self._below(schema, name)
            if "anyOf" in schema:
                schema["oneOf"] = self._members(schema.pop("anyOf"), name)

    def parameter(self, schema: Schema, name: str) -> Schema:
        """Return a parameter's schema by the component of what it means, if there is one.

        One with a default stays in place: generators lose it beside a reference, and the type too.
        """
        if "default" in schema and "items" not in schema:
            return schema
        if "items" in schema:
            return {**schema, "items": self._member(schema["items"], name)}
        found = self.name(schema, name)
        known = self._known.get(_meaning(found))
        return found if known is None else reference(known)

    def name(self, schema: Schema, name: str) -> Schema:
        """Return a schema with everything in it named, itself as well where it needs one."""
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds and schema.keys() & _COMPOSED:
            schema = _split(schema)
        parts = [key for key in ("anyOf", "oneOf") if key in schema]
        if parts:
            return self._choice(schema, parts[0], name)
        said = _part(schema, *_SAID, "default")
        own = said.pop("title", name)
        self._below(schema, own)
        if not _needs_name(schema):
            schema.pop("title", None)
            return schema
        return {**reference(self._of(schema, own)), **said}

    def _choice(self, schema: Schema, key: str, name: str) -> Schema:
        null = [part for part in schema[key] if part == {"type": "null"}]
        others = [part for part in schema[key] if part != {"type": "null"}]
        if len(others) == 1:
            rest = {each: value for each, value in schema.items() if each not in (key, "title")}
            found = self.name(others[0], schema.get("title", name))
            if isinstance(found.get("type"), str) and "const" not in found:
                return {**found, "type": [found["type"], "null"], **rest}
            return {"anyOf": [found, *null], **rest}
        named = self._members(others, name)
        said = _part(schema, "description", "examples")
        choice = {"oneOf": named, **{k: v for k, v in schema.items() if k not in (key, "title")}}
        own = reference(self._of(choice, schema.get("title", name)))
        return {"anyOf": [own, *null], **said} if null else {**own, **said}

    def _members(self, parts: Collection[Schema], name: str) -> list[Schema]:
        found = []
        for part in parts:
            own = f"{name}{_kind(part)}"
            member = self._member(part, own)
            found.append(reference(self._of(member, own)) if "items" in member else member)
        return found

    def _member(self, schema: Schema, name: str) -> Schema:
        """Name a member of a choice, an item or a value of a map: a bounded text has a name too."""
        own = schema.get("title", name)
        found = self.name(schema, name)
        if "$ref" in found or found.get("type") not in _SCALARS:
            return found
        if not found.keys() & {"pattern", "minLength", "maxLength", "minimum", "maximum"}:
            return found
        return reference(self._of(found, own))

    def _below(self, schema: Schema, name: str) -> None:
        for field, part in schema.get("properties", {}).items():
            schema["properties"][field] = self.name(part, name + pascal(field))
        for key, ending in (("items", "Item"), ("additionalProperties", "Value")):
            if isinstance(schema.get(key), dict):
                schema[key] = self._member(schema[key], name + ending)

    def _of(self, schema: Schema, name: str) -> str:
        meaning = _meaning(schema)
        known = self._known.get(meaning)
        if known is None:
            schema.pop("default", None)
            assert name not in self._schemas, f"two schemas would be {name}"
            self._schemas[name] = {k: v for k, v in schema.items() if k != "title"}
            known = self._known[meaning] = name
        return known


def _needs_name(schema: Schema) -> bool:
    return "properties" in schema or "enum" in schema


def _part(schema: Schema, *keys: str) -> Schema:
    return {key: schema[key] for key in keys if key in schema}


def _kind(schema: Schema) -> str:
    return pascal(str(schema.get("title") or schema.get("type", "")))


def _split(schema: Schema) -> Schema:
    """Return a schema that takes null as a choice of null and the rest."""
    (kind,) = (each for each in schema["type"] if each != "null")
    outer = _part(schema, "description", "examples", "default")
    inner = {key: value for key, value in schema.items() if key not in outer}
    if "enum" in schema:
        inner["enum"] = [word for word in schema["enum"] if word is not None]
    return {**outer, "anyOf": [{**inner, "type": kind}, {"type": "null"}]}


def _meaning(schema: Schema) -> str:
    """Return what tells schemas apart: everything but what they say to people.

    Of an enumeration that is its words alone.
    """
    if "enum" in schema:
        return repr(sorted(map(str, schema["enum"])))
    rest = {key: value for key, value in schema.items() if key not in (*_SAID, "default")}
    return repr(sorted(rest.items(), key=lambda item: item[0]))


def _set_plain(schemas: Schemas) -> None:
    """Put the kinds that say nothing of their own in place, in fields but not in lists."""
    for schema in schemas.values():
        for field, part in schema.get("properties", {}).items():
            schema["properties"][field] = _in_place(part, schemas)


def _in_place(part: Schema, schemas: Schemas) -> Schema:
    if (name := _plain(part)) is not None:
        return {**schemas[name], **{k: v for k, v in part.items() if k != "$ref"}}
    options = part.get("anyOf", ())
    if len(options) == 2 and options[1] == {"type": "null"} and (name := _plain(options[0])):
        found = {**schemas[name], **{k: v for k, v in part.items() if k != "anyOf"}}
        return {**found, "type": [found["type"], "null"]}
    return part


def _plain(part: Schema) -> str | None:
    name = str(part.get("$ref", "")).removeprefix(PREFIX)
    return name if name in PLAIN else None


def _open(schemas: Schemas, answered: set[str]) -> None:
    """Let answers have words that a later version adds to an enumeration."""
    growing = {name for name in answered if "enum" in schemas[name] and name not in CLOSED}
    for name in growing:
        schemas[name + _LATER] = _or_later(schemas[name])
    for name in answered - growing:
        for key in ("properties", "items", "additionalProperties"):
            if key in schemas[name]:
                schemas[name][key] = _opened(schemas[name][key], growing)
        for part in schemas[name].get("properties", {}).values():
            part.pop("default", None)


def _or_later(schema: Schema) -> Schema:
    words = ", ".join(f"`{word}`" for word in schema["enum"])
    said = schema.get("description", "")
    return {
        "type": "string",
        "maxLength": 100,
        "pattern": r"^\S+$",
        "x-extensible-enum": schema["enum"],
        "description": f"{said} One of: {words}; a later version may add to them.".strip(),
        "examples": [schema["enum"][0]],
    }


def _opened(node: Any, growing: set[str], *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_opened(item, growing) for item in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: _opened(value, growing, names=are_names(key, names=names))
        if names or key not in DATA
        else value
        for key, value in node.items()
    }
    name = str(found.get("$ref", "")).removeprefix(PREFIX)
    return {**found, **reference(name + _LATER)} if name in growing else found


def _illustrate(schemas: Schemas) -> None:
    """Give every field an example: its own, or that of what it is made of."""
    for schema in schemas.values():
        for part in schema.get("properties", {}).values():
            if "examples" not in part:
                part["examples"] = [example_of(part, schemas)]
