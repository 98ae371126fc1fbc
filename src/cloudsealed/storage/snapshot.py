"""Many reads of one moment. Refuses to write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from cloudsealed.storage.database import Connection, Database

_BEGIN = {
    "sqlite": text("BEGIN"),
    "postgresql": text("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
}
_END = text("ROLLBACK")


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Open a read whose statements, and those of reads within it, see the database as it is at the
    first of them. Nobody waits for it; what is deleted meanwhile takes up room until it ends.
    """
    with database.read() as connection:
        connection.run(_BEGIN[database.name])
        try:
            yield connection
        finally:
            connection.run(_END)
