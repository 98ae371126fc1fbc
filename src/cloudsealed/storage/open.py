"""Opens the database that the settings name."""

from __future__ import annotations

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, PostgresDatabase, SqliteDatabase


def open_database(settings: Settings) -> Database:
    """Return PostgreSQL when a URL is set, else SQLite in the data folder."""
    if settings.database_url:
        return PostgresDatabase(settings.database_url)
    return SqliteDatabase(settings.sqlite_path)
