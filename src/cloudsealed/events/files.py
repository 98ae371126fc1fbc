"""Files of a tenant's events, in the order of their chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from cloudsealed.events.chain_store import extend
from cloudsealed.events.export import written
from cloudsealed.events.store import EventStore
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.storage.exports import kept, slot, timed
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.snapshot import snapshot

_CHAINED = 20  # batches of events that an export chains first


class EventFiles:
    """Writes events to files that are kept until they are sent."""

    def __init__(self, *, database: Database, keys: KeyRing, folder: Path) -> None:
        """`folder` is where files are kept."""
        self._database = database
        self._keys = keys
        self._folder = folder
        self._events = EventStore(database)

    def export(
        self, *, tenant: str, filters: Mapping[str, tuple[str, ...]], after: int, wanted: str
    ) -> Iterator[bytes]:
        """Return the pieces of a file of the tenant's events after one's number in the chain; what
        has no place in it yet gets one first, if the disk takes it. `wanted` is one of
        `events.export.FORMATS`."""
        with suppress(ServiceUnavailableError):
            any(not extend(self._database, self._keys, tenant=tenant) for _ in range(_CHAINED))
        with slot(), snapshot(self._database):
            found = timed(self._events.chained(tenant=tenant, filters=filters, after=after))
            return kept(written(found, wanted), self._folder)
