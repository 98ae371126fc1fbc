"""The API's operations as commands, read from `operations.json`, which `derive.py` makes.

It refuses to know the server's code: what imports this starts fast.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("operations.json")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the query. `many` takes several values, `commas` part them, `negates` says
    that `NAME_not` is a parameter too."""

    name: str
    help: str
    form: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    commas: bool = False
    negates: bool = False


@dataclass(frozen=True, slots=True)
class BodyField:
    """One field of a body, at `path`. `kind` is string, integer, number, boolean, strings (a list)
    or json; `option` what the command calls it."""

    path: tuple[str, ...]
    option: str
    help: str
    kind: str
    choices: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, as a command of its noun.

    `kind` says what it answers: list (pages), one (JSON), file or stream. `once` that it takes an
    Idempotency-Key, `matched` that it takes If-Match, `sends` that it takes a body.
    """

    name: str
    verb: str
    method: str
    path: str
    kind: str
    help: str
    alias: str = ""
    object: str = ""
    once: bool = False
    matched: bool = False
    sends: bool = False
    query: tuple[Parameter, ...] = ()
    body: tuple[BodyField, ...] = ()

    @property
    def summary(self) -> str:
        """The first line of its help."""
        return self.help.partition("\n\n")[0]

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by its name in the query."""
        return next((each for each in self.query if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Noun:
    """What the API has of one kind, and what can be done with it."""

    name: str
    help: str
    operations: tuple[Operation, ...]

    def operation(self, word: str) -> Operation | None:
        """Return an operation by its verb or by its other name."""
        found = {each.alias: each for each in self.operations if each.alias}
        return (found | {each.verb: each for each in self.operations}).get(word)

    @property
    def usual(self) -> Operation | None:
        """What the noun alone does: it shows what there is. None where that takes an id."""
        shown = (each for each in self.operations if each.verb in ("list", "get"))
        return next((each for each in shown if "{" not in each.path), None)


def names() -> dict[str, str]:
    """Return what each noun is called, with what it is."""
    return {name: found["help"] for name, found in _read().items()}


@cache
def noun(name: str) -> Noun:
    """Return a noun; raises KeyError when there is none of this name."""
    found = _read()[name]
    return Noun(name, found["help"], tuple(map(_operation, found["operations"])))


@cache
def _read() -> dict[str, dict[str, Any]]:
    return {found["name"]: found for found in json.loads(FILE.read_bytes())}


def _operation(found: dict[str, Any]) -> Operation:
    query = tuple(Parameter(**_tuples(each)) for each in found.get("query", ()))
    body = tuple(BodyField(**_tuples(each)) for each in found.get("body", ()))
    return Operation(**{**found, "query": query, "body": body})


def _tuples(found: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}
