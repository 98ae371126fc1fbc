"""Brings a database's schema to the version that this program needs, by Alembic."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, NullPool, create_engine

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings


class SchemaVersionError(CloudSealedError):
    """The database's schema is not the one that this program needs."""

    code = "schema_version"
    status = 503


def engine_for(settings: Settings) -> Engine:
    """Return an SQLAlchemy engine for schema work; rows are read and written elsewhere."""
    if settings.database_url:
        url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    else:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        url = f"sqlite:///{settings.sqlite_path}"
    return create_engine(url, poolclass=NullPool)


def alembic_config(engine: Engine) -> Config:
    """Return Alembic's configuration for `engine`."""
    config = Config()
    config.set_main_option("script_location", str(files("cloudsealed.storage") / "migrations"))
    config.attributes["engine"] = engine
    return config


def migrate(settings: Settings) -> None:
    """Run every migration that the database lacks; safe to run twice and by two processes."""
    engine = engine_for(settings)
    command.upgrade(alembic_config(engine), "head")
    engine.dispose()


def has_schema(settings: Settings) -> bool:
    """Say whether the database was ever migrated."""
    engine = engine_for(settings)
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return found is not None


def require_current_schema(settings: Settings) -> None:
    """Raise SchemaVersionError unless the database is at this program's version."""
    engine = engine_for(settings)
    head = ScriptDirectory.from_config(alembic_config(engine)).get_current_head()
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    if found != head:
        raise SchemaVersionError(
            f"The database has schema {found or 'none'}, this program needs {head}:"
            " run `cloudsealed migrate`"
        )
