"""A worker that stands alone is watched like the one beside `serve`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.migrated import with_tables
from tests.waiting import SECONDS, until

from cloudsealed.jobs import PulseStore
from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keys import ensure_keys


def test_a_worker_that_stands_alone_comes_back_when_it_is_killed_and_ends_when_asked(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path)
    ensure_keys(settings.key_path)
    with_tables(settings)
    database = SqliteDatabase(settings.sqlite_path)

    def seen() -> set[int]:
        return {int(pulse.name.rpartition(":")[2]) for pulse in PulseStore(database).all()}

    process = subprocess.Popen(
        [sys.executable, "-m", "cloudsealed.cli.main", "worker"],
        env={**os.environ, "CLOUDSEALED_DATA_DIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    (first,) = until(seen, "the worker is seen")
    os.kill(first, signal.SIGKILL)
    until(lambda: seen() - {first}, "the next one is seen")
    process.terminate()
    assert process.wait(SECONDS) == 0
    assert seen() <= {first}, "the one that ended in order said so"
    database.close()
