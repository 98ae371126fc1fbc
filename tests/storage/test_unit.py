"""A unit of work: one transaction from its first write to its end, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select
from tests.waiting import SECONDS

from cloudsealed.settings import Settings
from cloudsealed.storage.database import Database
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import installation

INSERT = installation.insert()
NAMES = select(installation.c.name).order_by(installation.c.name)


def put(database: Database, *names: str) -> None:
    with database.write() as connection:
        for name in names:
            connection.run(INSERT, {"name": name, "value": "0"})


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in connection.all(NAMES)]


def elsewhere(work: Callable[[], Any]) -> Any:
    """Run `work` in another thread, which is in no unit."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(SECONDS)


def beginning(name: str) -> Callable[[Any], None]:
    return lambda connection: connection.run(INSERT, {"name": name, "value": "0"})


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


def test_what_a_unit_writes_is_seen_by_its_reads_and_by_others_only_at_its_end(
    alone: Database, database: Database
) -> None:
    with alone.unit(beginning("begun")):
        assert names(alone) == []
        put(alone, "a")
        with alone.read():
            put(alone, "b")
        assert names(alone) == ["a", "b", "begun"]
        assert names(database) == []
    assert names(database) == ["a", "b", "begun"]
    put(alone, "c")
    assert names(alone) == ["a", "b", "begun", "c"]


def test_a_unit_that_raises_leaves_nothing_of_any_write(database: Database) -> None:
    def work() -> None:
        with database.unit(beginning("begun")):
            put(database, "a")
            put(database, "b")
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert names(database) == []
    with database.unit():
        put(database, "a")
    assert names(database) == ["a"]


def test_what_begins_a_unit_can_refuse_it(database: Database) -> None:
    def refuse(connection: Any) -> None:
        beginning("begun")(connection)
        raise LookupError

    with pytest.raises(LookupError), database.unit(refuse):
        put(database, "a")
    assert names(database) == []


def test_a_unit_begins_once_with_its_first_write_and_without_one_never(database: Database) -> None:
    begun: list[list[str]] = []

    def begins(connection: Any) -> None:
        begun.append(names(database))

    with database.unit(begins):
        assert names(database) == []
    assert begun == []
    with database.unit(begins):
        assert elsewhere(lambda: put(database, "other")) is None  # nobody waits for it yet
        put(database, "a")
        put(database, "b")
    assert begun == [["other"]]


def test_a_write_that_fails_within_a_unit_is_undone_alone(database: Database) -> None:
    with database.unit(beginning("begun")):
        with suppress(LookupError), database.write() as connection:
            connection.run(INSERT, {"name": "first", "value": "0"})
            raise LookupError
        with database.write() as connection:
            connection.run(INSERT, {"name": "outer", "value": "0"})
            with suppress(Exception):
                put(database, "inner", "outer")  # the second breaks the key
        put(database, "last")
    assert names(database) == ["begun", "last", "outer"]


def test_what_follows_a_unit_happens_after_its_commit_and_not_without_one(
    database: Database,
) -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(elsewhere(lambda: names(database)))
        put(database, f"after {len(seen)}")  # a transaction of its own

    def fail() -> None:
        with database.unit():
            put(database, "a")
            database.after(look)
            raise LookupError

    database.after(look)
    with pytest.raises(LookupError):
        fail()
    with database.unit():
        put(database, "b")
        database.after(look)
        assert len(seen) == 1
    assert seen == [[], ["after 1", "b"]]
    assert names(database) == ["after 1", "after 2", "b"]


def test_a_unit_is_apart_from_a_read_that_its_thread_began_before(database: Database) -> None:
    with database.read() as download:
        assert download.all(NAMES) == []
        with database.unit():
            put(database, "a")
            assert names(database) == ["a"]
            assert [row[0] for row in download.all(NAMES)] == []
        assert [row[0] for row in download.all(NAMES)] == ["a"]
        put(database, "b")
    assert names(database) == ["a", "b"]


def test_a_unit_within_a_unit_or_a_write_is_refused(database: Database) -> None:
    for outer in (database.unit, database.write):
        with outer(), pytest.raises(RuntimeError), database.unit():
            pass
    with database.unit(), database.read(), pytest.raises(RuntimeError):
        put(database, "a")
    with database.unit():
        put(database, "b")
    assert names(database) == ["b"]


def test_units_of_many_threads_take_turns_and_all_of_them_count(database: Database) -> None:
    gate = threading.Barrier(8)

    def work(number: int) -> None:
        gate.wait(SECONDS)
        for each in range(5):
            with database.unit():
                put(database, f"{number} {each} a")
                put(database, f"{number} {each} b")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(names(database)) == 80
