"""What is in flight is one's alone, across processes, and ends with its process."""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.program import Talker, program
from tests.servers import PostgresServer
from tests.waiting import SECONDS, until

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database, SqliteDatabase
from cloudsealed.storage.flights import FILE, Flights, open_flights
from cloudsealed.storage.open import open_database
from cloudsealed.storage.postgres import PostgresDatabase

_OTHER = """
import sys
from pathlib import Path
from cloudsealed.settings import Settings
from cloudsealed.storage.flights import open_flights
from cloudsealed.storage.open import open_database
settings = Settings(data_dir=Path(sys.argv[1]), database_url=sys.argv[2])
flights = open_flights(open_database(settings))
for line in sys.stdin:
    what, name = line.split()
    print(flights.take(name) if what == "take" else flights.end(name), flush=True)
"""


class Other:
    """Another process of the same installation."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker
        self.process = talker.process

    def ask(self, *words: str) -> str:
        self._talker.tell(" ".join(words))
        return self._talker.said()


@contextmanager
def another(settings: Settings) -> Iterator[Other]:
    place = str(settings.data_dir), settings.database_url
    with program().talk(*place, code=_OTHER, environment=os.environ) as talker:
        yield Other(talker)


@pytest.fixture
def flights(database: Database) -> Iterator[Flights]:
    opened = open_flights(database)
    yield opened
    opened.close()


def test_a_name_is_held_by_one_and_free_when_its_flight_ends(flights: Flights) -> None:
    assert flights.take("a")
    assert not flights.take("a")
    assert flights.take("b")
    flights.end("a")
    assert flights.take("a")
    assert not flights.take("b")


def test_of_many_threads_one_gets_a_name(flights: Flights) -> None:
    gate = threading.Barrier(16)

    def take(_number: int) -> bool:
        gate.wait(SECONDS)
        return flights.take("a")

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(16))) == 1


def test_processes_keep_each_other_out_and_one_that_is_killed_lets_go(
    storage_settings: Settings, flights: Flights
) -> None:
    with another(storage_settings) as other:
        assert other.ask("take", "a") == "True"
        assert other.ask("take", "b") == "True"
        assert flights.take("c")
        assert not flights.take("a")
        assert other.ask("take", "c") == "False"
        other.ask("end", "a")
        assert flights.take("a")
        flights.end("c")
        assert other.ask("take", "c") == "True"
        os.kill(other.process.pid, signal.SIGKILL)
        for name in ("b", "c"):
            until(lambda name=name: flights.take(name), "the name is free")


def test_flights_that_closed_let_go_and_open_again(
    storage_settings: Settings, flights: Flights
) -> None:
    assert flights.take("a")
    flights.close()
    with another(storage_settings) as other:
        until(lambda: other.ask("take", "a") == "True", "the name is free")
    assert flights.take("b")


def test_a_session_that_the_server_ends_is_replaced(postgres: PostgresServer) -> None:
    database = PostgresDatabase(postgres.create("test_flights", "migrated"))
    flights = open_flights(database)
    assert flights.take("a")
    in_use = database.pool_status()["in_use"]
    with database.write() as connection:
        connection.raw.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    flights.end("a")
    assert flights.take("b")
    assert flights.take("a")
    assert not flights.take("b")
    assert database.pool_status()["in_use"] == in_use == 1
    flights.close()
    database.close()
    postgres.drop("test_flights")


def test_one_connection_is_never_lent_for_good(storage_settings: Settings) -> None:
    settings = Settings(
        data_dir=storage_settings.data_dir,
        database_url=storage_settings.database_url,
        database_connections=1,
    )
    database = open_database(settings)
    flights = open_flights(database)
    assert flights.take("a")
    assert not flights.take("a")
    with database.read() as connection:
        assert connection is not None
    flights.close()
    database.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    flights = open_flights(SqliteDatabase(tmp_path / "folder" / "one.db"))
    assert flights.take("a")
    assert stat.S_IMODE((tmp_path / "folder" / FILE).stat().st_mode) == 0o600
    flights.close()
