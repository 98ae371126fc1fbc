"""Which revision a database's schema is of, and whether this program can work with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Final

from sqlalchemy import Select, literal_column, select, table

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import metadata
from cloudsealed.storage.sqlite_file import readable

_REVISION: Select[Any] = select(literal_column("version_num")).select_from(table("alembic_version"))
_FIRST = "run `cloudsealed init`, or run `cloudsealed migrate` for one without a first admin"
OTHER_SHAPE: Final = (
    "The database has not the tables that its revision made ({}): a version from before the first"
    " release made them, or they were changed since; restore a backup, or begin with a new database"
)


class SchemaVersionError(CloudSealedError):
    """The database's schema is not the one that this program needs."""

    code = "schema_version"
    status = 503


def has_schema(settings: Settings) -> bool:
    """Say whether the database was ever migrated; looking makes none."""
    if not settings.database_url and not settings.sqlite_path.exists():
        return False
    with _read(settings) as connection:
        return _revision(connection) is not None


def require_current_schema(settings: Settings) -> None:
    """Raise SchemaVersionError unless the database is at this program's version."""
    if not settings.database_url and not settings.sqlite_path.exists():
        raise SchemaVersionError(f"There is no database at {settings.sqlite_path}: {_FIRST}")
    with _read(settings) as connection:
        fault = schema_fault(connection) or _other_tables(connection)
    if fault is not None:
        raise SchemaVersionError(fault)


def schema_fault(connection: Connection) -> str | None:
    """Return why this program cannot work with a database's schema, and what to do; None if it
    can."""
    found, known = _revision(connection), revisions()
    head = known[-1]
    if found is None:
        return f"The database has no tables: {_FIRST}"
    if found not in known:
        return (
            f"The database is at revision {found}, which this program does not know (it needs "
            f"{head}): install the newer version that made it, or restore a backup from before"
        )
    if found != head:
        return (
            f"The database is at revision {found}, this program needs {head}: stop serve and "
            "worker, back it up, then run `cloudsealed migrate`"
        )
    return None


def _other_tables(connection: Connection) -> str | None:
    """Return what is wrong with a database that has the right revision and other tables."""
    for each in metadata.sorted_tables:
        try:
            connection.all(select(*each.c).limit(0))
        except missing("UndefinedTable", "UndefinedColumn") as error:
            return OTHER_SHAPE.format(str(error).splitlines()[0])
    return None


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions that this program can migrate from, oldest first; the last is what it
    needs. A file of `migrations/versions` begins with the name of its revision."""
    names = (each.name for each in (files("cloudsealed.storage") / "migrations/versions").iterdir())
    return tuple(sorted(name.partition("_")[0] for name in names if name[0].isdigit()))


def _revision(connection: Connection) -> str | None:
    try:
        row = connection.first(_REVISION)
    except missing("UndefinedTable") as error:
        if isinstance(error, sqlite3.Error) and "no such table" not in str(error):
            raise
        return None
    return None if row is None else str(row[0])


def missing(*names: str) -> tuple[type[Exception], ...]:
    """Return what databases raise for what is not there, PostgreSQL's of these names: asked for,
    and its driver imported, once something did."""
    if find_spec("psycopg") is None:
        return (sqlite3.OperationalError,)
    import psycopg

    return sqlite3.OperationalError, *(getattr(psycopg.errors, name) for name in names)


@contextmanager
def _read(settings: Settings) -> Iterator[Connection]:
    database = open_database(settings)
    try:
        with readable(settings.sqlite_path), database.read() as connection:
            yield connection
    finally:
        database.close()
