"""Databases behind one small face, and the embedded one; PostgreSQL is in `storage.postgres`.

Statements are SQLAlchemy Core, compiled once and run on the driver (sqlite3, psycopg 3), which
costs a third to a seventh of executing them through SQLAlchemy. It knows no table.

Blocks nest: a read within a block goes on with that block's connection, and so sees what a write
has not yet committed. A write within a read is a transaction of its own, of which that read sees
what it wrote. A write within a write is refused, but in a unit, where writes are parts of one
transaction (`storage.unit`).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Table, literal, select
from sqlalchemy.dialects.sqlite import pysqlite as sqlite_dialect
from sqlalchemy.sql import ClauseElement

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.threads import OverdueError
from cloudsealed.storage.pool import NoneFreeError, Pool, Use
from cloudsealed.storage.sqlite_file import DatabaseFileError, open_file
from cloudsealed.storage.statements import Compiler, SqliteConnection
from cloudsealed.storage.statements import Parameters as Parameters
from cloudsealed.storage.statements import Row as Row
from cloudsealed.storage.unit import Transactions

T = TypeVar("T")

CONNECTIONS = 10
_BUSY_SECONDS = 30
_HANDLER_STEPS = 4000  # virtual machine steps between two looks at the clock


class ServiceUnavailableError(CloudSealedError):
    """The database or another service that this request needs does not answer now, or as many
    requests of its kind are at work as may be; then `Retry-After` says when to ask again."""

    code = "service_unavailable"
    status = 503
    remedy = (
        "Wait as `Retry-After` says, then send it again; `/readyz` names the part that is at fault."
    )


class ReadDeadlineError(OverdueError):
    """A read took longer than it may: run it again elsewhere."""


class Connection(Protocol):
    """One transaction."""

    def all(self, statement: ClauseElement, parameters: Parameters = ..., /) -> list[Row]:
        """Return every row."""

    def first(self, statement: ClauseElement, parameters: Parameters = ..., /) -> Row | None:
        """Return the first row, or None."""

    def run(self, statement: ClauseElement, parameters: Parameters = ..., /) -> int:
        """Run a statement; return how many rows it changed."""

    def many(self, statement: ClauseElement, rows: Sequence[Parameters], /) -> None:
        """Run a statement once for each of `rows`."""

    def add(self, table: Table, rows: Sequence[Parameters], /) -> None:
        """Add rows, each with every column of their table, as fast as the database takes them."""

    def lock(self, name: str, *, shared: bool = False) -> None:
        """Wait for every other transaction that locked a name, or that did not share it, and hold
        it until this one ends; nothing where write transactions take turns."""

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        """Return the database's own plan of a statement."""


class Database(Protocol):
    """A database that nouns' stores read from and write to."""

    name: str

    def read(self, deadline: float | None = None) -> AbstractContextManager[Connection]:
        """Open a read: a context manager of a Connection; `deadline` in seconds."""

    def hurried(self, deadline: float | None) -> AbstractContextManager[None]:
        """Give every read of this thread within the block a `deadline`, in seconds."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a write transaction: a context manager of a Connection; commits unless it raises.

        Within a unit it is a part of the unit's transaction, undone alone when it raises.
        """

    def unit(self, begins: Callable[[Any], None] | None = None) -> AbstractContextManager[None]:
        """Make what this thread writes within the block one transaction, which its first write
        opens with `begins`, a function of a Connection; commits unless the block raises."""

    def after(self, act: Callable[[], object]) -> None:
        """Do something once this thread's unit is committed; at once where there is none."""

    def pool_status(self) -> dict[str, int]:
        """Return how many connections of this process are `in_use`, and their `limit`."""

    def close(self) -> None:
        """Close this database's connections."""


def ping(connection: Connection) -> None:
    """Ask the database for nothing, to see that it answers."""
    connection.first(select(literal(1)))


def one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of some constants."""
    return column.in_([literal(str(value)) for value in values])


def none_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a column has none of some constants."""
    return column.not_in([literal(str(value)) for value in values])


def status_of(*pools: Pool[Any]) -> dict[str, int]:
    """Return how many connections of pools are `in_use`, and their `limit`."""
    return {"in_use": sum(pool.in_use for pool in pools), "limit": sum(pool.size for pool in pools)}


def taken(pool: Pool[T], deadline: float | None = None, *, writes: bool = False) -> T:
    """Take a connection; the wait for it counts to the deadline of a read."""
    try:
        if deadline is not None:
            return pool.take(deadline, Use.LOOK)
        return pool.take(_BUSY_SECONDS, Use.WRITE if writes else Use.READ)
    except NoneFreeError as error:
        if deadline is not None:
            raise ReadDeadlineError from error
        raise ServiceUnavailableError("The database is busy; try again") from error


