"""The newest audit that settled each cell, which findings follow. Only SQL.

A cell is policy x account x region. Whoever reconciles one begins it, which gives it a new version,
and settles it if nobody else has begun or unfollowed it since.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, and_, bindparam, case, select, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from cloudsealed.findings.model import Follows, Moment
from cloudsealed.storage.database import Connection
from cloudsealed.storage.schema import cell_heads as heads
from cloudsealed.vocabulary import Outcome

_NEVER = Moment("", "")
_PLACE = ("policy_id", "account", "region")
_ADDED = postgresql_insert(heads)  # SQLite reads the same words
_BEGIN = _ADDED.on_conflict_do_update(
    index_elements=list(heads.primary_key), set_={"version": heads.c.version + 1}
)
_THIS = and_(
    heads.c.tenant_id == bindparam("tenant"),
    *(heads.c[name] == bindparam(f"of_{name}") for name in _PLACE),
)
_HEAD = select(heads.c.observed_at, heads.c.audit_id, heads.c.version).where(_THIS)
_SETTLE = (
    heads.update()
    .where(_THIS)
    .values(
        observed_at=bindparam("moment"), audit_id=bindparam("audit"), version=heads.c.version + 1
    )
)


class Cell(NamedTuple):
    """What a policy says in one place."""

    policy_id: str
    account: str
    region: str


def settled(table: FromClause) -> ColumnElement[Any]:
    """Return the moment of the newest audit that settled the cell of a finding of `table`, as its
    time and its audit; null if none did."""
    return (
        select(heads.c.observed_at + " " + heads.c.audit_id)
        .where(heads.c.tenant_id == table.c.tenant_id, *_is_of(table), heads.c.observed_at > "")
        .scalar_subquery()
    )


def moved(table: FromClause) -> ColumnElement[Any]:
    """Return what `settled` does where a finding that failed follows it past its row, else null."""
    follows = and_(
        table.c.follows == int(Follows.SEEN), table.c.last_observation == Outcome.FAIL.value
    )
    newer = tuple_(heads.c.observed_at, heads.c.audit_id) > tuple_(
        table.c.last_seen_at, table.c.audit_id
    )
    found = (
        select(heads.c.observed_at + " " + heads.c.audit_id)
        .where(heads.c.tenant_id == table.c.tenant_id, *_is_of(table), newer)
        .scalar_subquery()
    )
    return case((follows, found), else_=None)


def _is_of(table: FromClause) -> list[ColumnElement[bool]]:
    return [heads.c[name] == table.c[name] for name in _PLACE]


def begin(connection: Connection, *, tenant: str, cell: Cell) -> int:
    """Give a cell a new version, and return it; in the account's lane."""
    place = dict(zip(_PLACE, cell, strict=True))
    connection.run(
        _BEGIN, {"tenant_id": tenant, **place, "observed_at": "", "audit_id": "", "version": 1}
    )
    return head(connection, tenant=tenant, cell=cell)[1]


def head(connection: Connection, *, tenant: str, cell: Cell) -> tuple[Moment, int]:
    """Return the moment of the newest audit that settled a cell, and the cell's version."""
    row = connection.first(_HEAD, _bound(tenant, cell))
    return (Moment(row[0], row[1]), row[2]) if row else (_NEVER, 0)


def settle(
    connection: Connection, *, tenant: str, cell: Cell, moment: Moment, version: int, horizon: str
) -> bool:
    """Let the findings of a cell follow an audit of `moment`, unless the cell has another version
    by now; in the account's lane. A head that is dated after `horizon` came of a clock that ran
    ahead, and gives way."""
    current, now = head(connection, tenant=tenant, cell=cell)
    if now != version:
        return False
    newest = current if moment < current and current.at <= horizon else moment
    named = {"moment": newest.at, "audit": newest.audit_id}
    connection.run(_SETTLE, {**_bound(tenant, cell), **named})
    return True


def _bound(tenant: str, cell: Cell) -> dict[str, Any]:
    return {"tenant": tenant, **{f"of_{n}": v for n, v in zip(_PLACE, cell, strict=True)}}
