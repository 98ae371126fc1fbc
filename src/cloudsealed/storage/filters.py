"""Filters of lists, as data: which values one takes, and the condition on a row that they make.

Values of one filter are alternatives, different filters are joined. Every filter by equality has a
negation, `<name>_not`: no row is lost between the two, one without a value is of the negation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)

from cloudsealed.kit.deprecation import Deprecation
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.nearest import LONGEST, did_you_mean
from cloudsealed.storage.database import one_of
from cloudsealed.storage.members import member
from cloudsealed.storage.planning import rarely
from cloudsealed.storage.schema import resource_tags
from cloudsealed.vocabulary import TYPE_PREFIXES

NOT = "_not"
MOST_VALUES = 100  # of one filter, and pairs of two
LONGEST_TEXT = 2048  # of one value
PAIR = "="  # between a tag's key and its value
_BOTH = "tag_pair"
_AFTER_DOT = chr(ord(".") + 1)
_BROKEN_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
ESCAPE = "/"  # before a character of LIKE that means itself

Binds = tuple[ColumnElement[Any], ...]
Condition = Callable[[FromClause, Binds], ColumnElement[bool]]
_SERVICE = "Service of the cloud, such as s3"
_ONE_VALUE = ("time", "audit")
_WITH_COMMAS = ("enum", "id", "policy", "word", "tag")


def is_askable(text: str) -> bool:
    """Say whether filters by text take this one: 1 to LONGEST_TEXT printable characters."""
    return 1 <= len(text) <= LONGEST_TEXT and text.isprintable()


class FilterValueError(CloudSealedError):
    """A filter has a value that it cannot take, which only the store can tell; its code is that of
    the filter's own error."""

    code = "invalid_request"
    status = 422

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name} must be {message}")
        self.parameter = name
        self.code = f"invalid_{name}_filter"  # type: ignore[misc]  # one class for every filter


class UnknownValueError(FilterValueError):
    """A filter names what neither the program nor any row of the tenant knows."""

    def __init__(self, name: str, value: str, known: Collection[str]) -> None:
        shown = value if len(value) <= LONGEST else f"{value[:LONGEST]}…"
        hint = did_you_mean(value, known)
        super().__init__(name, f"one that there is, not {shown!r}{hint}")


@dataclass(frozen=True, slots=True)
class Filter:
    """One query parameter of a list.

    `choices` are the only values an enum takes; `prefix` the ids' that it takes; `convert` turns a
    value into what the column holds. `condition` replaces equality with the column. `known` makes
    the set of values closed: they are the program's, besides those of the tenant's rows. `probe` is
    a table that can refute the filter by an index, asked by `asks` where not by the same condition:
    by default that of a driving filter. `leads` are a column of it and the driving filter whose
    values that column has: where those are few, they drive the list.
    """

    name: str
    description: str
    column: str = ""
    choices: tuple[str, ...] = ()
    kind: str = "text"  # enum, id, audit, policy, word, text, tag, time
    prefix: str = ""
    convert: Callable[[str], str | int] = str
    condition: Condition | None = None
    sorts: tuple[str, ...] = ()
    probe: Table | None = None
    asks: Condition | None = None
    leads: tuple[str, str] | None = None
    known: Callable[[], Collection[str]] | None = None
    has_negation: bool = True
    is_public: bool = True
    is_negated: bool = False
    example: str = ""
    deprecated: Deprecation | None = None

    @property
    def pins(self) -> bool:
        """Whether it selects by what an audit kept: such a list has one order."""
        return self.kind == "audit" or (not self.column and self.condition is None)

    @property
    def is_multiple(self) -> bool:
        """Whether several values are taken, by repetition."""
        return self.kind not in _ONE_VALUE

    @property
    def has_commas(self) -> bool:
        """Whether commas part values too: where none can hold one."""
        return self.kind in _WITH_COMMAS

    @property
    def negation(self) -> Filter | None:
        """The filter that selects every other row; None of a bound, a pin and a part of a text."""
        if not (self.is_multiple and self.has_negation and self.is_public):
            return None
        return replace(
            self,
            name=f"{self.name}{NOT}",
            description=f"Not this: {self.description}",
            sorts=(),
            probe=None,
            asks=None,
            leads=None,
            has_negation=False,
            is_negated=True,
        )

    def matches(self, table: FromClause, values: Binds) -> ColumnElement[bool]:
        """Return the condition on a row of `table` that it passes."""
        if self.condition is not None:
            plain = self.condition(table, values)
        else:
            plain = table.c[self.column].in_(values)
        if not self.is_negated:
            return plain
        return case((plain, literal_column("0")), else_=literal_column("1")) == literal_column("1")


