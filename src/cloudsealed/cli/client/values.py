"""From what is typed to what is sent: values by their kind, and fields by `KEY=VALUE`.

A field that the API knows is read as its own kind: `-f enabled=true` is a boolean, `-f name=7` a
text, and one that it does not know is a text. With `-F` whatever is JSON is taken as that,
`-F note=null`, anything else as text, and `@FILE` as what is in the file.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

from cloudsealed.cli.client.asked import Written
from cloudsealed.cli.client.table import BodyField
from cloudsealed.kit.nearest import did_you_mean

_BRACKETS: Final = re.compile(r"\[([^\[\]]*)\]")
WORDS: Final = {"true": True, "false": False}
Names = tuple[str, ...]
Place = tuple[Names, Any]
"""Names, one below the other, and the value there."""


def one_of(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise typer.BadParameter when a value is none of the words that there are."""
    if not choices or value in choices:
        return
    hint = did_you_mean(value, choices)
    raise typer.BadParameter(f"{name} must be one of: {', '.join(choices)}{hint}")


def typed(field: BodyField, texts: Sequence[str]) -> Any:
    """Return the value of an option that a field has; raises typer.BadParameter."""
    if field.kind != "strings":
        return _single(field, texts[-1])
    found = [item for text in texts for item in _items(text)]
    for item in found:
        one_of(field.option, item, field.choices)
    return found


def _items(text: str) -> list[str]:
    """Return the texts of a list: JSON, or parted by commas."""
    if text.startswith("["):
        found = _json(text)
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
        raise typer.BadParameter(f"{text} is no list of texts")
    return text.split(",") if text else []


def _single(field: BodyField, text: str) -> Any:
    if field.kind == "string":
        one_of(field.option, text, field.choices)
        return text
    if field.kind == "boolean":
        one_of(field.option, text.lower(), tuple(WORDS))
        return WORDS[text.lower()]
    if field.kind == "integer" and not re.fullmatch(r"-?[0-9]+", text):
        raise typer.BadParameter(f"{field.option} must be a whole number, not {text!r}")
    return _json(source(text))


def _json(text: str) -> Any:
    try:
        return _loaded(text)
    except ValueError as error:
        raise typer.BadParameter(f"This is no JSON: {error}") from None


def _loaded(text: str) -> Any:
    """Return what JSON says; raises ValueError, also for NaN, which only Python writes."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"there is no {name} in it")


def source(text: str) -> str:
    """Return a text, or what is in the file of `@FILE`; `-` and `@-` are standard input."""
    if text in ("-", "@-"):
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise typer.BadParameter(f"{text[1:]} cannot be read: {why}") from None


def parsed(text: str) -> Written:
    """Return the JSON of `-d`: written there, in a file, or on standard input."""
    found = source(text)
    return Written(found, _json(found))


def by_name(raw: Iterable[str], free: Iterable[str], fields: Sequence[BodyField]) -> list[Place]:
    """Return what `-f` and `-F` give, each with its place: `a.b` and `a[b]` are below a, `a[]` is
    another item of a list. Raises typer.BadParameter."""
    known = {field.path: field for field in fields}

    def read(path: Names, text: str) -> Any:
        field = known.get(path)
        return text if field is None else typed(field, [text])

    given = [_pair(text, read) for text in raw]
    return [*given, *(_pair(text, lambda _path, value: _free(value)) for text in free)]


def _free(text: str) -> Any:
    text = source(text)
    try:
        return _loaded(text)
    except ValueError:
        return text


def _pair(text: str, read: Callable[[Names, str], Any]) -> tuple[Names, Any]:
    name, equals, value = text.partition("=")
    path = tuple(_BRACKETS.sub(r".\1", name).split("."))
    is_item = path[-1] == "" and len(path) > 1
    path = path[:-1] if is_item else path
    if not equals or not all(path):
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE")
    found = read(path, value)
    return path, [found] if is_item and not isinstance(found, list) else found


def _put(body: dict[str, Any], path: Names, value: Any) -> None:
    """Put a value at its place; the items of lists that are given one by one are joined."""
    *above, last = path
    for name in above:
        below = body.setdefault(name, {})
        if not isinstance(below, dict):
            raise typer.BadParameter(f"{'.'.join(path)}: {name} is no object")
        body = below
    if isinstance(value, list) and isinstance(body.get(last), list):
        value = [*body[last], *value]
    body[last] = value


def merged(data: Written | None, given: Sequence[Place]) -> Any:
    """Return the body: what `-d` has, and the fields that are given besides, in its place."""
    if not given:
        return data
    fresh: dict[str, Any] = {}
    for path, value in given:
        _put(fresh, path, value)
    if data is None:
        return fresh
    if not isinstance(data.document, dict):
        raise typer.BadParameter("fields can only be put into an object")
    return _over(data.document, fresh)


def _over(under: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the fields of another in place of its own, nested ones each."""
    for name, value in over.items():
        old = under.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _over(dict(old), value)
        under[name] = value
    return under
