"""Rows of workers, each with the moment at which it was last alive, and what they counted.

A worker is another process, often on another host: what the API says of it stands here. The only
SQL of both tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from cloudsealed.kit.clock import parse_rfc3339, rfc3339
from cloudsealed.kit.counts import Series
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.schema import counts, workers

BEAT_SECONDS = 5.0
DEAD_SECONDS = 30.0
"""A worker that was not seen for so long is taken for dead."""
_KEPT = timedelta(hours=1)

_insert = insert(workers)
_BEAT = _insert.on_conflict_do_update(
    index_elements=["name"],
    set_={name: _insert.excluded[name] for name in ("started_at", "seen_at", "state")},
)
_ALL = select(workers.c.name, workers.c.seen_at, workers.c.state).order_by(
    workers.c.name
)  # tenantless: housekeeping
_GONE = workers.delete().where(workers.c.name == bindparam("gone"))  # tenantless: housekeeping
_FORGET = workers.delete().where(
    workers.c.seen_at < bindparam("before")
)  # tenantless: housekeeping
_add = insert(counts)
_COUNT = _add.on_conflict_do_update(
    index_elements=["name", "labels"], set_={"value": counts.c.value + _add.excluded.value}
)
_COUNTED = select(
    counts.c.name, counts.c.labels, counts.c.value
).order_by(  # tenantless: housekeeping
    counts.c.name, counts.c.labels
)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is known of a worker. `state` is what it said of itself: figures, and `faults`."""

    name: str
    seen_at: str
    state: Mapping[str, Any]

    def age(self, now: datetime) -> float:
        """Return how many seconds ago it was alive."""
        return max(0.0, (now - parse_rfc3339(self.seen_at)).total_seconds())


class PulseStore:
    """Reads and writes the pulses of workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(
        self,
        *,
        name: str,
        started_at: datetime,
        now: datetime,
        state: Mapping[str, Any],
        counted: Mapping[Series, int],
    ) -> None:
        """Write that a worker is alive, and add what it counted since its last beat."""
        row = {
            "name": name,
            "started_at": rfc3339(started_at),
            "seen_at": rfc3339(now),
            "state": orjson.dumps(state).decode(),
        }
        with self._database.write() as connection:
            connection.run(_FORGET, {"before": rfc3339(now - _KEPT)})
            connection.run(_BEAT, row)
            _write_counts(connection, counted)

    def leave(self, name: str) -> None:
        """Forget a worker that ended in order."""
        with self._database.write() as connection:
            connection.run(_GONE, {"gone": name})

    def all(self) -> list[Pulse]:
        """Return every worker of the last hour that did not end in order."""
        with self._database.read() as connection:
            return [
                Pulse(name, seen, orjson.loads(state)) for name, seen, state in connection.all(_ALL)
            ]

    def is_first(self, name: str, now: datetime) -> bool:
        """Say whether no worker that is alive comes before one, by name: the first does what one is
        enough for."""
        return not any(p.name < name and p.age(now) <= DEAD_SECONDS for p in self.all())

    def counted(self) -> Iterator[tuple[Series, int]]:
        """Yield what every worker counted, in all."""
        with self._database.read() as connection:
            rows = connection.all(_COUNTED)
        for name, labels, value in rows:
            yield (name, tuple((k, v) for k, v in orjson.loads(labels))), value


def _write_counts(connection: Connection, counted: Mapping[Series, int]) -> None:
    rows = [
        {"name": name, "labels": orjson.dumps(labels).decode(), "value": amount}
        for (name, labels), amount in sorted(counted.items())
    ]
    if rows:
        connection.many(_COUNT, rows)
