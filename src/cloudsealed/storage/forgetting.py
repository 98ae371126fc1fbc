"""Rows that nobody asks for any more, deleted in transactions that each end soon.

However many there are, another writer waits for AT_ONCE of them at most, and what was deleted stays
so when the process dies. It goes by the table's key and begins each time where it ended: a range
that begins where rows were deleted would have to step over all of them. It knows no table.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Delete, Select, Table, bindparam, delete, select, tuple_

from cloudsealed.storage.database import Database

AT_ONCE: Final = 1_000
"""Rows of a transaction."""


class _Statements(NamedTuple):
    first: Select[Any]
    following: Select[Any]
    drop: Delete


def forget(database: Database, table: Table, *, most: int, **scope: str) -> int:
    """Delete rows that have the values of `scope`, the first columns of their table's key, in its
    order and `most` at most; return how many. Fewer than `most` were all."""
    names, statements = _statements(table, tuple(scope))
    bound = {f"in_{name}": value for name, value in scope.items()}
    statement, after, gone = statements.first, dict[str, Any](), 0
    while gone < most:
        wanted = min(AT_ONCE, most - gone)
        with database.read() as connection:
            found = connection.all(statement, {**bound, **after, "most": wanted})
        if not found:
            break
        begins = {f"first_{name}": value for name, value in zip(names, found[0], strict=True)}
        ends = {f"last_{name}": value for name, value in zip(names, found[-1], strict=True)}
        with database.write() as connection:
            connection.run(statements.drop, {**bound, **begins, **ends})
        gone += len(found)
        if len(found) < wanted:
            break
        statement, after = statements.following, ends
    return gone


@cache
def _statements(table: Table, scope: tuple[str, ...]) -> tuple[list[str], _Statements]:
    """Return the rest of a table's key below `scope`, and what is run."""
    rest = [each for each in table.primary_key.columns if each.name not in scope]
    names = [each.name for each in rest]
    within = [table.c[name] == bindparam(f"in_{name}") for name in scope]
    key = tuple_(*rest)
    first, last = (tuple_(*(bindparam(f"{p}_{n}") for n in names)) for p in ("first", "last"))
    begin = select(*rest).where(*within).order_by(*rest).limit(bindparam("most"))
    return names, _Statements(
        begin, begin.where(key > last), delete(table).where(*within, key >= first, key <= last)
    )
