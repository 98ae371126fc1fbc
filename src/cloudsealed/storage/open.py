"""Opens the database that the settings name, and sees that it allows what they ask of it."""

from __future__ import annotations

from sqlalchemy import text

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.extra import need

_ALLOWED = text("""
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0)
""")


class ConnectionBudgetError(CloudSealedError):
    """PostgreSQL allows fewer connections than the processes of a `serve` may open."""

    code = "connection_budget"
    status = 500


def open_database(settings: Settings) -> Database:
    """Return PostgreSQL when a URL is set, else SQLite in the data folder; raises
    MissingExtraError."""
    connections = settings.database_connections
    if not settings.database_url:
        return SqliteDatabase(settings.sqlite_path, connections=connections)
    need("psycopg", "PostgreSQL")
    from cloudsealed.storage.postgres import PostgresDatabase  # which is slow to import

    return PostgresDatabase(
        settings.database_url,
        connections=connections,
        statement_seconds=settings.database_statement_seconds,
    )


def require_connections(database: Database, *, connections: int, processes: int) -> None:
    """Raise ConnectionBudgetError unless PostgreSQL allows every process its connections."""
    if database.name != "postgresql":
        return
    with database.read() as connection:
        row = connection.first(_ALLOWED)
    allowed, needed = int(row[0]) if row else 0, connections * processes
    if needed > allowed:
        raise ConnectionBudgetError(
            f"{processes} processes of CLOUDSEALED_DATABASE_CONNECTIONS={connections} may open"
            f" {needed} connections, and PostgreSQL allows {allowed}: raise its max_connections,"
            f" or lower the setting to {max(1, allowed // processes)}"
        )
