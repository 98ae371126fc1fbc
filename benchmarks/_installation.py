"""New installations to measure: on SQLite, or on a PostgreSQL started as the tests do it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _process import cpu_below
from tests.servers import PostgresServer

from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate


@dataclass(frozen=True)
class Installation:
    """An installation that nobody uses yet. `server_cpu` tells the seconds of the processor that
    its PostgreSQL had, 0 of SQLite."""

    settings: Settings
    server_cpu: Callable[[], float]


@contextmanager
def installation(store: str) -> Iterator[Installation]:
    """Make one whose store is `sqlite` or `postgresql`, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="cloudsealed-bench-") as folder:
        if store == "sqlite":
            yield Installation(_migrated(Path(folder), ""), lambda: 0.0)
            return
        server = PostgresServer(keeps=True)
        try:
            url = server.create("benchmark")
            yield Installation(_migrated(Path(folder), url), lambda: cpu_below(server.pid))
        finally:
            server.stop()


def _migrated(folder: Path, url: str) -> Settings:
    settings = Settings(data_dir=folder, database_url=url)
    ensure_keys(settings.key_path)
    migrate(settings)
    return settings
