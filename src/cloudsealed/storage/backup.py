"""A backup: database, blobs and key file, as they were at one moment, in a new folder."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings


class BackupError(CloudSealedError):
    """The backup cannot be made where or as it was asked for."""

    code = "backup_failed"
    status = 500


def back_up(settings: Settings, target: Path) -> list[Path]:
    """Copy an embedded installation to `target`, while it runs; return what was written.

    The database is copied by SQLite's backup API, so that writers go on; blobs are immutable, and
    are copied after it, so that every one that the copy names is there. `target` must be new.
    """
    if settings.database_url:
        raise BackupError(
            "The database is PostgreSQL: back it up with pg_dump, beside the blobs and the key file"
        )
    if target.exists() and any(target.iterdir()):
        raise BackupError(f"{target} is not empty: name a new folder")
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    database, keys, blobs = target / "cloudsealed.db", target / "keys.json", target / "blobs"
    with sqlite3.connect(settings.sqlite_path) as source, sqlite3.connect(database) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    shutil.copy2(settings.key_path, keys)  # keeps mode 0600
    if settings.blob_dir.exists():
        shutil.copytree(settings.blob_dir, blobs)
    return [path for path in (database, keys, blobs) if path.exists()]
