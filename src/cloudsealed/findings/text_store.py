"""The text by which findings are searched: title, resource's name and native id, in lower case.

Two indexes know the runs of three characters in it: FTS5's trigrams on SQLite, which triggers keep,
and a GIN index over a function on PostgreSQL, which needs no extension (migration 0006). What the
index names is looked at in full afterwards, so it may name too much and never too little.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, FromClause, bindparam, exists, or_, text

from cloudsealed.findings.model import Finding
from cloudsealed.kit.ids import number_of
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import ESCAPE, Binds, Filter, escaped
from cloudsealed.storage.keyset import SCAN_SECONDS
from cloudsealed.storage.schema import finding_texts

MOST = 1_000  # candidates: a text that more findings have is looked for along the list
_GRAM = 3
_LAST = 4  # of its last ones are asked of the index
_SEPARATOR = "\n"

_UPDATE = (
    finding_texts.update()
    .where(
        finding_texts.c.tenant_id == bindparam("tenant"),
        finding_texts.c.finding_id == bindparam("ident"),
        finding_texts.c.text != bindparam("words"),
    )
    .values(text=bindparam("words"))
)
_NAMED = {
    "sqlite": text(
        "SELECT t.finding_id FROM (SELECT rowid AS number FROM finding_grams"
        " WHERE finding_grams MATCH :match LIMIT :most) AS g"
        " LEFT JOIN finding_texts t ON t.tenant_id = :tenant AND t.number = g.number"
    ),
    "postgresql": text(
        "SELECT finding_id FROM finding_texts"
        " WHERE finding_grams(tenant_id, text) @> :grams AND tenant_id = :tenant LIMIT :most"
    ),
}


def insert(connection: Connection, *, tenant: str, new: Iterable[Finding]) -> None:
    """Add the texts of findings; in the order of their numbers, as SQLite's index fills fastest."""
    connection.add(finding_texts, sorted(rows(tenant, new), key=itemgetter("number")))


def rows(tenant: str, new: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the whole rows of the texts of findings."""
    return [
        {
            "tenant_id": tenant,
            "finding_id": each.id,
            "number": number_of(each.id),
            "text": words(each),
        }
        for each in new
    ]


def update(connection: Connection, *, tenant: str, changed: Iterable[Finding]) -> None:
    """Write the texts of findings over what they are; the same text touches no index."""
    rows = [{"tenant": tenant, "ident": each.id, "words": words(each)} for each in changed]
    connection.many(_UPDATE, rows)


def words(finding: Finding) -> str:
    """Return what a finding is searched by."""
    resource = finding.resource
    return _SEPARATOR.join((finding.title, resource.name or "", resource.native_id)).lower()


def candidates(
    connection: Connection, dialect: str, *, tenant: str, wanted: Sequence[str]
) -> list[str] | None:
    """Return the ids of the findings whose text may have one of some texts; None when the index
    cannot narrow: one of them is shorter than three characters, too many have it, or looking takes
    longer than a page may."""
    found: set[str] = set()
    ends = time.monotonic() + SCAN_SECONDS
    for each in wanted:
        grams = _grams_of(each.lower())
        if not grams or time.monotonic() > ends:
            return None
        match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in grams)
        values = {"tenant": tenant, "match": match, "grams": [*grams, tenant], "most": MOST + 1}
        rows: list[Row] = connection.all(_NAMED[dialect], values)
        found |= {row[0] for row in rows if row[0] is not None}
        if len(rows) > MOST or len(found) > MOST:
            return None
    return sorted(found, reverse=True)


def _grams_of(wanted: str) -> list[str]:
    """Return a few runs of three characters, most of its end, where names differ most."""
    last = len(wanted) - _GRAM
    if last < 0:
        return []
    places = {max(last - step, 0) for step in (*range(_LAST), last // 2, last)}
    return sorted({wanted[place : place + _GRAM] for place in places})


def searched(name: str, description: str) -> Filter:
    """Return the filter that a finding's text has one of the values in it, letter case aside."""

    def condition(table: FromClause, values: Binds) -> ColumnElement[bool]:
        held = (finding_texts.c.text.contains(value, escape=ESCAPE) for value in values)
        return exists().where(
            finding_texts.c.tenant_id == table.c.tenant_id,
            finding_texts.c.finding_id == table.c.id,
            or_(*held),
        )

    def convert(value: str) -> str:
        return escaped(value.lower())

    return Filter(name, description, condition=condition, convert=convert, has_negation=False)


def searched_for(filters: Any) -> tuple[str, ...]:
    """Return the texts of which every finding that passes has one; nothing without a search."""
    found: tuple[str, ...] = filters.get("search") or filters.get("name") or ()
    return found
