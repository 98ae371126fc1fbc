"""The schema of both databases comes from migrations, from the first table on."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from tests.program import program
from tests.waiting import SECONDS

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.migrate import (
    _SCRIPTS,
    COMPARED,
    differences,
    engine_for,
    migrate,
    require_same_tables,
)
from cloudsealed.storage.revision import (
    SchemaVersionError,
    has_schema,
    require_current_schema,
    revisions,
    schema_fault,
)
from cloudsealed.storage.schema import metadata


def test_the_migrations_make_exactly_the_tables_of_the_schema(storage_settings: Settings) -> None:
    engine = engine_for(storage_settings)
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts=dict(COMPARED)), metadata
        )
    engine.dispose()
    assert differences == []


def test_migrating_twice_changes_nothing(storage_settings: Settings) -> None:
    migrate(storage_settings)
    require_current_schema(storage_settings)


def test_a_database_without_tables_is_refused_with_what_to_do(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert not has_schema(settings)
    assert list(tmp_path.iterdir()) == []
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
    start = partial(program().start, str(tmp_path), url, code=code, environment=os.environ)
    running = [start() for _ in range(3)]
    assert [process.wait(SECONDS) for process in running] == [0, 0, 0]
    require_current_schema(Settings(data_dir=tmp_path, database_url=url))


MOMENT = "2026-01-01T00:00:00.000Z"


def stamp(settings: Settings, revision: str) -> None:
    """Let a database say that it is at another revision."""
    engine = engine_for(settings)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    engine.dispose()


def test_a_database_of_a_newer_program_is_refused_and_not_touched(
    storage_settings: Settings,
) -> None:
    stamp(storage_settings, "9999")
    with pytest.raises(SchemaVersionError, match="revision 9999, which this program does not know"):
        require_current_schema(storage_settings)
    with pytest.raises(SchemaVersionError, match="newer version"):
        migrate(storage_settings)


def test_the_fault_of_a_schema_is_said_over_an_open_connection(
    storage_settings: Settings, database: Database
) -> None:
    with database.read() as connection:
        assert schema_fault(connection) is None
    stamp(storage_settings, "9999")
    with database.read() as connection:
        assert "install the newer version" in str(schema_fault(connection))


def run(settings: Settings, *statements: str) -> None:
    engine = engine_for(settings)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_tables_that_no_revision_made_are_told_by_what_differs(storage_settings: Settings) -> None:
    assert differences(storage_settings) == []
    run(
        storage_settings,
        "CREATE TABLE others (a TEXT)",
        "CREATE INDEX mine ON audits (status)",
        "DROP TABLE seals",
        "DROP INDEX jobs_subject",
        "ALTER TABLE audits DROP COLUMN expired_at",
        "ALTER TABLE audits ADD COLUMN extra TEXT",
        "DROP TABLE installation",
        "CREATE TABLE installation (name TEXT NOT NULL, value INTEGER)",
    )
    with pytest.raises(SchemaVersionError, match="the table seals is missing"):
        require_same_tables(storage_settings)
    assert sorted(differences(storage_settings)) == [
        "jobs_subject on jobs is missing",
        "the column audits.expired_at is missing",
        "the column audits.extra is not in the schema",
        "the column installation.value is INTEGER, not TEXT",
        "the column installation.value may be null",
        "the table seals is missing",
    ]


def test_a_migration_that_meets_other_tables_says_so_and_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    migrate(settings, "0001")
    run(settings, "ALTER TABLE findings RENAME COLUMN severity TO gravity")
    with pytest.raises(SchemaVersionError, match=r"no such column: findings\.severity"):
        migrate(settings)
    with pytest.raises(SchemaVersionError, match="is at revision 0001"):
        require_current_schema(settings)


KILLED = """
import os, pathlib, signal, sys
from sqlalchemy import Engine, event
from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import migrate

made = []

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, *rest):
    made.append(statement.strip().startswith("CREATE"))
    if sum(made) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Settings(data_dir=pathlib.Path(sys.argv[1]), database_url=sys.argv[2]))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migration_that_is_killed_half_way_leaves_nothing_and_runs_again(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create("test_killed")
    settings = Settings(data_dir=tmp_path, database_url=url)
    for statements in (2, 40):
        place = str(tmp_path), url, str(statements)
        killed = program().start(*place, code=KILLED, environment=os.environ)
        assert killed.wait(SECONDS) == -signal.SIGKILL
        assert not has_schema(settings)
    migrate(settings)
    require_current_schema(settings)


def test_the_files_of_migrations_are_named_by_their_revisions() -> None:
    scripts = ScriptDirectory(_SCRIPTS)
    made = [each.revision for each in scripts.walk_revisions()]
    assert revisions() == tuple(reversed(made))
    assert scripts.get_current_head() == revisions()[-1]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_evidence_that_had_gone_is_forgotten_and_the_rest_is_not(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create("test_forgotten")
    settings = Settings(data_dir=tmp_path, database_url=url)
    migrate(settings, "0011")
    of_all = "'live', 'x', '{}', '[]', '2025-01-01T00:00:00.000Z', '{}', 0"
    columns = "kind, source_id, request, policy_set, created_at, progress, cancel_requested"
    audits = {"gone": ("completed", MOMENT), "kept": ("completed", ""), "runs": ("judging", "")}
    run(
        settings,
        *(
            f"INSERT INTO audits (tenant_id, id, {columns}, status, expired_at) VALUES"
            f" ('ten', '{name}', {of_all}, '{status}', NULLIF('{at}', ''))"
            for name, (status, at) in audits.items()
        ),
    )
    migrate(settings)
    engine = engine_for(settings)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, status, forgotten_at FROM audits ORDER BY id"))
        assert [tuple(row) for row in found] == [
            ("gone", "completed", MOMENT),
            ("kept", "completed", None),
            ("runs", "judging", None),
        ]
    engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_connection_keeps_its_role(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create("test_details")
    settings = Settings(data_dir=tmp_path, database_url=url)
    migrate(settings, "0012")
    columns = "tenant_id, id, provider, name, method, created_at, role_arn"
    run(
        settings,
        *(
            f"INSERT INTO connections ({columns}) VALUES"
            f" ('ten', '{name}', 'aws', '{name}', 'ambient', '{MOMENT}', NULLIF('{role}', ''))"
            for name, role in (("has", 'arn:aws:iam::1:role/it"s'), ("none", ""))
        ),
    )
    migrate(settings)
    engine = engine_for(settings)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, details FROM connections ORDER BY id"))
        assert {name: json.loads(said) for name, said in found} == {
            "has": {"role_arn": 'arn:aws:iam::1:role/it"s'},
            "none": {},
        }
    engine.dispose()
