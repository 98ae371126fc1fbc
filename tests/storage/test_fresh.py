"""A new database is the one that all migrations make, whoever else makes it at the same time."""

from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.servers import PostgresServer

from cloudsealed.settings import Settings
from cloudsealed.storage import fresh
from cloudsealed.storage.fresh import make_tables
from cloudsealed.storage.migrate import migrate, require_same_tables
from cloudsealed.storage.revision import has_schema, require_current_schema
from cloudsealed.storage.sqlite_file import DatabaseFileError


def _dump(settings: Settings) -> list[str]:
    with closing(sqlite3.connect(settings.sqlite_path)) as raw:
        return [*raw.iterdump(), raw.execute("PRAGMA journal_mode").fetchone()[0]]


def test_it_is_the_database_that_the_migrations_make(tmp_path: Path) -> None:
    made, migrated = Settings(data_dir=tmp_path / "a"), Settings(data_dir=tmp_path / "b")
    make_tables(made)
    migrate(migrated)
    assert _dump(made) == _dump(migrated)
    assert stat.S_IMODE(made.sqlite_path.stat().st_mode) == 0o600
    require_current_schema(made)
    require_same_tables(made)


def test_a_script_of_another_revision_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, newer = Settings(data_dir=tmp_path / "a"), Settings(data_dir=tmp_path / "b")
    make_tables(made)
    monkeypatch.setattr(fresh, "revisions", lambda: ("0001", "9999"))
    monkeypatch.setattr(fresh, "_ran", lambda *_: pytest.fail("it was run"))
    make_tables(newer)
    assert _dump(newer) == _dump(made)


def test_it_is_made_once_by_several_at_the_same_time(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(fresh._ran, [settings.sqlite_path] * 8, [fresh.script()] * 8))
    assert sorted(made) == [False] * 7 + [True]
    make_tables(settings)  # what does nothing after another did it
    require_same_tables(settings)


def test_a_script_that_ended_half_way_has_done_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path)
    with pytest.raises(DatabaseFileError):
        fresh._ran(settings.sqlite_path, "CREATE TABLE one (n INT);\nCREATE TABLE;\n")
    assert not has_schema(settings)
    make_tables(settings)
    require_same_tables(settings)


def test_a_server_of_its_own_is_migrated(postgres: PostgresServer, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres.create("made_at_once"))
    make_tables(settings)
    require_current_schema(settings)
    assert not settings.sqlite_path.exists()
