"""A database of an older program is taken over whole, on both databases, and then served."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.program import program
from tests.servers import free_port
from tests.storage.old_databases import dumped, load
from tests.waiting import SECONDS, until

from cloudsealed.audits.sealing.verify import verify_bundle
from cloudsealed.auth.model import ALL_SCOPES
from cloudsealed.settings import Settings
from cloudsealed.storage.migrate import COMPARED, engine_for, migrate
from cloudsealed.storage.ownership import claim
from cloudsealed.storage.revision import SchemaVersionError, require_current_schema
from cloudsealed.storage.schema import metadata
from cloudsealed.vocabulary import Role
from cloudsealed.wiring import Services, build_services

SHAPE = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Returns the settings of a database that the first revision's program left."""
    url = ""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        server.drop("test_old")
        url = server.create("test_old")
    settings = Settings(data_dir=tmp_path, database_url=url, retention_days=36500)
    load("0001", settings)
    return settings


@pytest.fixture
def services(old: Settings) -> Iterator[Services]:
    migrate(old)
    require_current_schema(old)
    found = build_services(old)
    yield found
    found.database.close()


def test_the_first_migration_still_makes_the_tables_that_it_made(tmp_path: Path) -> None:
    new = Settings(data_dir=tmp_path / "new")
    migrate(new, "0001")
    with (
        closing(dumped("0001", tmp_path / "old.db")) as then,
        closing(sqlite3.connect(new.sqlite_path)) as now,
    ):
        assert now.execute(SHAPE).fetchall() == then.execute(SHAPE).fetchall()


def test_it_has_exactly_the_tables_of_the_schema_after_its_migration(old: Settings) -> None:
    migrate(old)
    engine = engine_for(old)
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts=dict(COMPARED)), metadata
        )
    engine.dispose()
    assert differences == []


def test_its_key_file_is_its_own(services: Services) -> None:
    claim(services.database, services.keys)


def test_its_seal_verifies_and_its_audit_replays(services: Services, tmp_path: Path) -> None:
    [tenant] = services.tenants.all()
    page = services.audits.list(tenant=tenant.id, filters={}, after=None, limit=10)
    [audit] = map(orjson.loads, page.items)
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"".join(services.evidence.bundle(tenant=tenant.id, ident=audit["id"])))
    assert verify_bundle(bundle, None).problems == []
    made = services.audits.reanalyze(tenant=tenant.id, ident=audit["id"], body={}, queue=False)
    ident = orjson.loads(made)["id"]
    services.runner.run(tenant=tenant.id, ident=ident, owner="test")
    again = orjson.loads(services.audits.get(tenant=tenant.id, ident=ident))
    assert again["status"] == "completed", again["error"]
    assert again["verdict_digest"] == audit["verdict_digest"]


def test_its_lists_are_served(old: Settings, services: Services) -> None:
    [tenant] = services.tenants.all()
    user = services.users.create(tenant=tenant.id, email="bob@example.com", role=Role.ADMIN)
    token = services.tokens.issue(
        tenant=tenant.id, user_id=user.id, name="new", scopes=ALL_SCOPES
    ).text
    with _served(old) as base, httpx.Client(base_url=base) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        for path in ("audits", "findings", "resources", "users", "tokens", "policies", "events"):
            answer = client.get(f"/v1/{path}")
            assert answer.status_code == 200, answer.text
            assert answer.json()["data"], path
        finding = client.get("/v1/findings").json()["data"][0]["id"]
        assert client.get(f"/v1/findings/{finding}/history").status_code == 200


def test_a_database_of_an_edited_first_revision_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    migrate(settings)
    with closing(sqlite3.connect(settings.sqlite_path)) as raw:
        raw.execute("ALTER TABLE audits DROP COLUMN expired_at")
    with pytest.raises(SchemaVersionError, match=r"no such column: audits\.expired_at"):
        require_current_schema(settings)


@contextmanager
def _served(settings: Settings) -> Iterator[str]:
    """Run `serve` until the block ends."""
    port = str(free_port())
    environment = {
        "PATH": os.environ["PATH"],
        "CLOUDSEALED_DATA_DIR": str(settings.data_dir),
        "CLOUDSEALED_DATABASE_URL": settings.database_url,
        "CLOUDSEALED_RETENTION_DAYS": "36500",
    }
    with Path(os.devnull).open("wb") as nobody:
        running = program().start("serve", "--port", port, environment=environment, stderr=nobody)
    base = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        assert running.poll() is None
        try:
            return httpx.get(f"{base}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(is_ready, "it is ready")
        yield base
    finally:
        running.terminate()
        running.wait(SECONDS)
