"""Opens the file of an embedded database, which only its owner can read.

It says in words why a file cannot be opened; it knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.storage.private import private_file

_CACHED = 2048  # KiB a connection; more, or mapping the file, is no faster
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", f"cache_size=-{_CACHED}", "temp_store=MEMORY")


class DatabaseFileError(CloudSealedError):
    """The embedded database's file is damaged, or cannot be opened or written."""

    code = "database_file"
    status = 503


def open_file(path: Path, *, busy_seconds: float, query_only: bool) -> sqlite3.Connection:
    """Return a connection in autocommit, for use by any thread; makes the file if there is none.

    Raises DatabaseFileError. SQLite gives -wal and -shm the mode of the database's file.
    """
    with readable(path):
        private_file(path)
        raw = sqlite3.connect(
            path,
            timeout=busy_seconds,
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )
        try:
            for pragma in (*_PRAGMAS, *(("query_only=1",) if query_only else ())):
                raw.execute(f"PRAGMA {pragma}")
        except BaseException:
            raw.close()
            raise
    return raw


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise DatabaseFileError for a file that is no database, or cannot be opened."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatabaseFileError(f"{error.filename or path} cannot be opened: {reason}") from error
    except sqlite3.OperationalError as error:
        raise DatabaseFileError(f"{path} cannot be opened: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseFileError(
            f"{path} is damaged ({error}): keep a copy of it, and restore a backup"
        ) from error
