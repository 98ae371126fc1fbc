"""Brings a database's schema to the version that this program needs, by Alembic."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from cloudsealed.settings import Settings
from cloudsealed.storage.database import ServiceUnavailableError
from cloudsealed.storage.extra import need
from cloudsealed.storage.private import private_file
from cloudsealed.storage.revision import OTHER_SHAPE, SchemaVersionError, missing
from cloudsealed.storage.schema import metadata
from cloudsealed.storage.sqlite_file import readable

_SCRIPTS = str(files("cloudsealed.storage") / "migrations")
_WAIT_SECONDS = 600
_SHAPES = (
    "UndefinedTable",
    "UndefinedColumn",
    "UndefinedObject",
    "DuplicateTable",
    "DuplicateColumn",
    "DuplicateObject",
)


def engine_for(settings: Settings) -> Engine:
    """Return an SQLAlchemy engine for schemas and archives; the rest is `storage.database`'s."""
    if settings.database_url:
        need("psycopg", "PostgreSQL")
        url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return create_engine(url, poolclass=NullPool)
    with readable(settings.sqlite_path):
        private_file(settings.sqlite_path)
    return create_engine(
        f"sqlite:///{settings.sqlite_path}",
        poolclass=NullPool,
        connect_args={"timeout": _WAIT_SECONDS},
    )


def alembic_config(engine: Engine) -> Config:
    """Return Alembic's configuration for `engine`."""
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["engine"] = engine
    return config


def migrate(settings: Settings, revision: str = "head") -> None:
    """Run every migration that the database lacks, in one transaction and under a lock.

    Safe to run twice, by two processes, and again after it was killed. Raises SchemaVersionError
    when the database is of a newer program.
    """
    engine = engine_for(settings)
    try:
        with _in_words(settings):
            command.upgrade(alembic_config(engine), revision)
    finally:
        engine.dispose()


def _is_table_of_schema(name: str | None, _kind: str, _parents: Any) -> bool:
    return not (name or "").startswith("finding_grams")


COMPARED: Mapping[str, Any] = MappingProxyType({"include_name": _is_table_of_schema})
"""How a database is compared with the schema: without the index of texts, which no schema says."""


def require_same_tables(settings: Settings) -> None:
    """Raise SchemaVersionError, with what differs, unless a migrated database has the tables that
    the migrations make."""
    if found := differences(settings):
        raise SchemaVersionError(OTHER_SHAPE.format("; ".join(found)))


def differences(settings: Settings) -> list[str]:
    """Return how a database differs from what the migrations make, each in a few words.

    Tables and indexes that are not ours, or were added, are no difference.
    """
    engine = engine_for(settings)
    try:
        with _in_words(settings), engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=dict(COMPARED))
            found = compare_metadata(context, metadata)
    finally:
        engine.dispose()
    steps = (step for each in found for step in (each if isinstance(each, list) else [each]))
    return [said for step in steps if (said := _difference(*step))]


def _difference(kind: str, *about: Any) -> str | None:
    """Return the words for a step that Alembic would take to make a database like the schema."""
    what = about[-1]
    match kind:
        case "add_table":
            return f"the table {what.name} is missing"
        case "add_index" | "add_constraint":
            return f"{what.name} on {what.table.name} is missing"
        case "add_column":
            return f"the column {about[1]}.{what.name} is missing"
        case "remove_column":
            return f"the column {about[1]}.{what.name} is not in the schema"
        case "modify_type":
            return f"the column {about[1]}.{about[2]} is {about[-2]}, not {what}"
        case "modify_nullable":
            return f"the column {about[1]}.{about[2]} may {'not ' if what else ''}be null"
    return None


def _is_other_shape(error: BaseException | None) -> bool:
    """Say whether a statement of a migration failed by tables that are not as they should be."""
    code = getattr(error, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_ERROR or isinstance(error, missing(*_SHAPES)[1:])


@contextmanager
def _in_words(settings: Settings) -> Iterator[None]:
    """Raise what happens to a migration as an error of ours."""
    try:
        yield
    except CommandError as error:
        raise SchemaVersionError(
            f"{error}: a newer version of this program made the database; install that one"
        ) from error
    except DBAPIError as error:
        if _is_other_shape(error.orig):
            raise SchemaVersionError(OTHER_SHAPE.format(error.orig)) from error
        if settings.database_url:
            raise ServiceUnavailableError(f"The database does not answer: {error.orig}") from error
        with readable(settings.sqlite_path):
            raise error.orig or error from error
