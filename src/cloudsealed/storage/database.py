"""Connections to SQLite and PostgreSQL behind one small face.

Statements are SQLAlchemy Core, compiled once and run on the driver (sqlite3, psycopg 3), which
costs a third to a seventh of executing them through SQLAlchemy. It knows no table.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import psycopg
from sqlalchemy import ColumnElement, literal, select
from sqlalchemy.dialects.postgresql import psycopg as postgresql_dialect
from sqlalchemy.dialects.sqlite import pysqlite as sqlite_dialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.sqlite_file import open_file

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

NOTHING: Parameters = MappingProxyType({})
_BUSY_SECONDS = 30
_HANDLER_STEPS = 4000  # virtual machine steps between two looks at the clock


class ServiceUnavailableError(CloudSealedError):
    """The database or another service that this request needs does not answer now."""

    code = "service_unavailable"
    status = 503


class ReadDeadlineError(Exception):
    """A read on the event loop took longer than it may: run it again elsewhere."""


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

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        """Return the database's own plan of a statement."""


class Database(Protocol):
    """A database that nouns' stores read from and write to."""

    name: str

    def read(self, deadline: float | None = None) -> AbstractContextManager[Connection]:
        """Open a read: a context manager of a Connection; `deadline` in seconds."""

    def write(self) -> AbstractContextManager[Connection]:
        """Open a write transaction: a context manager of a Connection; commits unless it raises."""

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


class _Compiler:
    """Compiles a statement once, to text with named parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._compile = lru_cache(maxsize=2000)(self._compiled)
        self._dialect = dialect

    def __call__(self, statement: ClauseElement, given: Parameters) -> tuple[str, dict[str, Any]]:
        text, defaults = self._compile(statement)
        return text, {**defaults, **given} if defaults else dict(given)

    def _compiled(self, statement: ClauseElement) -> tuple[str, dict[str, Any]]:
        compiled = statement.compile(dialect=self._dialect)
        constants = {k: v for k, v in compiled.params.items() if v is not None}
        return str(compiled), constants


class _SqliteConnection:
    def __init__(self, raw: sqlite3.Connection, compiler: _Compiler) -> None:
        self._raw = raw
        self._compiler = compiler

    def all(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> list[Row]:
        return self._raw.execute(*self._compiler(statement, parameters)).fetchall()

    def first(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> Row | None:
        row: Row | None = self._raw.execute(*self._compiler(statement, parameters)).fetchone()
        return row

    def run(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> int:
        return self._raw.execute(*self._compiler(statement, parameters)).rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Parameters], /) -> None:
        if rows:
            text, defaults = self._compiler(statement, {})
            self._raw.executemany(text, [{**defaults, **row} for row in rows])

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        text, values = self._compiler(statement, parameters)
        return self._raw.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()


class SqliteDatabase:
    """The embedded store: WAL, one writer at a time, readers that never wait."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._compiler = _Compiler(sqlite_dialect.dialect(paramstyle="named"))
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def _connection(self, kind: str) -> sqlite3.Connection:
        raw: sqlite3.Connection | None = getattr(self._local, kind, None)
        if raw is None:
            raw = self._open(query_only=kind == "reader")
            setattr(self._local, kind, raw)
        return raw

    def _open(self, *, query_only: bool) -> sqlite3.Connection:
        raw = open_file(self.path, busy_seconds=_BUSY_SECONDS, query_only=query_only)
        with self._lock:
            self._opened.append(raw)
        return raw

    @contextmanager
    def read(self, deadline: float | None = None) -> Iterator[_SqliteConnection]:
        """Open a read; one longer than `deadline` seconds raises ReadDeadlineError."""
        raw = self._connection("reader")
        if deadline is None:
            yield _SqliteConnection(raw, self._compiler)
            return
        ends = time.monotonic() + deadline
        raw.set_progress_handler(lambda: time.monotonic() > ends, _HANDLER_STEPS)
        try:
            yield _SqliteConnection(raw, self._compiler)
        except sqlite3.OperationalError as error:
            if "interrupted" in str(error):
                raise ReadDeadlineError from error
            raise
        finally:
            raw.set_progress_handler(None, 0)

    @contextmanager
    def write(self) -> Iterator[_SqliteConnection]:
        """Open a write transaction; it takes the write lock at once, so it never fails half way."""
        raw = self._connection("writer")
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise ServiceUnavailableError("The database is busy; try again") from error
        try:
            yield _SqliteConnection(raw, self._compiler)
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for raw in self._opened:
                raw.close()
            self._opened.clear()
        self._local = threading.local()


class _PostgresConnection:
    def __init__(self, cursor: psycopg.Cursor[Row], compiler: _Compiler) -> None:
        self._cursor = cursor
        self._compiler = compiler

    def _execute(self, statement: ClauseElement, parameters: Parameters) -> psycopg.Cursor[Row]:
        text, values = self._compiler(statement, parameters)
        return self._cursor.execute(text.encode(), values)

    def all(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> list[Row]:
        return self._execute(statement, parameters).fetchall()

    def first(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> Row | None:
        return self._execute(statement, parameters).fetchone()

    def run(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> int:
        return self._execute(statement, parameters).rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Parameters], /) -> None:
        text, defaults = self._compiler(statement, {})
        self._cursor.executemany(text.encode(), [{**defaults, **row} for row in rows])

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        text, values = self._compiler(statement, parameters)
        return self._cursor.execute(f"EXPLAIN {text}".encode(), values).fetchall()


@contextmanager
def _answering() -> Iterator[None]:
    """Raise ServiceUnavailableError for a server out of reach or a connection that it dropped."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise ServiceUnavailableError("The database does not answer") from error


class PostgresDatabase:
    """The cluster's store: one connection a thread, opened again when the server dropped it."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = threading.local()
        self._compiler = _Compiler(postgresql_dialect.dialect())  # type: ignore[no-untyped-call]  # untyped
        self._opened: list[psycopg.Connection[Row]] = []
        self._lock = threading.Lock()

    def _connection(self) -> psycopg.Connection[Row]:
        raw: psycopg.Connection[Row] | None = getattr(self._local, "raw", None)
        if raw is None or raw.closed or raw.broken:
            # A generic plan may walk the wrong index; planning each time keeps keyset flat.
            raw = psycopg.connect(
                self._url, autocommit=True, options="-c plan_cache_mode=force_custom_plan"
            )
            self._local.raw = raw
            with self._lock:
                self._opened.append(raw)
        return raw

    @contextmanager
    def read(self, deadline: float | None = None) -> Iterator[_PostgresConnection]:
        """Open a read; the server's own statement timeout is its deadline."""
        with _answering(), self._connection().cursor() as cursor:
            yield _PostgresConnection(cursor, self._compiler)

    @contextmanager
    def write(self) -> Iterator[_PostgresConnection]:
        """Open a write transaction."""
        with _answering():
            raw = self._connection()
            with raw.transaction(), raw.cursor() as cursor:
                yield _PostgresConnection(cursor, self._compiler)

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for raw in self._opened:
                raw.close()
            self._opened.clear()
        self._local = threading.local()
