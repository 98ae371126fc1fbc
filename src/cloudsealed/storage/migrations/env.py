"""Alembic's entry: runs migrations under a lock, so that one process at a time changes the schema."""

from alembic import context
from sqlalchemy import Engine, text

from cloudsealed.storage.schema import metadata

_LOCK = 0x636C6F7564  # "cloud": PostgreSQL advisory lock of CloudSealed's migrations


def run() -> None:
    """Run what the database lacks, in one transaction."""
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA journal_mode=WAL"))
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        context.run_migrations()
        connection.commit()


run()
