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
_MADE = (  # what a virtual table keeps is called after it, and made with it
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    " ORDER BY type = 'table' DESC, type = 'index' DESC, name"
)
_REVISION = (
    "SELECT 'INSERT INTO alembic_version VALUES (' || quote(version_num) || ')'"
    " FROM alembic_version"
)
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
    """Return the script of a new database that the migrations made: nothing is in its tables but
    the revision."""
    with closing(sqlite3.connect(path)) as raw:
        made = raw.execute(_MADE).fetchall()
        (revision,) = raw.execute(_REVISION).fetchone()
    virtual = tuple(f"{name}_" for _, name, sql in made if sql.startswith("CREATE VIRTUAL"))
    statements = [
        sql for kind, name, sql in made if kind != "table" or not name.startswith(virtual)
    ]
    statements.append(revision)
    return _HEAD.format(revisions()[-1]) + "".join(f"{each};\n" for each in statements)
