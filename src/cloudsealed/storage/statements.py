"""Statements of SQLAlchemy Core, compiled once and run on the driver of a database.

It refuses to open, lend or end a connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement

if TYPE_CHECKING:
    import psycopg

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

NOTHING: Parameters = MappingProxyType({})


class Compiler:
    """Compiles a statement once, to text with named parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._compile = lru_cache(maxsize=2000)(self._compiled)
        self._dialect = dialect

    def __call__(self, statement: ClauseElement, given: Parameters) -> tuple[str, dict[str, Any]]:
        """Return a statement's text, and every value that it is run with."""
        text, defaults = self._compile(statement)
        return text, {**defaults, **given} if defaults else dict(given)

    def _compiled(self, statement: ClauseElement) -> tuple[str, dict[str, Any]]:
        compiled = statement.compile(dialect=self._dialect)
        constants = {k: v for k, v in compiled.params.items() if v is not None}
        return str(compiled), constants


@cache
def _insert(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in table.c.keys())  # noqa: SIM118 - columns, not names
    places = ", ".join("?" * len(table.c))
    return f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608 - our own names


@cache
def _copy(table: Table) -> bytes:
    names = ", ".join(f'"{name}"' for name in table.c.keys())  # noqa: SIM118 - columns, not names
    return f"COPY {table.name} ({names}) FROM STDIN".encode()


class SqliteConnection:
    """Runs statements on sqlite3; `writes` says that it is a transaction's."""

    def __init__(
        self, raw: sqlite3.Connection, compiler: Compiler, *, writes: bool = False
    ) -> None:
        self._raw = raw
        self._compiler = compiler
        self.writes = writes

    @property
    def raw(self) -> sqlite3.Connection:
        """The driver's connection."""
        return self._raw

    def all(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> list[Row]:
        """Return every row."""
        return self._raw.execute(*self._compiler(statement, parameters)).fetchall()

    def first(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._raw.execute(*self._compiler(statement, parameters)).fetchone()
        return row

    def run(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> int:
        """Run a statement; return how many rows it changed."""
        return self._raw.execute(*self._compiler(statement, parameters)).rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Parameters], /) -> None:
        """Run a statement once for each of `rows`."""
        if rows:
            text, defaults = self._compiler(statement, {})
            self._raw.executemany(text, [{**defaults, **row} for row in rows])

    def add(self, table: Table, rows: Sequence[Parameters], /) -> None:
        """Add rows, each with every column of their table."""
        if rows:
            self._raw.executemany(_insert(table), list(map(itemgetter(*table.c.keys()), rows)))

    def lock(self, name: str, *, shared: bool = False) -> None:
        """Do nothing: write transactions take turns."""

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        """Return the database's own plan of a statement."""
        text, values = self._compiler(statement, parameters)
        return self._raw.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()


class PostgresConnection:
    """Runs statements on psycopg; `writes` says that it is a transaction's."""

    def __init__(
        self, cursor: psycopg.Cursor[Row], compiler: Compiler, *, writes: bool = False
    ) -> None:
        self._cursor = cursor
        self._compiler = compiler
        self.writes = writes

    @property
    def raw(self) -> psycopg.Connection[Row]:
        """The driver's connection."""
        return self._cursor.connection

    def _execute(self, statement: ClauseElement, parameters: Parameters) -> psycopg.Cursor[Row]:
        text, values = self._compiler(statement, parameters)
        return self._cursor.execute(text.encode(), values)

    def all(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> list[Row]:
        """Return every row."""
        return self._execute(statement, parameters).fetchall()

    def first(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> Row | None:
        """Return the first row, or None."""
        return self._execute(statement, parameters).fetchone()

    def run(self, statement: ClauseElement, parameters: Parameters = NOTHING, /) -> int:
        """Run a statement; return how many rows it changed."""
        return self._execute(statement, parameters).rowcount

    def many(self, statement: ClauseElement, rows: Sequence[Parameters], /) -> None:
        """Run a statement once for each of `rows`."""
        text, defaults = self._compiler(statement, {})
        self._cursor.executemany(text.encode(), [{**defaults, **row} for row in rows])

    def add(self, table: Table, rows: Sequence[Parameters], /) -> None:
        """Add rows, each with every column of their table, by COPY."""
        if not rows:
            return
        with self._cursor.copy(_copy(table)) as copy:
            for row in map(itemgetter(*table.c.keys()), rows):
                copy.write_row(row)

    def lock(self, name: str, *, shared: bool = False) -> None:
        """Take an advisory lock until the transaction ends; who waits for one is served in order,
        so none who shares it goes before who does not."""
        kind = b"_shared" if shared else b""
        text = b"SELECT pg_advisory_xact_lock%b(hashtextextended(%%s, 0))" % kind
        self._cursor.execute(text, (name,))

    def explain(self, statement: ClauseElement, parameters: Parameters, /) -> list[Row]:
        """Return the database's own plan of a statement."""
        text, values = self._compiler(statement, parameters)
        return self._cursor.execute(f"EXPLAIN {text}".encode(), values).fetchall()
