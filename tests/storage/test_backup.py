"""A backup is whole and private, and only a whole one is restored."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.migrated import with_tables

from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.settings import Settings
from cloudsealed.storage.backup import BackupError, back_up, restore
from cloudsealed.storage.blobs import DiskBlobs
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.ownership import claim
from cloudsealed.storage.private import loose
from cloudsealed.storage.revision import require_current_schema


@pytest.fixture
def original(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    keys = ensure_keys(settings.key_path)
    with_tables(settings)
    with closing(SqliteDatabase(settings.sqlite_path)) as database:
        claim(database, keys)
    DiskBlobs(settings.blob_dir).put("a.pdf", b"%PDF")
    return settings


@pytest.fixture
def copied(original: Settings, tmp_path: Path) -> Path:
    back_up(original, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_backup_is_restored_as_it_was_and_private(copied: Path, tmp_path: Path) -> None:
    for path in copied.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (copied / "keys.json").chmod(0o600)
    target = Settings(data_dir=tmp_path / "again")
    assert len(restore(copied, target)) == 3
    require_current_schema(target)
    assert b"".join(DiskBlobs(target.blob_dir).open("a.pdf")) == b"%PDF"
    assert loose(target) == []


def test_nothing_is_restored_over_an_installation(copied: Path, original: Settings) -> None:
    with pytest.raises(BackupError, match="is there already"):
        restore(copied, original)


def _foreign_keys(copy: Path) -> None:
    (copy / "keys.json").unlink()
    ensure_keys(copy / "keys.json")


def _garbage(copy: Path) -> None:
    (copy / "cloudsealed.db").write_bytes(b"garbage" * 9999)


def _empty(copy: Path) -> None:
    (copy / "cloudsealed.db").write_bytes(b"")


def _without_tables(copy: Path) -> None:
    (copy / "cloudsealed.db").unlink()
    with closing(sqlite3.connect(copy / "cloudsealed.db")) as raw:
        raw.execute("PRAGMA user_version=1")


def _cut(copy: Path) -> None:
    whole = (copy / "cloudsealed.db").read_bytes()
    (copy / "cloudsealed.db").write_bytes(whole[: len(whole) // 2])


def _overwritten(copy: Path) -> None:
    with (copy / "cloudsealed.db").open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 40000)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_foreign_keys, "key file is not this database's"),
        (_garbage, "is damaged"),
        (_empty, "no database"),
        (_without_tables, "no database"),
        (_cut, "is damaged"),
        (_overwritten, "is damaged"),
        (lambda copy: (copy / "keys.json").unlink(), "does not exist"),
        (lambda copy: (copy / "cloudsealed.db").unlink(), "no database"),
        (shutil.rmtree, "no database"),
    ],
)
def test_what_is_not_whole_is_neither_restored_nor_backed_up_and_leaves_nothing(
    copied: Path, tmp_path: Path, harm: object, said: str
) -> None:
    assert callable(harm)
    target = Settings(data_dir=tmp_path / "again")
    harm(copied)
    with pytest.raises(CloudSealedError, match=said):
        back_up(Settings(data_dir=copied), target.data_dir)
    assert not target.data_dir.exists()
    with pytest.raises(CloudSealedError, match=said):
        restore(copied, target)
    left = [path.name for path in target.data_dir.rglob("*") if path.is_file()]
    assert left in ([], [".gitignore"])


def test_a_file_that_expires_meanwhile_does_not_stop_a_backup(
    original: Settings, tmp_path: Path
) -> None:
    (original.blob_dir / "b.pdf").symlink_to("gone")  # listed, and not there to be read
    back_up(original, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy" / "blobs").iterdir()] == ["a.pdf"]


def test_a_backup_is_one_file_that_needs_no_other(copied: Path) -> None:
    assert sorted(path.name for path in copied.iterdir()) == [
        ".gitignore",
        "blobs",
        "cloudsealed.db",
        "keys.json",
    ]
    with closing(sqlite3.connect(copied / "cloudsealed.db")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
