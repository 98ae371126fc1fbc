"""Reads of evidence and downloads, told by events that are written in batches.

A read waits for no write: its event is kept in memory until the next flush. What a process that is
killed had not flushed is lost. At most MOST are kept, as when a full disk takes no write; further
ones are counted, and an event says how many they were once the disk takes it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudsealed.events.deed import Actor
from cloudsealed.events.store import append
from cloudsealed.storage.database import Database
from cloudsealed.vocabulary import EventType

MOST = 10_000
FLUSH_SECONDS = 2.0
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Read:
    """One read, as its event will tell it; `at` is RFC 3339."""

    tenant: str
    kind: EventType
    subject: str
    actor: Actor
    request_id: str
    at: str
    data: Mapping[str, Any]


class Reads:
    """The reads of a process that are not written yet."""

    def __init__(self, database: Database, *, most: int = MOST) -> None:
        self._database = database
        self._most = most
        self._waiting: list[Read] = []
        self._lost: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def add(self, read: Read) -> None:
        """Keep a read for the next flush; it takes no time that a request would notice."""
        with self._lock:
            if len(self._waiting) < self._most:
                self._waiting.append(read)
            else:
                self._lost[read.tenant] += 1

    def flush(self) -> None:
        """Write what is kept, oldest first, some hundred in a transaction; what cannot be written
        stays. Raises what the database does."""
        with self._flushing:
            while self._waiting or self._lost:
                self._write(self._waiting[:_BATCH], dict(self._lost))

    def _write(self, reads: list[Read], lost: Mapping[str, int]) -> None:
        with self._database.write() as connection:
            for read in reads:
                append(
                    connection,
                    tenant=read.tenant,
                    kind=read.kind,
                    subject=read.subject,
                    data=read.data,
                    actor=read.actor,
                    request_id=read.request_id,
                    at=read.at,
                )
            for tenant, count in lost.items():
                append(
                    connection,
                    tenant=tenant,
                    kind=EventType.READS_LOST,
                    subject=tenant,
                    data={"count": count},
                )
        with self._lock:
            del self._waiting[: len(reads)]
            self._lost -= Counter(lost)
