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
    for as long as the server is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.Lock()
        self._said: datetime | None = None
        self._at = 0.0

    def __call__(self) -> datetime:
        with self._turn:
            if self._said is None:
                self._ask()
            elif monotonic() - self._at > _KEPT_SECONDS:
                with suppress(ServiceUnavailableError):
                    self._ask()
            assert self._said is not None
            return self._said + timedelta(seconds=monotonic() - self._at)

    def _ask(self) -> None:
        with self._database.read() as connection:
            row = connection.first(_NOW)
        assert row is not None
        self._said, self._at = row[0], monotonic()
