"""A whole installation in one file that belongs to no database: how one moves to another.

The file is a zip: `manifest.json` with the form, the schema's revision and how many rows each table
has, `keys.json`, `tables/NAME.jsonl` with a row a line (an array in the order of the manifest's
columns, bytes in base64), and `blobs/NAME`. Ids, times and bytes are as they were, so that
seals verify, tokens open and cursors go on. It is as secret as a backup: the key file is in it.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import Connection, LargeBinary, MetaData, Table, literal, select, text
from sqlalchemy.exc import DBAPIError

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.blobs import PIECE, BlobNotFoundError, Blobs, open_blobs
from cloudsealed.storage.fresh import make_tables
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.migrate import engine_for, migrate
from cloudsealed.storage.ownership import require_own_keys
from cloudsealed.storage.private import private_file
from cloudsealed.storage.revision import has_schema, require_current_schema, revisions
from cloudsealed.storage.schema import metadata

FORM: Final = 1
_MANIFEST, _KEYS, _TABLES, _BLOBS = "manifest.json", "keys.json", "tables/", "blobs/"
_BATCH = 1_000
_BEGIN = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}
_ALONE = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "LOCK TABLE installation IN EXCLUSIVE MODE"}
Progress = Callable[[str, int], None]
"""Told of each table, and of the blobs together: its name, and how many rows or files it has."""


class ArchiveError(CloudSealedError):
    """An archive cannot be made or taken in where or as it was asked for."""

    code = "archive_failed"
    status = 500


def export_to(path: Path, settings: Settings, progress: Progress) -> None:
    """Write everything of an installation, as it is at one moment, to a new private file.

    Others may go on working; what they write after that moment is not in the file, and nothing is
    left of one that cannot be finished. Raises ArchiveError, KeyFileError, ForeignKeyFileError and
    SchemaVersionError.
    """
    if path.exists():
        raise ArchiveError(f"{path} is there already: name a new file")
    require_current_schema(settings)
    require_own_keys(settings)
    private_file(path)
    try:
        with path.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            _write(archive, settings, progress)
    except BaseException as error:
        path.unlink()
        if isinstance(error, OSError):
            raise ArchiveError(f"{path} cannot be written: {error.strerror}") from error
        raise


def _write(archive: zipfile.ZipFile, settings: Settings, progress: Progress) -> None:
    tables = {}
    with _transaction(settings, _BEGIN) as connection:
        for table in metadata.sorted_tables:
            rows = _write_table(archive, connection, table)
            tables[table.name] = {"columns": [each.name for each in table.columns], "rows": rows}
            progress(table.name, rows)
    archive.write(settings.key_path, _KEYS)
    # Blobs never change, and come after the rows that name them.
    blobs = open_blobs(settings)
    names = list(blobs.names())
    for name in names:
        with suppress(BlobNotFoundError):  # expired since they were listed
            pieces = blobs.open(name)
            with archive.open(f"{_BLOBS}{name}", "w", force_zip64=True) as member:
                member.writelines(pieces)
    progress("blobs", len(names))
    manifest = {"form": FORM, "revision": revisions()[-1], "tables": tables}
    archive.writestr(_MANIFEST, json.dumps(manifest))


def _write_table(archive: zipfile.ZipFile, connection: Connection, table: Table) -> int:
    binary = [i for i, each in enumerate(table.columns) if isinstance(each.type, LargeBinary)]
    count = 0
    found = connection.execution_options(yield_per=_BATCH).execute(select(*table.columns))
    with archive.open(f"{_TABLES}{table.name}.jsonl", "w", force_zip64=True) as file:
        for row in found:
            values = list(row)
            for place in binary:
                if values[place] is not None:
                    values[place] = b64encode(values[place]).decode()
            file.write(orjson.dumps(values) + b"\n")
            count += 1
    return count


def import_from(path: Path, settings: Settings, progress: Progress) -> None:
    """Put what `export_to` wrote where the settings say that the installation is.

    The database must have no rows; the key file must not be there, or be the same. An archive of an
    older version is brought to this one's schema. Rows are written in one transaction, and nothing
    is left of what cannot be taken in whole, but empty tables. Raises ArchiveError, KeyFileError,
    ForeignKeyFileError, SchemaVersionError and ServiceUnavailableError.
    """
    with _opened(path) as archive, ExitStack() as undo:
        manifest = _manifest(path, archive)
        _put(archive, _KEYS, settings.key_path, undo)
        load_keys(settings.key_path)
        names = _names(archive, _BLOBS)
        blobs = open_blobs(settings)
        for name in names:
            _put_blob(archive, name, blobs, undo)
        progress("blobs", len(names))
        is_current = manifest["revision"] == revisions()[-1]
        if not has_schema(settings):
            make_tables(settings) if is_current else migrate(settings, manifest["revision"])
        with _transaction(settings, _ALONE) as connection:
            _read(archive, manifest, connection, progress)
        undo.pop_all()
    if not is_current:
        migrate(settings)
    require_own_keys(settings)


def _read(
    archive: zipfile.ZipFile,
    manifest: Mapping[str, Any],
    connection: Connection,
    progress: Progress,
) -> None:
    known = MetaData()
    known.reflect(connection)  # of the archive's revision, which may be older than the schema
    revision = connection.scalar(select(known.tables["alembic_version"].c.version_num))
    if revision != manifest["revision"]:
        raise ArchiveError(
            f"The archive is of revision {manifest['revision']}, the database of {revision}: name "
            "a database without tables, and they are made"
        )
    tables = {name: known.tables[name] for name in known.tables if name in manifest["tables"]}
    for name, table in tables.items():
        if connection.execute(select(literal(1)).select_from(table).limit(1)).first():
            raise ArchiveError(f"The database has rows already (in {name}): name an empty one")
    for name, described in manifest["tables"].items():
        if name not in tables:
            raise ArchiveError(f"The archive has a table that the schema has not: {name}")
        rows = _read_table(archive, connection, tables[name], described["columns"])
        if rows != described["rows"]:
            raise ArchiveError(f"{name} has {rows} rows, and should have {described['rows']}")
        progress(name, rows)


def _read_table(
    archive: zipfile.ZipFile, connection: Connection, table: Table, columns: list[str]
) -> int:
    binary = {each.name for each in table.columns if isinstance(each.type, LargeBinary)}
    count = 0
    with archive.open(f"{_TABLES}{table.name}.jsonl") as file:
        lines = iter(file)
        while batch := list(islice(lines, _BATCH)):
            rows = [dict(zip(columns, orjson.loads(line), strict=True)) for line in batch]
            for row in rows:
                for name in binary & row.keys():
                    if row[name] is not None:
                        row[name] = b64decode(row[name], validate=True)
            connection.execute(table.insert(), rows)
            count += len(rows)
    return count


def _names(archive: zipfile.ZipFile, folder: str) -> list[str]:
    names = [each.removeprefix(folder) for each in archive.namelist() if each.startswith(folder)]
    for name in names:
        if Path(name).name != name or name.startswith("."):
            raise ArchiveError(f"{folder}{name} is no file of an installation")
    return names


def _put(archive: zipfile.ZipFile, name: str, target: Path, undo: ExitStack) -> None:
    """Write a member to a new private file, or see that the one there is the same."""
    with archive.open(name) as source:
        if target.exists():
            if target.read_bytes() != source.read():
                raise ArchiveError(f"{target} is there already, with something else in it")
        else:
            private_file(target)
            undo.callback(target.unlink, missing_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(source, file)


def _put_blob(archive: zipfile.ZipFile, name: str, blobs: Blobs, undo: ExitStack) -> None:
    """Store a blob, or see that the one there is the same."""
    with archive.open(f"{_BLOBS}{name}") as source, suppress(BlobNotFoundError):
        if b"".join(blobs.open(name)) != source.read():
            raise ArchiveError(f"The blob {name} is there already, with something else in it")
        return
    undo.callback(blobs.delete, name)
    with archive.open(f"{_BLOBS}{name}") as source:
        blobs.put(name, iter(lambda: source.read(PIECE), b""))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; what is wrong with the file, then or later, is said in words."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise ArchiveError(f"{error.filename or path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError, zlib.error) as error:
        raise ArchiveError(f"{path} is damaged or no archive of ours: {error}") from error


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    manifest: dict[str, Any] = orjson.loads(archive.read(_MANIFEST))
    if manifest["form"] != FORM or manifest["revision"] not in revisions():
        raise ArchiveError(
            f"{path} is of form {manifest['form']} and revision {manifest['revision']}: a newer "
            "version of this program wrote it; install that one"
        )
    return manifest


@contextmanager
def _transaction(settings: Settings, begin: Mapping[str, str]) -> Iterator[Connection]:
    """Open one transaction, which `begin` begins; it is undone when anything is raised."""
    engine = engine_for(settings)
    try:
        with engine.connect() as connection:
            connection.execute(text(begin[engine.name]))
            yield connection
            connection.commit()
    except DBAPIError as error:
        raise ArchiveError(f"The database refused: {error.orig}") from error
    finally:
        engine.dispose()
