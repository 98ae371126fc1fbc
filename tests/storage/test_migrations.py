"""The schema of both databases comes from migrations, from the first table on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import (
    SchemaVersionError,
    engine_for,
    has_schema,
    migrate,
    require_current_schema,
)
from cloudsealed.storage.schema import metadata


def test_the_migrations_make_exactly_the_tables_of_the_schema(storage_settings: Settings) -> None:
    engine = engine_for(storage_settings)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_migrating_twice_changes_nothing(storage_settings: Settings) -> None:
    migrate(storage_settings)
    require_current_schema(storage_settings)


def test_a_database_without_tables_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert not has_schema(settings)
    with pytest.raises(SchemaVersionError, match="run `cloudsealed migrate`"):
        require_current_schema(settings)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_that_migrate_at_once_do_not_meet(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create("test_at_once")
    code = (
        "import sys, pathlib; from cloudsealed.settings import Settings;"
        "from cloudsealed.storage.migrate import migrate;"
        "migrate(Settings(data_dir=pathlib.Path(sys.argv[1]), database_url=sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), url]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    require_current_schema(Settings(data_dir=tmp_path, database_url=url))
