"""New SQLite databases with every table, copied from one that was migrated."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import migrate


@functools.cache
def migrated_file() -> bytes:
    """Return the bytes of a migrated, empty SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        migrate(settings)
        return settings.sqlite_path.read_bytes()


def with_tables(settings: Settings) -> None:
    """Make the database of `settings` a migrated one, a new SQLite file without a migration."""
    if settings.database_url or settings.sqlite_path.exists():
        migrate(settings)
    else:
        settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
        settings.sqlite_path.write_bytes(migrated_file())
