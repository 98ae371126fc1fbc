"""What is in flight: a name that one at a time holds, in all processes of an installation.

Whoever holds a name and dies lets it go at once: other processes see it by a lock that the system
or the server ends with its process. It only says who is first; what is done once is made sure by a
row. It refuses to wait.
"""

from __future__ import annotations

import fcntl
import os
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from cloudsealed.storage.database import Database, ServiceUnavailableError, SqliteDatabase
from cloudsealed.storage.private import private_file

FILE, CALLS = "flights.lock", "calls.lock"
"""The files of what is in flight: writes with a key, and calls to providers. A process opens each
once."""

_PLACES = 1 << 62  # names are told apart by a hash: what both databases can lock


class _Locks(Protocol):
    """Locks between processes, by number; one process takes a number once."""

    def take(self, place: int) -> bool: ...

    def free(self, place: int) -> None: ...

    def close(self) -> None: ...


class Flights:
    """The names that are in flight. Safe for threads."""

    def __init__(self, locks: _Locks | None) -> None:
        self._locks = locks
        self._here: set[int] = set()
        self._lock = threading.Lock()

    def take(self, name: str) -> bool:
        """Begin the flight of a name; False while another flies it, here or in another process."""
        place = _place(name)
        with self._lock:
            if place in self._here:
                return False
            self._here.add(place)
        is_first = False
        try:
            is_first = self._locks is None or self._locks.take(place)
        finally:
            if not is_first:
                self._here.discard(place)
        return is_first

    def end(self, name: str) -> None:
        """End a flight that was taken."""
        place = _place(name)
        if self._locks is not None:
            self._locks.free(place)
        self._here.discard(place)

    def close(self) -> None:
        """Let go of everything; it opens again when it is used."""
        if self._locks is not None:
            self._locks.close()


def _place(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) % _PLACES


class _FileLocks:
    """Locks of single bytes of an empty file: the kernel frees those of a process that ends.

    The file is opened once: closing any descriptor of it would free every lock of the process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._lock = threading.Lock()

    def take(self, place: int) -> bool:
        try:
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ServiceUnavailableError(f"{self._path} cannot be locked: {error}") from error
        return True

    def free(self, place: int) -> None:
        fcntl.lockf(self._opened(), fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _opened(self) -> int:
        with self._lock:
            if self._descriptor is None:
                private_file(self._path)
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
            return self._descriptor


def open_flights(database: Database, file: str = FILE) -> Flights:
    """Return the flights of a database's installation; beside SQLite they are locks of a file.

    A process with one connection to PostgreSQL has none to spare: it knows only its own.
    """
    if isinstance(database, SqliteDatabase):
        return Flights(_FileLocks(database.path.with_name(file)))
    from cloudsealed.storage.postgres import PostgresDatabase  # which is slow to import
    from cloudsealed.storage.session_locks import SessionLocks

    assert isinstance(database, PostgresDatabase)
    return Flights(SessionLocks(database) if database.size > 1 else None)
