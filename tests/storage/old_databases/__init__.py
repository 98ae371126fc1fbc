"""Databases of older programs, as they were: what an upgrade has to take over."""

from __future__ import annotations

import lzma
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg import sql

from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import migrate

HERE = Path(__file__).parent


def load(name: str, settings: Settings) -> None:
    """Put the database of revision `name` and its key file where `settings` say, as they were."""
    shutil.copyfile(HERE / f"{name}.keys.json", settings.key_path)
    settings.key_path.chmod(0o600)
    with closing(dumped(name, settings.sqlite_path)) as old:
        if settings.database_url:
            migrate(settings, name)
            _copy(old, settings.database_url)
    if settings.database_url:
        settings.sqlite_path.unlink()


def dumped(name: str, path: Path) -> sqlite3.Connection:
    """Return a SQLite database at `path` with what the dump holds."""
    made = sqlite3.connect(path)
    made.executescript(lzma.decompress((HERE / f"{name}.sql.xz").read_bytes()).decode())
    return made


def _copy(old: sqlite3.Connection, url: str) -> None:
    tables = [row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    with psycopg.connect(url) as new, new.cursor() as cursor:
        for table in tables:
            if table == "alembic_version":
                continue
            rows = old.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
            )
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
