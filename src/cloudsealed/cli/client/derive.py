"""Derives the commands of the client from the operations' tables, for `operations.json`.

The verb of an operation is the last word of its path below the object or the noun; what has none is
`list`, `get`, or the word with which the operation's own name begins, `create`, `update` and
`delete` being other names of that. Imported by what derives documents, and by no command.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any, Final, get_args

from cloudsealed.api.app import TABLES
from cloudsealed.api.operation import Operation, Table
from cloudsealed.api.query import Parameter as Given
from cloudsealed.cli.client.table import BodyField, Noun, Parameter
from cloudsealed.cli.client.table import Operation as Command
from cloudsealed.kit.shapes import components_of
from cloudsealed.storage.filters import NOT, Filter

OWN: Final = frozenset(
    [
        "all",
        "data",
        "field",
        "help",
        "id",
        "idempotency-key",
        "if-match",
        "include",
        "json",
        "limit",
        "output",
        "table",
        "typed-field",
    ]
)
"""Options that commands have of their own: no field of a body is called so."""
_FORMS = {"time": "TIME", "id": "ID", "audit": "ID", "policy": "ID|KEY", "tag": "KEY=VALUE"}
_GENERIC = {"POST": "create", "PATCH": "update", "DELETE": "delete"}
_BARE = ("limit",)  # pages are the client's own matter
_KINDS = ("string", "integer", "number", "boolean")
Schema = Mapping[str, Any]


def text() -> str:
    """Return the content of `operations.json`: an operation a line."""
    parts = []
    for noun in derived():
        rows = ",\n".join("  " + _line(asdict(each)) for each in noun.operations)
        head = json.dumps({"name": noun.name, "help": noun.help}, ensure_ascii=False)[:-1]
        parts.append(f'{head}, "operations": [\n{rows}\n]}}')
    return "[\n" + ",\n".join(parts) + "\n]\n"


def _line(found: dict[str, Any]) -> str:
    kept = {**found, "query": [_short(each, Parameter) for each in found["query"]]}
    kept["body"] = [_short(each, BodyField) for each in found["body"]]
    return json.dumps(_short(kept, Command), ensure_ascii=False)


def _short(found: dict[str, Any], shape: Any) -> dict[str, Any]:
    """Leave out what is as it is when nothing is said."""
    usual = {item.name: item.default for item in fields(shape)}
    return {key: v for key, v in found.items() if v != usual[key] and v not in ((), [])}


def derived(tables: tuple[Table, ...] = TABLES) -> list[Noun]:
    """Return the nouns with their commands; raises ValueError when two would have one name."""
    operations = [op for table in tables for op in table.operations]
    known = {op.path for op in operations}
    found: dict[str, list[Operation]] = {}
    for each in operations:
        found.setdefault(_noun_of(each.path, known), []).append(each)
    return [
        Noun(_dashed(noun), _described(noun, own, tables), _commands(noun, own))
        for noun, own in found.items()
    ]


def _described(noun: str, own: list[Operation], tables: tuple[Table, ...]) -> str:
    """Return what a noun is: what its operation does if it has one, else what its table says."""
    if len(own) == 1:
        return f"{own[0].texts[0]}."
    begins = f"/v1/{noun}"
    by_name = {op.name: table for table in tables for op in table.operations}
    first = next((op for op in own if op.path == begins), own[0])
    return by_name[first.name].description


def _noun_of(path: str, known: set[str]) -> str:
    """Return the shortest part of a path that is a path of its own, or has objects below it."""
    parts = path.split("/")[2:]
    for end in range(1, len(parts) + 1):
        below = parts[end] if end < len(parts) else "{"
        if below.startswith("{") or "/v1/" + "/".join(parts[:end]) in known:
            return "/".join(parts[:end])
    raise AssertionError(path)


def _commands(noun: str, operations: list[Operation]) -> tuple[Command, ...]:
    words = {each.name: _verb(noun, each) for each in operations}
    taken = Counter(verb for verb, _ in words.values() if verb)
    own = Counter(_own(each) for each in operations if not words[each.name][0])
    found = []
    for each in operations:
        verb, generic = words[each.name]
        mine = _own(each)
        if not verb:
            verb = mine if own[mine] == 1 and not taken[mine] else generic
        found.append(_command(each, _dashed(verb), generic if generic != verb else ""))
    names = Counter(name for each in found for name in (each.verb, each.alias) if name)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"{noun} has several commands of one name: {twice}")
    return tuple(found)


def _verb(noun: str, operation: Operation) -> tuple[str, str]:
    """Return what the path calls it, empty if it does not, and the generic word for its method."""
    rest = operation.path.removeprefix(f"/v1/{noun}").strip("/").split("/")
    last = "" if rest[-1].startswith("{") else rest[-1]
    if last:
        return last, ""
    if operation.method == "GET":
        return ("list" if operation.is_list else "get"), ""
    return "", _GENERIC[operation.method]


def _own(operation: Operation) -> str:
    return operation.name.partition("_")[0]


def _dashed(name: str) -> str:
    return re.sub(r"[_/]", "-", name)


def _command(operation: Operation, verb: str, alias: str) -> Command:
    summary, rest = operation.texts
    lines = [" ".join(part.split()) for part in (f"{summary}.", *rest.split("\n\n")) if part]
    if operation.deprecated is not None:
        lines.append(operation.deprecated.text)
    return Command(
        name=operation.name,
        verb=verb,
        alias=alias,
        method=operation.method,
        path=operation.path,
        kind=_kind(operation),
        help="\n\n".join(lines),
        object=_object(operation),
        once=operation.once,
        matched=operation.method in ("PATCH", "DELETE") and operation.getter is not None,
        sends=operation.body is not None,
        query=tuple(_query(operation)),
        body=_body(operation),
    )


def _kind(operation: Operation) -> str:
    if operation.listed is not None:
        return "list"
    if operation.is_followed:
        return "stream"
    return "one" if operation.is_json else "file"


def _object(operation: Operation) -> str:
    """Return what the objects of an answer say that they are."""
    shape = operation.answer
    field = shape.model_fields.get("object") if shape else None
    return str(get_args(field.annotation)[0]) if field else ""


def _query(operation: Operation) -> Iterator[Parameter]:
    for item in operation.parameters.values():
        if item.name in _BARE or (isinstance(item, Filter) and item.is_negated):
            continue
        named = isinstance(item, Given) and item.name in ("fields", "group_by", "expand")
        choices = () if item.name == "fields" else tuple(map(str, item.choices))
        form = "NAME" if named else _FORMS.get(getattr(item, "kind", ""), "")
        yield Parameter(
            name=item.name,
            help=_said(item.description, item.deprecated.text if item.deprecated else ""),
            form="" if choices else form,
            choices=choices,
            many=item.is_multiple,
            commas=item.has_commas,
            negates=f"{item.name}{NOT}" in operation.parameters,
        )


def _said(*parts: str) -> str:
    return ". ".join(part.strip().removesuffix(".") for part in parts if part.strip())


def _body(operation: Operation) -> tuple[BodyField, ...]:
    if operation.body is None:
        return ()
    defs = components_of(operation.body)
    found = list(_fields(operation.body.schema(), defs, (), needed=True))
    taken = OWN | {_dashed(name) for name in operation.parameters}
    names = _names([path for path, _, _ in found], taken)
    return tuple(
        BodyField(path, names[path], _said(form.get("description", "")), kind, choices, needed)
        for path, form, needed in found
        for kind, choices in [_typed(form, defs)]
    )


Found = tuple[tuple[str, ...], Schema, bool]


def _fields(
    schema: Schema, defs: Schema, path: tuple[str, ...], *, needed: bool
) -> Iterator[Found]:
    """Yield every field that a body names, those of the objects in it after it; of a body of
    several forms those of each."""
    forms = _forms(schema, defs)
    named: dict[str, list[Schema]] = {}
    for form in forms:
        for name, inner in form.get("properties", {}).items():
            named.setdefault(name, []).append(inner)
    for name, found in named.items():
        inner = {"anyOf": found, "description": found[0].get("description", "")}
        must = needed and all(name in form.get("required", ()) for form in forms)
        yield (*path, name), inner, must
        yield from _fields(inner, defs, (*path, name), needed=must)


def _forms(schema: Schema, defs: Schema) -> list[Schema]:
    """Return the forms that a value may have, but for null."""
    if "$ref" in schema:
        return _forms(defs[schema["$ref"].rpartition("/")[2]], defs)
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if not options:
        return [] if schema.get("type") == "null" else [schema]
    return [form for each in options for form in _forms(each, defs)]


def _names(paths: list[tuple[str, ...]], taken: frozenset[str]) -> dict[tuple[str, ...], str]:
    """Return what each field is called: its own name, with those above it where that is another's.

    What stands higher keeps the short name.
    """
    found: dict[tuple[str, ...], str] = {}
    used = set(taken)
    for path in sorted(paths, key=len):
        ends = ("-".join(map(_dashed, path[-size:])) for size in range(1, len(path) + 1))
        found[path] = next((name for name in ends if name not in used), "")
        if not found[path]:
            raise ValueError(f"no option is free for {'.'.join(path)}")
        used.add(found[path])
    return found


def _typed(schema: Schema, defs: Schema) -> tuple[str, tuple[str, ...]]:
    """Return the kind of a field's value, and its words where it has some."""
    forms = _forms(schema, defs)
    lists = [form for form in forms if _type(form) == "array"]
    items = [form for each in lists for form in _forms(each.get("items", {}), defs)]
    single = [form for form in forms if _type(form) != "array"] + items
    kinds = {_type(form) for form in single}
    if len(kinds) != 1 or not kinds <= set(_KINDS):
        return "json", ()
    (kind,) = kinds
    if lists and kind != "string":
        return "json", ()
    words = (word for form in single for word in _words(form))
    return "strings" if lists else kind, tuple(dict.fromkeys(words))


def _type(form: Schema) -> str:
    """Return the type of a form but for null; empty when there are several or none is said."""
    said = form.get("type", ["string"] if _words(form) else [])
    kinds = [said] if isinstance(said, str) else [kind for kind in said if kind != "null"]
    return kinds[0] if len(kinds) == 1 else ""


def _words(form: Schema) -> list[str]:
    """Return the texts that a form says are its only values."""
    found = form.get("enum", [form["const"]] if "const" in form else [])
    return [word for word in found if isinstance(word, str)]
