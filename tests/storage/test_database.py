"""Reads and writes behave alike on both databases, and each fails in its own known way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import bindparam, func, select, text
from tests.servers import PostgresServer
from tests.waiting import SECONDS

from cloudsealed.settings import Settings
from cloudsealed.storage.database import (
    Database,
    ReadDeadlineError,
    ServiceUnavailableError,
    SqliteDatabase,
    none_of,
    one_of,
)
from cloudsealed.storage.open import ConnectionBudgetError, open_database, require_connections
from cloudsealed.storage.postgres import PostgresDatabase
from cloudsealed.storage.schema import installation, objects

INSERT = installation.insert()
VALUE = select(installation.c.value).where(installation.c.name == bindparam("called"))
NAMES = select(installation.c.name).order_by(installation.c.name)
CHANGE = (
    installation.update()
    .where(installation.c.name == bindparam("called"))
    .values(value=bindparam("new"))
)
ENDLESS = text(
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"
)
COUNTER = """
import sys, pathlib
from sqlalchemy import bindparam, select
from tests.waiting import SECONDS
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.schema import installation as t

database = SqliteDatabase(pathlib.Path(sys.argv[1]))
for _ in range(100):
    with database.write() as connection:
        value = connection.first(select(t.c.value).where(t.c.name == "n"))[0]
        connection.run(
            t.update().where(t.c.name == "n").values(value=bindparam("new")),
            {"new": str(int(value) + 1)},
        )
