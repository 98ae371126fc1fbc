"""What `/metrics` shows beside the counts of requests: jobs, audits, workers, database, disk.

Read anew for a scrape, at most every few seconds and in the background: a database that hangs
keeps no scrape from the other figures. Labels are kinds and outcomes, never an identity
of a tenant, user or account.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from cloudsealed.api.parts import free_bytes
from cloudsealed.audits.shard_store import Shards
from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import PulseStore
from cloudsealed.jobs.store import JobStore
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.exposition import Family
from cloudsealed.kit.looks import Looks, TooOldError
from cloudsealed.wiring import Services

log = logging.getLogger(__name__)

_KEPT, _OLDEST = 3.0, 30.0
COUNTED: Mapping[str, str] = {
    "jobs_ended": "Runs of jobs by kind and outcome",
    "provider_calls": "Calls of providers by service and outcome",
    "provider_throttles": "Answers of providers that asked for a slower pace, by service",
}
"""What workers count, each with its help."""


class Gauges:
    """Figures of the installation, for every process that serves it the same, but for `pool`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked = Looks(self._of_the_database, kept=_KEPT, oldest=_OLDEST)

    def collect(self) -> Iterator[Family]:
        """Yield every family; one that cannot be read now is left out."""
        with suppress(TooOldError):
            yield from self._asked.wait()
        for family in (self._pool, self._disk, _threads):
            yield from _readable(family)

    def _of_the_database(self) -> list[Family]:
        families = (self._counts, self._jobs, self._audits, self._shards, self._workers)
        return [found for family in families for found in _readable(family)]

    def _counts(self) -> Iterator[Family]:
        found: dict[str, Family] = {}
        for (name, labels), value in PulseStore(self._services.database).counted():
            family = found.setdefault(
                name,
                Family(
                    f"cloudsealed_{name}_total",
                    "counter",
                    COUNTED[name],
                    tuple(label for label, _ in labels),
                ),
            )
            family.add([text for _, text in labels], value)
        yield from found.values()

    def _jobs(self) -> Iterator[Family]:
        labels = ("kind", "status")
        number = Family("cloudsealed_jobs", "gauge", "Jobs by kind and status", labels)
        age = Family(
            "cloudsealed_jobs_oldest_seconds",
            "gauge",
            "Age of the oldest job by kind and status",
            labels,
        )
        now = self._services.clock()
        for row in JobStore(self._services.database).standing():
            seconds = (now - parse_rfc3339(row.oldest)).total_seconds()
            number.add([row.kind, row.status], row.count)
            age.add([row.kind, row.status], max(0.0, seconds))
        yield number
        yield age

    def _audits(self) -> Iterator[Family]:
        found = Family("cloudsealed_audits", "gauge", "Audits by status", ("status",))
        store = AuditStore(self._services.database, self._services.clock)
        for status, number in store.standing().items():
            found.add([status], number)
        yield found

    def _shards(self) -> Iterator[Family]:
        number = Family(
            "cloudsealed_shards",
            "gauge",
            "Parts of audits that are not done: places to collect, accounts to judge and reconcile",
            ("step", "state"),
        )
        age = Family(
            "cloudsealed_shards_oldest_seconds",
            "gauge",
            "For how long the first part of a step has waited for a worker",
            ("step",),
        )
        now = self._services.clock()
        for row in Shards(self._services.database, self._services.clock).standing():
            number.add([row.step, "waits" if row.waits else "held"], row.count)
            if row.since is not None:
                age.add([row.step], max(0.0, (now - row.since).total_seconds()))
        yield from (number, age)

    def _workers(self) -> Iterator[Family]:
        seen = Family(
            "cloudsealed_worker_seen_seconds",
            "gauge",
            "Seconds since a worker was alive",
            ("worker",),
        )
        figures = {
            name: Family(f"cloudsealed_worker_{name}", "gauge", text, ("worker",))
            for name, text in (
                ("open_files", "Open files of a worker"),
                ("resident_bytes", "Resident memory of a worker"),
                ("threads", "Threads of a worker"),
            )
        }
        pool = Family(
            "cloudsealed_worker_database_connections",
            "gauge",
            "Database connections of a worker: in use, and their limit",
            ("worker", "state"),
        )
        now = self._services.clock()
        for pulse in PulseStore(self._services.database).all():
            seen.add([pulse.name], pulse.age(now))
            for name, family in figures.items():
                if name in pulse.state:
                    family.add([pulse.name], pulse.state[name])
            for state, value in pulse.state.get("connections", {}).items():
                pool.add([pulse.name, state], value)
        yield from (seen, *figures.values(), pool)

    def _pool(self) -> Iterator[Family]:
        found = Family(
            "cloudsealed_database_connections",
            "gauge",
            "Database connections of this process: in use, and their limit",
            ("state",),
        )
        for state, value in self._services.database.pool_status().items():
            found.add([state], value)
        yield found

    def _disk(self) -> Iterator[Family]:
        found = Family("cloudsealed_disk_free_bytes", "gauge", "Free bytes", ("folder",))
        settings = self._services.settings
        for name, folder in (("data", settings.data_dir), ("blobs", settings.blob_dir)):
            found.add([name], free_bytes(folder))
        yield found


def _threads() -> Iterator[Family]:
    found = Family("cloudsealed_threads", "gauge", "Threads of this process")
    found.add((), threading.active_count())
    yield found


def _readable(family: Callable[[], Iterator[Family]]) -> list[Family]:
    try:
        return list(family())
    except Exception as error:
        log.warning("metrics: %s is left out: %s", family.__name__, type(error).__name__)
        return []
