"""A backup: database, blobs and key file, as they were at one moment, in a new folder."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.blobs import BlobNotFoundError, open_blobs
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.private import data_folder, private_file
from cloudsealed.storage.revision import has_schema
from cloudsealed.storage.sqlite_file import DatabaseFileError, readable


class BackupError(CloudSealedError):
    """The backup cannot be made or restored where or as it was asked for."""

    code = "backup_failed"
    status = 500


def back_up(settings: Settings, target: Path) -> list[Path]:
    """Copy an embedded installation to `target`, while it runs; return what was written.

    The database is copied by SQLite's backup API, so that writers go on; blobs are immutable, and
    are copied after it, so that every one that the copy names is there. `target` must be new, and
    nothing is copied that could not be restored: raises what `restore` does.
    """
    _refuse_postgresql(settings)
    if target.exists() and any(target.iterdir()):
        raise BackupError(f"{target} is not empty: name a new folder")
    check_whole(settings)
    return _copy(settings, Settings(data_dir=target))


def restore(folder: Path, settings: Settings) -> list[Path]:
    """Put a backup where the settings say that the installation is; return what was written.

    Nothing is written over, and nothing is left of a backup that is damaged or whose key file is
    another database's. Raises BackupError, KeyFileError, DatabaseFileError, ForeignKeyFileError.
    """
    _refuse_postgresql(settings)
    for path in (settings.sqlite_path, settings.key_path, settings.blob_dir):
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise BackupError(f"{path} is there already: move it away, or name another folder")
    if settings.has_object_store and any(True for _ in open_blobs(settings).names()):
        raise BackupError(f"{settings.blob_url} is not empty: name another place")
    try:
        written = _copy(Settings(data_dir=folder), settings)
        check_whole(settings)
    except BaseException:
        _remove(settings)
        raise
    return written


def check_whole(settings: Settings) -> None:
    """Read every page of a database, and see that the key file is its own.

    Raises KeyFileError, DatabaseFileError and ForeignKeyFileError.
    """
    path = settings.sqlite_path
    if not path.is_file() or path.stat().st_size == 0 or not has_schema(settings):
        raise DatabaseFileError(f"{path} holds no database")
    with readable(path), closing(sqlite3.connect(path)) as raw:
        [found, *_] = raw.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise DatabaseFileError(f"{path} is damaged: {' '.join(found.split())}")
    require_own_keys(settings)


def _remove(settings: Settings) -> None:
    database = settings.sqlite_path
    beside = (database.with_name(f"{database.name}{suffix}") for suffix in ("-wal", "-shm"))
    for path in (database, *beside, settings.key_path):
        path.unlink(missing_ok=True)
    blobs = open_blobs(settings)
    for name in list(blobs.names()):
        blobs.delete(name)
    shutil.rmtree(settings.blob_dir, ignore_errors=True)


def _refuse_postgresql(settings: Settings) -> None:
    if settings.database_url:
        raise BackupError(
            "The database is PostgreSQL: use pg_dump and pg_restore, beside the blobs and the key"
            " file"
        )


def _copy(source: Settings, target: Settings) -> list[Path]:
    if not source.sqlite_path.is_file() or source.sqlite_path.stat().st_size == 0:
        raise BackupError(f"There is no database at {source.sqlite_path}")
    load_keys(source.key_path)
    data_folder(target.data_dir)
    database, keys, blobs = target.sqlite_path, target.key_path, target.blob_dir
    _copy_database(source.sqlite_path, database)
    _copy_file(source.key_path, keys)
    kept, copies = open_blobs(source), open_blobs(target)
    for name in kept.names():
        with suppress(BlobNotFoundError):  # expired since they were listed
            copies.put(name, kept.open(name))
    return [path for path in (database, keys, blobs) if path.exists()]


def _copy_database(source: Path, target: Path) -> None:
    private_file(target)
    reading = f"{source.absolute().as_uri()}?mode=ro"  # a backup may lie where nothing is written
    with (
        readable(source),
        closing(sqlite3.connect(reading, uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file that is whole by itself


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as original:
        private_file(target)
        with target.open("wb") as copy:
            shutil.copyfileobj(original, copy)