"""


def put(database: Database, name: str, value: str = "0") -> None:
    with database.write() as connection:
        connection.run(INSERT, {"name": name, "value": value})


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return [row[0] for row in connection.all(NAMES)]


@pytest.fixture
def sqlite(tmp_path: Path, migrated_file: bytes) -> Iterator[SqliteDatabase]:
    path = tmp_path / "one.db"
    path.write_bytes(migrated_file)
    opened = SqliteDatabase(path)
    yield opened
    opened.close()


@pytest.fixture
def cluster(postgres: PostgresServer) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres.create("test_cluster", "migrated"))
    yield opened
    opened.close()
    postgres.drop("test_cluster")


def test_the_settings_name_the_database(storage_settings: Settings) -> None:
    opened = open_database(storage_settings)
    assert opened.name == ("postgresql" if storage_settings.database_url else "sqlite")
    put(opened, "a")
    assert names(opened) == ["a"]
    opened.close()


def test_a_write_that_raises_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    def fail() -> None:
        with database.write() as connection:
            connection.run(INSERT, {"name": "a", "value": "1"})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert names(database) == []
    put(database, "b")
    assert names(database) == ["b"]


def test_a_write_is_seen_by_others_only_once_it_is_whole(database: Database) -> None:
    seen: list[list[str]] = []
    with database.write() as connection:
        connection.run(INSERT, {"name": "a", "value": "1"})
        other = threading.Thread(target=lambda: seen.append(names(database)))
        other.start()
        other.join(SECONDS)
    assert (seen, names(database)) == ([[]], ["a"])


def test_a_run_says_how_many_rows_it_changed(database: Database) -> None:
    put(database, "a")
    with database.write() as connection:
        assert connection.run(CHANGE, {"called": "a", "new": "1"}) == 1
        assert connection.run(CHANGE, {"called": "b", "new": "1"}) == 0


def test_many_rows_go_in_at_once_and_none_is_nothing(database: Database) -> None:
    with database.write() as connection:
        connection.many(INSERT, [{"name": str(n), "value": "v"} for n in range(1500)])
        connection.many(INSERT, [])
    assert len(names(database)) == 1500


ODD = ("\t\n\r\\", "\\N", "\\.", "", '",é\U0001f40d')


def test_rows_are_added_as_they_are_whatever_is_in_them(database: Database) -> None:
    rows = [
        {"tenant_id": "ten_a", "digest": f"{n}", "used_in": word, "data": bytes(range(256)) * n}
        for n, word in enumerate(ODD)
    ]
    with database.write() as connection:
        connection.add(objects, rows)
        connection.add(objects, [])
    with database.read() as connection:
        found = connection.all(select(objects).order_by(objects.c.digest))
    assert [(*row[:-1], bytes(row[-1])) for row in found] == [
        tuple(row[column.name] for column in objects.c) for row in rows
    ]


def test_of_rows_one_of_which_is_there_none_is_added(database: Database) -> None:
    rows = [{"name": name, "value": "v"} for name in ("new", "old")]
    with database.write() as connection:
        connection.add(installation, rows[1:])
    refused = (sqlite3.IntegrityError, psycopg.errors.UniqueViolation)
    with pytest.raises(refused), database.write() as connection:
        connection.add(installation, rows)
    with database.read() as connection:
        assert ("new",) not in connection.all(NAMES)


def test_text_keeps_every_character_and_sorts_by_bytes(database: Database) -> None:
    made = ["a", "B", "é", "Z", "_", "~", "😀", "a b", "50%", "a'b", ":x", "%s", "%(x)s", "\\"]
    for name in made:
        put(database, name, name)
    assert names(database) == sorted(made, key=str.encode)
    with database.read() as connection:
        assert [connection.first(VALUE, {"called": name}) for name in made] == [
            (name,) for name in made
        ]
        assert connection.first(VALUE, {"called": "none"}) is None


def test_constants_of_a_statement_and_its_parameters_do_not_meet(database: Database) -> None:
    for name in ("a", "b", "50%"):
        put(database, name, name)
    condition = one_of(installation.c.name, ["a", "50%", "x"])
    others = none_of(installation.c.name, ["a", "50%"])
    with database.read() as connection:
        rows = connection.all(VALUE.where(condition), {"called": "50%"})
        assert rows == [("50%",)]
        assert connection.all(VALUE.where(condition), {"called": "b"}) == []
        assert connection.all(select(installation.c.name).where(others)) == [("b",)]


def test_threads_have_their_own_transactions_and_all_of_them_count(database: Database) -> None:
    failed: list[BaseException] = []

    def write(thread: int) -> None:
        try:
            for number in range(20):
                put(database, f"{thread}-{number}")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert failed == []
    assert len(names(database)) == 120


def test_a_closed_database_opens_again_when_it_is_used(database: Database) -> None:
    put(database, "a")
    database.close()
    assert names(database) == ["a"]


def test_processes_that_read_and_then_write_take_turns(sqlite: SqliteDatabase) -> None:
    put(sqlite, "n", "0")
    command = [sys.executable, "-c", COUNTER, str(sqlite.path)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=SECONDS)[1].decode() for process in running] == [""] * 4
    with sqlite.read() as connection:
        assert connection.first(VALUE, {"called": "n"}) == ("400",)


def test_a_write_that_cannot_have_its_turn_says_that_the_service_is_busy(
    sqlite: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudsealed.storage.database._BUSY_SECONDS", 0.05)
    other = SqliteDatabase(sqlite.path)
    with sqlite.write() as connection:
        with pytest.raises(ServiceUnavailableError), other.write():
            raise AssertionError("two writers at once")
        connection.run(INSERT, {"name": "a", "value": "1"})
    put(other, "b")
    assert names(sqlite) == ["a", "b"]
    other.close()


def test_a_read_cannot_write(sqlite: SqliteDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"), sqlite.read() as connection:
        connection.run(INSERT, {"name": "a", "value": "1"})


def test_a_read_past_its_deadline_ends_and_later_reads_are_whole(sqlite: SqliteDatabase) -> None:
    put(sqlite, "a")
    for _ in range(3):
        with pytest.raises(ReadDeadlineError), sqlite.read(0.02) as connection:
            connection.all(ENDLESS)
        assert names(sqlite) == ["a"]
        with sqlite.read(5) as connection:
            assert connection.all(NAMES) == [("a",)]


def test_a_read_within_its_deadline_leaves_no_deadline_behind(sqlite: SqliteDatabase) -> None:
    with sqlite.read(0.001) as connection:
        connection.all(NAMES)
    long = text(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300000)"
        " SELECT count(*) FROM c"
    )
    with sqlite.read() as connection:
        assert connection.all(long) == [(300_000,)]


def test_an_error_of_sql_is_no_deadline(sqlite: SqliteDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), sqlite.read(5) as read:
        read.all(text("SELECT * FROM nowhere"))


@pytest.mark.parametrize("asked", ["SELECT * FROM nowhere", "SELECT nothing FROM tenants"])
def test_a_server_whose_tables_are_of_another_version_is_unavailable(
    cluster: PostgresDatabase, asked: str
) -> None:
    """What was at work when it was migrated is not at fault: it waits."""
    with (
        pytest.raises(ServiceUnavailableError, match="of another version"),
        cluster.write() as connection,
    ):
        connection.all(text(asked))


def test_every_statement_is_planned_for_its_own_values(cluster: PostgresDatabase) -> None:
    with cluster.read() as connection:
        assert connection.first(text("SHOW plan_cache_mode")) == ("force_custom_plan",)
        assert connection.all(select(func.count()).select_from(installation)) == [(0,)]


def test_a_server_that_does_not_answer_is_an_unavailable_service() -> None:
    absent = PostgresDatabase("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(ServiceUnavailableError), absent.read():
        raise AssertionError("something answered")
    with pytest.raises(ServiceUnavailableError), absent.write():
        raise AssertionError("something answered")


@pytest.mark.parametrize("kind", ["read", "write"])
def test_connections_that_the_server_dropped_while_idle_are_replaced_unnoticed(
    cluster: PostgresDatabase, postgres: PostgresServer, kind: str
) -> None:
    put(cluster, "a")
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(names, [cluster] * 60))
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        terminate(admin)
    for _ in range(6):
        opened = cluster.read() if kind == "read" else cluster.write()
        with opened as connection:
            assert connection.all(NAMES) == [("a",)]


@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_connection_that_the_server_drops_in_use_is_an_unavailable_service_once(
    cluster: PostgresDatabase, postgres: PostgresServer, kind: str
) -> None:
    put(cluster, "a")

    def dropped(admin: psycopg.Connection[tuple[object, ...]]) -> None:
        with cluster.read() if kind == "read" else cluster.write() as connection:
            terminate(admin)
            connection.all(NAMES)

    admin = psycopg.connect(postgres.url(), autocommit=True)
    with admin, pytest.raises(ServiceUnavailableError):
        dropped(admin)
    assert names(cluster) == ["a"]


def terminate(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = 'test_cluster'"
    )


def test_a_statement_past_the_deadline_or_the_limit_ends_on_the_server(
    postgres: PostgresServer,
) -> None:
    url = postgres.create("test_limits", "migrated")
    opened = PostgresDatabase(url, connections=1, statement_seconds=1)
    sleep, limit = text("SELECT pg_sleep(20)"), text("SHOW statement_timeout")
    with pytest.raises(ReadDeadlineError), opened.read(0.05) as connection:
        connection.all(sleep)
    with opened.read() as connection:
        assert connection.first(limit) == ("1s",)
    with pytest.raises(ServiceUnavailableError, match="took too long"), opened.read() as connection:
        connection.all(sleep)
    opened.close()
    postgres.drop("test_limits")


def test_a_server_without_room_says_so(postgres: PostgresServer) -> None:
    url = postgres.create("test_room", "migrated")
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    crowded = PostgresDatabase(url.replace("postgres@", "crowded@"))
    with pytest.raises(ServiceUnavailableError, match="takes no more connections"), crowded.read():
        raise AssertionError("there was room")
    with psycopg.connect(postgres.url(), autocommit=True) as admin:
        admin.execute("DROP ROLE crowded")
    postgres.drop("test_room")


def test_both_ends_give_up_a_way_that_is_dead(cluster: PostgresDatabase) -> None:
    shown = {
        "idle_in_transaction_session_timeout": "30s",
        "statement_timeout": "5min",
        "tcp_keepalives_idle": "10",
    }
    with cluster.read() as connection:
        for name, value in shown.items():
            assert connection.first(text(f"SHOW {name}")) == (value,)
        given = connection.raw.info.get_parameters()
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == ("10", "15000")


def test_a_budget_beyond_what_the_server_allows_is_refused_with_what_to_do(
    database: Database,
) -> None:
    require_connections(database, connections=10, processes=2)
    if database.name == "postgresql":
        with pytest.raises(ConnectionBudgetError, match=r"200.*allows 197.*setting to 98"):
            require_connections(database, connections=100, processes=2)
