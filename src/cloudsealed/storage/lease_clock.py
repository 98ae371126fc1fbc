"""The clock by which leases end: one for all who share a database, whatever their own clocks say.

A worker whose clock runs ahead would take what others hold, again and again. On PostgreSQL it is
the server's; those who share a file share a machine, and its clock.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import func, select

from cloudsealed.kit.clock import Clock
from cloudsealed.storage.database import Database, ServiceUnavailableError

_KEPT_SECONDS = 5.0
_NOW = select(func.clock_timestamp())


def lease_clock(database: Database, clock: Clock) -> Clock:
    """Return the clock of a database's leases; `clock` is this machine's."""
    return clock if database.name == "sqlite" else _ServersClock(database)


class _ServersClock:
    """Asks the server now and then, and counts by this machine's monotonic clock in between; also
    for as long as the server is away.

    One thread asks at a time and nobody waits for it: who has a connection must not wait for one
    who has none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asking = threading.Lock()
        self._heard: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        said, at = self._heard or self._ask()
        if monotonic() - at > _KEPT_SECONDS and self._asking.acquire(blocking=False):
            try:
                with suppress(ServiceUnavailableError):
                    said, at = self._ask()
            finally:
                self._asking.release()
        return said + timedelta(seconds=monotonic() - at)

    def _ask(self) -> tuple[datetime, float]:
        with self._database.read() as connection:
            row = connection.first(_NOW)
        assert row is not None
        self._heard = row[0], monotonic()
        return self._heard
