"""A worker that stands alone is watched like the one beside `serve`."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.migrated import with_tables
from tests.waiting import SECONDS, until

from cloudsealed.jobs import PulseStore
from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keys import ensure_keys

Seen = Callable[[], set[int]]


@contextmanager
def standing(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Seen]]:
    """Run the command `worker`; yield its process, and what tells which workers are up."""
    settings = Settings(data_dir=folder)
    ensure_keys(settings.key_path)
    with_tables(settings)
    database = SqliteDatabase(settings.sqlite_path)

    def seen() -> set[int]:
        return {int(pulse.name.rpartition(":")[2]) for pulse in PulseStore(database).all()}

    process = subprocess.Popen(
        [sys.executable, "-m", "cloudsealed.cli.main", "worker", *options],
        env={**os.environ, "CLOUDSEALED_DATA_DIR": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, seen
    finally:
        process.kill()
        process.wait()
        database.close()


def test_a_worker_that_stands_alone_comes_back_when_it_is_killed_and_ends_when_asked(
    tmp_path: Path,
) -> None:
    with standing(tmp_path) as (process, seen):
        (first,) = until(seen, "the worker is seen")
        os.kill(first, signal.SIGKILL)
        until(lambda: seen() - {first}, "the next one is seen")
        process.terminate()
        assert process.wait(SECONDS) == 0
        assert seen() <= {first}, "the one that ended in order said so"


def test_several_processes_work_each_comes_back_and_all_end_together(tmp_path: Path) -> None:
    with standing(tmp_path, "--processes", "2") as (process, seen):
        two = until(lambda: seen() if len(seen()) == 2 else None, "both are seen")
        os.kill(min(two), signal.SIGKILL)
        until(
            lambda: len(seen() - {min(two)}) == 2, "another one is seen beside the one that stayed"
        )
        assert max(two) in seen()
        process.terminate()
        assert process.wait(SECONDS) == 0
        assert seen() <= {min(two)}, "those that ended in order said so"


def test_a_worker_ends_when_a_newer_version_migrates_its_database_and_works_when_it_is_as_it_was(
    tmp_path: Path,
) -> None:
    with standing(tmp_path) as (process, seen):
        (first,) = until(seen, "the worker is seen")
        file = sqlite3.connect(Settings(data_dir=tmp_path).sqlite_path, isolation_level=None)
        (ours,) = file.execute("SELECT version_num FROM alembic_version").fetchone()
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        until(lambda: not seen(), "it ends in order")
        file.execute("UPDATE alembic_version SET version_num = ?", [ours])
        file.close()
        until(lambda: seen() - {first}, "the next one is seen")
        process.terminate()
        assert process.wait(SECONDS) == 0
