"""How many connections a process has, who gets one, and what a block within a block works on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.waiting import SECONDS

from cloudsealed.settings import Settings
from cloudsealed.storage.database import (
    CONNECTIONS,
    Database,
    ReadDeadlineError,
    ServiceUnavailableError,
    SqliteDatabase,
)
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import installation

INSERT = installation.insert()
NAMES = select(installation.c.name).order_by(installation.c.name)


def put(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.run(INSERT, {"name": name, "value": "0"})


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in connection.all(NAMES)]


@pytest.fixture
def alone(storage_settings: Settings) -> Iterator[Database]:
    """A database with one connection to lend."""
    settings = Settings(
        data_dir=storage_settings.data_dir,
        database_url=storage_settings.database_url,
        database_connections=1,
    )
    opened = open_database(settings)
    yield opened
    opened.close()


def ends(work: Callable[[], object]) -> None:
    """Run `work` in a thread, and fail if it waits for itself."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), "it waits for itself"


def test_blocks_in_blocks_are_content_with_one_connection(alone: Database) -> None:
    seen: list[list[str]] = []

    def nested() -> None:
        with alone.read(), alone.read(), alone.write() as connection:
            connection.run(INSERT, {"name": "a", "value": "1"})
            with alone.read():
                seen.append(names(alone))
        seen.append(names(alone))

    ends(nested)
    assert seen == [["a"], ["a"]]


def test_a_read_within_a_write_sees_what_is_written_and_others_do_not(database: Database) -> None:
    with database.write() as connection:
        connection.run(INSERT, {"name": "a", "value": "1"})
        with ThreadPoolExecutor(1) as other:
            assert (names(database), other.submit(names, database).result(SECONDS)) == (["a"], [])


def test_a_read_around_a_write_goes_on_and_sees_it(database: Database) -> None:
    with database.read() as connection:
        assert connection.all(NAMES) == []
        put(database, "a")
        assert connection.all(NAMES) == [("a",)]


def test_a_write_within_a_write_is_refused_and_undoes_the_outer_one(database: Database) -> None:
    def twice() -> None:
        with database.write() as connection:
            connection.run(INSERT, {"name": "a", "value": "1"})
            put(database, "b")

    with pytest.raises(RuntimeError, match="write within a write"):
        twice()
    assert names(database) == []


def test_a_read_that_ends_on_another_thread_leaves_nothing_behind(alone: Database) -> None:
    def rows() -> Iterator[str]:
        with alone.read() as connection:
            yield from (row[0] for row in connection.all(NAMES))

    put(alone, "a")
    reading = rows()
    assert next(reading) == "a"
    with ThreadPoolExecutor(1) as other:
        assert other.submit(next, reading, None).result(SECONDS) is None
        assert other.submit(names, alone).result(SECONDS) == ["a"]
    assert names(alone) == ["a"]


def test_a_read_with_a_deadline_does_not_wait_longer_for_a_connection(alone: Database) -> None:
    with alone.read(), ThreadPoolExecutor(1) as other:

        def hurried() -> None:
            with alone.read(0.02):
                raise AssertionError("there were two connections")

        with pytest.raises(ReadDeadlineError):
            other.submit(hurried).result(SECONDS)


def test_who_waits_too_long_for_a_connection_is_told_that_the_database_is_busy(
    alone: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudsealed.storage.database._BUSY_SECONDS", 0.05)
    with ThreadPoolExecutor(1) as other, alone.read():
        waiting = other.submit(names, alone)
        with pytest.raises(ServiceUnavailableError, match="busy"):
            waiting.result(SECONDS)
    assert names(alone) == []


def test_a_failing_block_gives_its_connection_back(alone: Database) -> None:
    for opened in (alone.read, alone.write) * 2:
        with pytest.raises(KeyError), opened():
            raise KeyError
    ends(lambda: put(alone, "a"))
    assert names(alone) == ["a"]


def test_threads_that_come_and_go_leave_no_handles(database: Database) -> None:
    before = handles()

    def burst(number: int) -> None:
        with ThreadPoolExecutor(24) as threads:
            list(
                threads.map(lambda n: (put(database, f"{number}-{n}"), names(database)), range(24))
            )

    for number in range(6):
        burst(number)
    assert len(names(database)) == 144
    assert handles() - before <= (CONNECTIONS + 1) * 3  # a file, its -wal and its -shm


def test_a_closed_database_keeps_no_handle_not_even_one_that_was_lent(database: Database) -> None:
    before = handles()
    with database.read():
        put(database, "a")
        database.close()
    assert handles() == before


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a link may go while it is read


# A disk or a file at fault


FULL = """
import pathlib, resource, signal, sys
from cloudsealed.storage.database import ServiceUnavailableError, SqliteDatabase
from cloudsealed.storage.schema import installation

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = SqliteDatabase(pathlib.Path(sys.argv[1]))

def put(name, size):
    with database.write() as connection:
        connection.run(installation.insert(), {"name": name, "value": "x" * size})

put("before", 1)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
for _ in range(2):
    try:
        put("large", 4 << 20)
    except ServiceUnavailableError as error:
        print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
put("after", 4 << 20)
"""


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: bytes) -> Iterator[SqliteDatabase]:
    path = tmp_path / "one.db"
    path.write_bytes(migrated_file)
    opened = SqliteDatabase(path)
    yield opened
    opened.close()


def test_a_file_that_cannot_grow_is_said_undone_and_once_it_can_all_goes_on(
    sqlite: SqliteDatabase,
) -> None:
    command = [sys.executable, "-c", FULL, str(sqlite.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    assert (
        done.stdout.splitlines()
        == ["The disk does not take what is written to it; is it full?"] * 2
    )
    assert names(sqlite) == ["after", "before"]


def test_a_full_database_is_said_with_the_reason_and_the_write_is_undone(
    sqlite: SqliteDatabase,
) -> None:
    def fill(rows: int) -> None:
        with sqlite.write() as connection:
            raw = connection._raw
            [pages] = raw.execute("PRAGMA page_count").fetchone()
            raw.execute(f"PRAGMA max_page_count={pages + 4}")
            connection.many(INSERT, [{"name": f"{n}", "value": "x" * 9000} for n in range(rows)])

    with pytest.raises(ServiceUnavailableError, match="The disk is full") as caught:
        fill(500)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    fill(1)
    assert names(sqlite) == ["0"]


def test_a_damaged_file_and_one_that_is_none_are_an_unavailable_service(tmp_path: Path) -> None:
    (tmp_path / "none.db").write_bytes(b"no database at all, but long enough to be one" * 100)
    for path in (tmp_path / "none.db", tmp_path):
        opened = SqliteDatabase(path)
        for block in (opened.read, opened.write):
            with pytest.raises(ServiceUnavailableError), block():
                raise AssertionError("it was opened")


def test_a_database_says_how_many_connections_are_in_use_and_how_many_may_be(
    database: Database,
) -> None:
    limit = CONNECTIONS + (database.name == "sqlite")
    assert database.pool_status() == {"in_use": 0, "limit": limit}
    with database.read(), ThreadPoolExecutor(1) as other:

        def write() -> dict[str, int]:
            with database.write():
                database.close()
                return database.pool_status()

        assert other.submit(write).result(60) == {"in_use": 2, "limit": limit}
    assert database.pool_status() == {"in_use": 0, "limit": limit}