def with_negations(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Return filters, each followed by its negation if it has one."""
    return tuple(each for item in filters for each in (item, item.negation) if each is not None)


def at_least(column: str) -> Condition:
    """Return the condition that a column is at or after the value."""
    return lambda table, values: table.c[column] >= values[0]


def before(column: str) -> Condition:
    """Return the condition that a column is before the value."""
    return lambda table, values: table.c[column] < values[0]


def between(column: str) -> Condition:
    """Return the condition that a column is in one of some intervals: each is two values, its start
    and its end, which is not in it."""

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        held = table.c[column]
        ends = zip(values[::2], values[1::2], strict=True)
        return or_(*(and_(held >= start, held < end) for start, end in ends))

    return condition


def searching(
    name: str, description: str, *columns: str, members: tuple[str, ...] = (), of: str = ""
) -> Filter:
    """Return the filter that one of some text columns contains one of the values, letter case
    aside, or one of some `members` of the column `of`, which is JSON.

    `%` and `_` in a value mean themselves.
    """

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        own: list[ColumnElement[str]] = [table.c[column] for column in columns]
        texts = [*own, *(member(table.c[of], each) for each in members)]
        asked = ((text, value) for text in texts for value in values)
        return or_(*(column.icontains(value, escape=ESCAPE) for column, value in asked))

    return Filter(name, description, condition=condition, convert=escaped, has_negation=False)


def listing_one_of(
    name: str, description: str, column: str, known: Callable[[], Collection[str]]
) -> Filter:
    """Return the filter that a column, compact JSON, has a list with one of the values in it."""

    condition = _listing(column, "", ('"',))
    return Filter(name, description, kind="word", condition=condition, convert=escaped, known=known)


def listing_services(column: str, known: Callable[[], Collection[str]]) -> Filter:
    """Return the filter that a column, compact JSON, has a list with a resource type of a service
    in it."""
    parts = [_listing(column, f"{prefix}.", (".", '"')) for prefix in TYPE_PREFIXES]

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        return or_(*(part(table, values) for part in parts))

    return Filter(
        "service", _SERVICE, kind="word", condition=condition, convert=escaped, known=known
    )


def _listing(column: str, begins: str, ends: Sequence[str]) -> Condition:
    """Return the condition that a column has, as JSON, a text in a list that begins so, goes on
    with one of the values, and then with one of `ends`."""

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        wanted = (
            literal_column(f"'{opens}\"{begins}'").concat(value).concat(literal_column(f"'{end}'"))
            for opens in ("[", ",")
            for end in ends
            for value in values
        )
        return or_(*(table.c[column].contains(text, escape=ESCAPE) for text in wanted))

    return condition


def of_services(column: str, *, probe: Table, known: Callable[[], Collection[str]]) -> Filter:
    """Return the filter by the service of a column of resource types: their second part, which
    may be the last."""

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        starts = [literal_column(f"'{p}.'").concat(v) for p in TYPE_PREFIXES for v in values]
        types = table.c[column]
        below = [and_(types >= s.concat("."), types < s.concat(_AFTER_DOT)) for s in starts]
        return or_(*below, *(types == s for s in starts))

    return Filter(
        "service", _SERVICE, column, kind="word", condition=condition, probe=probe, known=known
    )


def escaped(text: str) -> str:
    """Return a text as LIKE takes it literally."""
    return re.sub(r"([%_/])", rf"{ESCAPE}\1", text)


_TAG = "KEY=VALUE, each of the two percent-encoded"


def tag_of(text: str) -> str:
    """Return a tag as `KEY=VALUE`, each side percent-encoded in one way; raises ValueError."""
    key, equals, value = text.partition(PAIR)
    if not key or not equals:
        raise ValueError(_TAG)
    return tag_text(_decoded(key), _decoded(value))


def tag_text(key: str, value: str) -> str:
    """Return a tag as the filter `tag` takes it."""
    return f"{quote(key, safe='')}{PAIR}{quote(value, safe='')}"


def _decoded(text: str) -> str:
    if _BROKEN_PERCENT.search(text):
        raise ValueError(_TAG)
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError(_TAG) from None
    if "\x00" in found:
        raise ValueError(_TAG)
    return found


def tag_filters(column: str, *, leads: str | None = None) -> tuple[Filter, ...]:
    """Return the filters by tags of the resource that a column names; `leads` is the filter by
    that column.

    `tag` joins different keys; values of one key are alternatives. With `tag_key` and `tag_value`
    both given one tag has one of those keys and one of those values. `prepare_tags` goes with them.
    """

    def having(asked: Condition) -> Condition:
        return lambda table, values: exists().where(
            *_of(table, column), asked(resource_tags, values)
        )

    def paired(table: FromClause, values: Binds) -> ColumnElement[bool]:
        found = select(func.count()).where(*_of(table, column), _is_pair(resource_tags, values))
        return found.scalar_subquery() >= cast(values[0], Integer)

    led = ("resource_id", leads) if leads is not None else None

    def has(name: str) -> Condition:
        return lambda table, values: table.c[name].in_(values)

    tag = Filter(
        "tag",
        "Tag as KEY=VALUE, each of the two percent-encoded once more: different keys are"
        " joined, values of one key are alternatives",
        kind="tag",
        condition=paired,
        probe=resource_tags,
        asks=_is_pair,
        example="env=prod",
        leads=led,
    )
    return (
        tag,
        Filter(
            "tag_key",
            "Key of a tag that it has; with `tag_value`, of the same tag",
            condition=having(has("key")),
            probe=resource_tags,
            asks=has("key"),
            leads=led,
            example="env",
        ),
        Filter(
            "tag_value",
            "Value of a tag that it has; with `tag_key`, of the same tag",
            condition=having(has("value")),
            probe=resource_tags,
            asks=has("value"),
            leads=led,
            has_negation=False,
            example="prod",
        ),
        replace(tag, name=_BOTH, is_public=False),
    )


OWNER_TAGS = ("owner", "team", "service-owner")
"""The tags that name an owner where no setting says others."""


def owner_of(table: FromClause, column: str, keys: Sequence[str]) -> ColumnElement[str | None]:
    """Return the owner of the resource that a column names: the value of the first of `keys` (in
    lower case) that it is tagged with, unless that is blank."""
    key = func.lower(resource_tags.c.key)
    rank = case({name: number for number, name in enumerate(keys)}, value=key)
    named = (
        select(resource_tags.c.value)
        .where(*_of(table, column), one_of(key, keys), func.trim(resource_tags.c.value) != "")
        .order_by(rank, resource_tags.c.key)
        .limit(1)
    )
    return named.scalar_subquery()


def owner_filter(column: str, keys: Sequence[str], *, leads: str | None = None) -> Filter:
    """Return the filter by owner, as `owner_of` tells it; `leads` is the filter by the column."""
    return Filter(
        "owner",
        "Owner of the resource, by its tags",
        probe=resource_tags,
        condition=lambda table, values: owner_of(table, column, keys).in_(values),
        asks=lambda tags, values: tags.c.value.in_(values),
        leads=("resource_id", leads) if leads is not None else None,
    )


def prepare_tags(filters: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return filters with tags as their conditions are bound: how many different keys are to be
    there, then each key and value."""
    ready = dict(filters)
    for name in ("tag", f"tag{NOT}"):
        if name in filters:
            tags = [tuple(map(unquote, tag.split(PAIR))) for tag in filters[name]]
            least = len({key for key, _value in tags}) if name == "tag" else 1
            ready[name] = (str(least), *chain.from_iterable(tags))
    if "tag_key" in filters and "tag_value" in filters:
        both = list(product(ready.pop("tag_key"), ready.pop("tag_value")))
        if len(both) > MOST_VALUES:
            raise FilterValueError("tag_value", f"of at most {MOST_VALUES} pairs with tag_key")
        ready[_BOTH] = ("1", *chain.from_iterable(both))
    return ready


def _of(table: FromClause, column: str) -> tuple[ColumnElement[bool], ...]:
    tags = resource_tags.c
    return tags.tenant_id == table.c.tenant_id, rarely(tags.resource_id == table.c[column])


def _is_pair(table: FromClause, values: Binds) -> ColumnElement[bool]:
    pairs = zip(values[1::2], values[2::2], strict=True)
    return or_(*(and_(table.c.key == key, table.c.value == value) for key, value in pairs))
