"""A new embedded database, with all tables at once instead of migration by migration.

`migrations/new.sql` is what the migrations leave in a new file: `python tools/docs.py` derives it,
and a test runs both and compares. One of another revision than the last is passed over. Alembic
alone takes longer to import than an audit of a small account runs.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from cloudsealed.settings import Settings
from cloudsealed.storage.revision import revisions
from cloudsealed.storage.sqlite_file import open_file, readable

_WAIT_SECONDS = 600
_HEAD = "-- revision {}\n"


def make_tables(settings: Settings) -> None:
    """Make the tables of a database that has none. Raises what `storage.migrate` does.

    Safe as that is: it is one transaction, and where somebody was faster there is nothing to do.
    """
    tables = "" if settings.database_url else script()
    fits = tables.startswith(_HEAD.format(revisions()[-1]))
    if not (fits and _ran(settings.sqlite_path, tables)):
        from cloudsealed.storage.migrate import migrate

        migrate(settings)


def script() -> str:
    """Return the script that ships, with the revision that it is of."""
    return (files("cloudsealed.storage") / "migrations/new.sql").read_text("utf-8")


def _ran(path: Path, tables: str) -> bool:
    """Run a script in a transaction; False, with nothing done, where a table of it is there."""
    with (
        closing(open_file(path, busy_seconds=_WAIT_SECONDS, query_only=False)) as raw,
        readable(path),
    ):
        try:
            raw.executescript(f"BEGIN IMMEDIATE;\n{tables}COMMIT;")
        except sqlite3.OperationalError as error:
            if "already exists" in str(error):
                return False  # what is open ends with the connection
            raise
    return True


def script_of(path: Path) -> str:
    """Return the script of a new database that the migrations made."""
    with closing(sqlite3.connect(path)) as raw:
        statements = list(raw.iterdump())[1:-1]  # without the transaction's
    return _HEAD.format(revisions()[-1]) + "\n".join([*statements, ""])
