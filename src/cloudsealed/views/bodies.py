"""What bodies about views may say, around what each list takes.

It refuses to know any list: whoever has them says what each can be asked and grouped by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from cloudsealed.auth.model import Scope
from cloudsealed.kit.shapes import (
    Component,
    Flag,
    FormError,
    Many,
    Part,
    Path,
    Record,
    Shape,
    Text,
    mapping,
    read_body,
    refuse,
    words,
)
from cloudsealed.vocabulary import ViewOf

Query = Mapping[str, tuple[str, ...]]
"""What a list is asked: the values of each parameter, in the order in which the list has them."""

LONGEST = 6_000
"""Bytes of a query as an address has it: a server takes 8 kB, and a page's address has more."""
MOST_VALUES = 150
"""Values of a query in all: each is a parameter of an address."""
MOST_COLUMNS = 20
VIEW_NAME = "Its name, unique among one's own views of a list, or among the shared ones."
OF = "The list that it is a view of."
QUERY = (
    "What the list is asked: its filters by name, and `sort`, each with a value or a list of"
    " them; not `cursor` and `limit`."
)
GROUP_BY = "What its rows are counted by, as the list's summary does; null: a row for each object."
COLUMNS = "The columns that are shown, in their order; null: those that a page begins with."
SHARED = "Whether the whole tenant sees it; else its owner alone. Editors and admins share."


@dataclass(frozen=True, slots=True)
class _Name(Text):
    """A name that can be seen, without space around it."""

    def read(self, value: Any, at: Path) -> str:
        text = Text.read(self, value, at).strip()
        if not any(char.isprintable() and not char.isspace() for char in text):
            raise FormError(at, "must have a character that can be seen")
        return text


_NAME = Component("ViewName", _Name(longest=100), "A name of a view.", ("Open and critical",))
_COLUMN = Component("ViewColumn", Text("[a-z][a-z0-9_]*", 40), "A column of a view.", ("owner",))


@dataclass(frozen=True, slots=True)
class ListForm:
    """What a list takes: `query` reads what it is asked to a Query, `groups` are what its summary
    counts by, `scope` is what reading it needs. Of `naming`, filters that name what there has to
    be or pin the list, only the list itself knows which values it takes."""

    query: Shape
    groups: tuple[str, ...]
    scope: Scope
    naming: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one of some lists is asked: which one, another field says, so it is read later."""

    queries: tuple[Shape, ...]

    def read(self, value: Any, at: Path) -> dict[str, Any]:
        """Return what is asked as it is."""
        return mapping(value, at)

    def schema(self) -> dict[str, Any]:
        """Return an object of the parameters of all."""
        found: dict[str, Any] = {}
        for each in self.queries:
            for name, part in each.schema()["properties"].items():
                known = found.setdefault(name, part)
                assert _form(known) == _form(part), f"two lists take {name} in two forms"
        return {"type": "object", "additionalProperties": False, "properties": found}


def _form(part: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "description"}


class Forms:
    """The bodies about views of some lists. `new` and `change` have a query as it is given."""

    def __init__(self, lists: Mapping[ViewOf, ListForm]) -> None:
        self._lists = lists
        query = Component(
            "ListQuery",
            _Asked(tuple(each.query for each in lists.values())),
            "What a list is asked; which parameters there are depends on the list.",
            ({"severity": ["critical", "high"], "status": "open", "sort": "-severity"},),
        )
        groups = dict.fromkeys(name for each in lists.values() for name in each.groups)
        shown = {
            "query": Part(query, QUERY, needed=True, example={"severity": ["critical", "high"]}),
            "group_by": Part(words(groups), GROUP_BY, example="policy"),
            "columns": Part(
                Many(_COLUMN, most=MOST_COLUMNS, distinct=True),
                COLUMNS,
                example=["where", "first_seen"],
            ),
            "shared": Part(Flag(), SHARED, example=True),
        }
        shared = replace(shown["shared"], default=False)
        name = Part(_NAME, VIEW_NAME, needed=True, example="Open and critical")
        of = Part(words(ViewOf), OF, needed=True, example="findings")
        self.new = Component(
            "ViewBody",
            Record({"name": name, "of": of, **shown, "shared": shared}),
            "A new view of a list.",
            ({"name": name.example, "of": of.example, "query": shown["query"].example},),
        )
        self.change = Component(
            "ViewPatch",
            Record({"name": name, **shown}, change=True),
            "A change of a view; what is left out stays, and a query is replaced whole.",
            ({"name": "Open, critical and ours"},),
        )

    def query(self, of: ViewOf, given: Any) -> Query:
        """Return what a list is asked; raises the 422 of the first parameter that it refuses."""
        found: Query = read_body(self._lists[of].query, given, ("query",))
        return found

    def scope(self, of: ViewOf) -> Scope:
        """Return what reading a list needs."""
        return self._lists[of].scope

    def refuse_form(self, of: ViewOf, query: Query) -> None:
        """Raise what `query` does of what was saved once: a later version may lack a parameter, or
        a value of one."""
        self.query(of, {name: list(values) for name, values in query.items()})

    def naming(self, of: ViewOf, query: Query) -> Query:
        """Return the part of a query that names what there has to be."""
        return {n: values for n, values in query.items() if n in self._lists[of].naming}

    def refuse_group(self, of: ViewOf, name: str | None) -> None:
        """Raise the 422 of something that a list is not grouped by."""
        groups = self._lists[of].groups
        if name is not None and name not in groups:
            raise refuse("group_by", f"must be one of: {', '.join(groups)}")


def address(of: ViewOf, query: Query) -> str:
    """Return the path and query of a request for what a view shows."""
    text = urlencode(query, doseq=True)
    return f"/v1/{of}?{text}" if text else f"/v1/{of}"


def refuse_long(query: Query) -> None:
    """Raise the 422 of a query that an address has no room for."""
    if sum(map(len, query.values())) > MOST_VALUES:
        raise refuse("query", f"must have at most {MOST_VALUES} values in all")
    if len(urlencode(query, doseq=True)) > LONGEST:
        raise refuse("query", f"must be at most {LONGEST} bytes long in an address")