_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "The disk is full: nothing can be written until there is room",
    sqlite3.SQLITE_IOERR: "The disk does not take what is written to it; is it full?",
    sqlite3.SQLITE_BUSY: "The database is busy; try again",
    sqlite3.SQLITE_LOCKED: "The database is busy; try again",
    sqlite3.SQLITE_PROTOCOL: "The database is busy; try again",
    sqlite3.SQLITE_CANTOPEN: "The database's file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "The database's file is damaged: restore a backup",
    sqlite3.SQLITE_NOTADB: "The database's file is no database: restore a backup",
}
"""What is no fault of the request, by SQLite's primary result code."""


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error that is Python's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _readable() -> Iterator[None]:
    """Raise ServiceUnavailableError, with the reason, when the file or its disk is at fault."""
    try:
        yield
    except sqlite3.Error as error:
        reason = _UNAVAILABLE.get(_code(error))
        if reason is None:
            raise
        raise ServiceUnavailableError(reason) from error


class SqliteDatabase(Transactions[SqliteConnection]):
    """The embedded store: WAL, one writer at a time, readers that never wait for it.

    A process has at most `connections` readers and one writer.
    """

    name = "sqlite"

    def __init__(self, path: Path, *, connections: int = CONNECTIONS) -> None:
        super().__init__()
        self.path = path
        self._compiler = Compiler(sqlite_dialect.dialect(paramstyle="named"))
        self._readers = self._pool(connections, query_only=True)
        self._writer = self._pool(1, query_only=False)

    def _pool(self, size: int, *, query_only: bool) -> Pool[sqlite3.Connection]:
        return Pool(
            lambda: self._open(query_only=query_only),
            sqlite3.Connection.close,
            size=size,
            usable=lambda raw: not raw.in_transaction,
        )

    def _open(self, *, query_only: bool) -> sqlite3.Connection:
        try:
            return open_file(self.path, busy_seconds=_BUSY_SECONDS, query_only=query_only)
        except DatabaseFileError as error:
            raise ServiceUnavailableError(error.message) from error

    @contextmanager
    def read(self, deadline: float | None = None) -> Iterator[SqliteConnection]:
        """Open a read; one longer than `deadline` seconds raises ReadDeadlineError."""
        blocks = self._in_hand.blocks
        if blocks:
            yield blocks[-1]
            return
        deadline = self._in_hand.deadline if deadline is None else deadline
        ends = None if deadline is None else time.monotonic() + deadline
        with _readable():
            raw = taken(self._readers, deadline)
            connection = SqliteConnection(raw, self._compiler)
            blocks.append(connection)
            try:
                with _ending(raw, ends):
                    yield connection
            finally:
                blocks.remove(connection)
                self._readers.give_back(raw)

    @contextmanager
    def _transaction(self) -> Iterator[SqliteConnection]:
        """Open a write transaction; it takes the write lock at once, so it never fails half way."""
        blocks = self._in_hand.blocks
        with _readable():
            raw = taken(self._writer, writes=True)
            try:
                connection = SqliteConnection(raw, self._compiler, writes=True)
                raw.execute("BEGIN IMMEDIATE")
                blocks.append(connection)
                try:
                    yield connection
                finally:
                    blocks.remove(connection)
                raw.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first error counts; one left open is closed
                    if raw.in_transaction:
                        raw.execute("ROLLBACK")
                raise
            finally:
                self._writer.give_back(raw)

    @contextmanager
    def _step(self, connection: SqliteConnection) -> Iterator[None]:
        raw = connection.raw
        if not raw.in_transaction:  # a full disk may have ended it
            raise ServiceUnavailableError("The database undid what was written; try again")
        with _readable():
            raw.execute("SAVEPOINT step")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
                    if raw.in_transaction:
                        raw.execute("ROLLBACK TO step")
                raise
            finally:
                if raw.in_transaction:
                    raw.execute("RELEASE step")

    def pool_status(self) -> dict[str, int]:
        """Return how many connections are `in_use`, and their `limit`: readers and the writer."""
        return status_of(self._readers, self._writer)

    def close(self) -> None:
        """Close every connection; one in use when its block ends."""
        self._readers.close()
        self._writer.close()


@contextmanager
def _ending(raw: sqlite3.Connection, ends: float | None) -> Iterator[None]:
    """Interrupt what runs at `ends`, a moment of the monotonic clock, with ReadDeadlineError."""
    if ends is None:
        yield
        return
    raw.set_progress_handler(lambda: time.monotonic() > ends, _HANDLER_STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) == sqlite3.SQLITE_INTERRUPT:
            raise ReadDeadlineError from error
        raise
    finally:
        raw.set_progress_handler(None, 0)
