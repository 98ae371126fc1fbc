"""Advisory locks of a session of PostgreSQL, by which processes see what is in flight."""

from __future__ import annotations

import threading
from contextlib import suppress

import psycopg

from cloudsealed.storage.postgres import PostgresDatabase, answering


class SessionLocks:
    """Advisory locks of one session of PostgreSQL, which ends with its process.

    The session is one of the pool's, lent for good, so it counts in the budget of connections. One
    that broke is replaced, and what it had locked is then only known in this process.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._raw: psycopg.Connection[tuple[object, ...]] | None = None
        self._lock = threading.Lock()

    def take(self, place: int) -> bool:
        """Take a number; False when another session has it."""
        with self._lock, answering():
            try:
                return self._try(place)
            except psycopg.OperationalError:
                self._give_up()
                return self._try(place)

    def free(self, place: int) -> None:
        """Let go of a number."""
        with self._lock, suppress(psycopg.Error):  # a session that broke has freed it
            if self._raw is not None:
                self._raw.execute("SELECT pg_advisory_unlock(%s)", (place,))

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._give_up()

    def _try(self, place: int) -> bool:
        if self._raw is None:
            self._raw = self._database.lend()
        row = self._raw.execute("SELECT pg_try_advisory_lock(%s)", (place,)).fetchone()
        return row is not None and bool(row[0])

    def _give_up(self) -> None:
        if self._raw is not None:
            raw, self._raw = self._raw, None
            raw.close()
            self._database.take_back(raw)
