"""What an audit said of the findings that failed in it, kept as it was said: its pinned list.

A line of the list is a Pin, or, of an audit from before there were any, the finding's id alone: of
that the finding as it stands is shown. It writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import orjson
from sqlalchemy import BigInteger, Select, Subquery, Text, bindparam, column, func, select, values

from cloudsealed.findings.codec import whole
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.keyset import Listing, Residual, counted
from cloudsealed.storage.schema import findings
from cloudsealed.vocabulary import FindingStatus, Outcome, Severity

Pin: TypeAlias = tuple[str, int, int, Mapping[str, Any] | None, bool, str | None]
"""Id, rank of the severity, rank of the base severity, the classification that changed them,
whether it was suppressed, by that or by yielding, and the id of the finding that it yields to."""
Line: TypeAlias = str | Pin
_PINNED = ("severity", "status")
_SIZES = (10, 100, 250, 1_000)


def ident_of(line: Line) -> str:
    """Return the id of the finding that a line is of."""
    return line if isinstance(line, str) else line[0]


def bound(lines: Sequence[Line], size: int) -> dict[str, Any]:
    """Return the parameters by which `pinned_table` of so many lines holds these."""
    found: dict[str, Any] = {}
    for index in range(size):
        line = lines[index] if index < len(lines) else ""
        said = (None, None) if isinstance(line, str) else (line[1], _status(line))
        found |= {f"pin_id_{index}": ident_of(line), f"pin_severity_{index}": said[0]}
        found[f"pin_status_{index}"] = said[1]
    return found


@lru_cache(maxsize=8)
def pinned_table(size: int) -> Subquery:
    """Return the findings of so many lines, with every column of a finding's row, those that an
    audit speaks of as it said them."""
    lines = (
        values(
            column("id", Text), column("severity", BigInteger), column("status", Text), name="lines"
        )
        .data(
            [
                (
                    bindparam(f"pin_id_{index}", type_=Text),
                    bindparam(f"pin_severity_{index}", type_=BigInteger),
                    bindparam(f"pin_status_{index}", type_=Text),
                )
                for index in range(size)
            ]
        )
        .cte("pinned")
    )
    own = [each for each in findings.c if each.name not in _PINNED]
    said = [func.coalesce(lines.c[n], findings.c[n]).label(n) for n in _PINNED]
    return (
        select(*own, *said)
        .join_from(lines, findings, findings.c.id == lines.c.id)
        .where(findings.c.tenant_id == bindparam("tenant"))
        .subquery("shown")
    )


def as_of(doc: bytes, line: Line) -> bytes:
    """Return a finding's own part of its public JSON as the audit of a line said it."""
    if isinstance(line, str):
        return doc
    _id, severity, base, classified_by, _suppressed, yields_to = line
    names = list(Severity)
    return orjson.dumps(
        {
            **orjson.loads(whole(doc)),
            "status": _status(line),
            "severity": names[severity],
            "base_severity": names[base],
            "classified_by": classified_by,
            "resolution": None,
            "last_observation": Outcome.FAIL,
            "resolved_at": None,
            "yields_to": yields_to,
        }
    )


def _status(line: Pin) -> str:
    return FindingStatus.SUPPRESSED if line[4] else FindingStatus.OPEN


def pinned_rows(
    connection: Connection,
    listing: Listing,
    tenant: str,
    lines: Sequence[Line],
    residual: Mapping[str, tuple[str, ...]],
) -> list[Row]:
    """Return (id, id, *columns of the listing) of the findings of some lines that pass, by
    descending id, each as the audit of its line said it."""
    size = next((size for size in _SIZES if len(lines) <= size), len(lines))
    values = {"tenant": tenant, **listing.values(residual), **bound(lines, size)}
    rows = connection.all(_statement(listing, size, counted(residual)), values)
    if "doc" not in listing.columns:
        return rows
    said = {ident_of(line): line for line in lines}
    return [(*row[:2], as_of(bytes(row[2]), said[row[0]]), *row[3:]) for row in rows]


@lru_cache(maxsize=256)
def _statement(listing: Listing, size: int, residual: Residual) -> Select[Any]:
    table = pinned_table(size)
    columns = (table.c.id, table.c.id.label("sort_value"), *listing.shown(table))
    passing = listing.conditions(table, residual)
    return (
        select(*columns)
        .where(table.c.tenant_id == bindparam("tenant"), *passing)
        .order_by(table.c.id.desc())
    )
