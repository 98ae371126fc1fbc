"""The parts of a running installation, and what is wrong with each: what `/readyz` says.

A part whose fault is `fatal` keeps this process from answering requests. The others are named, and
requests go on being answered: to drop the API because the worker is dead would take both away.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import PulseStore
from cloudsealed.jobs.pulse_store import DEAD_SECONDS
from cloudsealed.jobs.store import JobStore
from cloudsealed.kit.clock import parse_rfc3339
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.exposition import Family
from cloudsealed.kit.looks import Looks, TooOldError
from cloudsealed.storage.database import ping
from cloudsealed.storage.keys import load_keys
from cloudsealed.storage.ownership import check_fingerprint
from cloudsealed.storage.revision import schema_fault
from cloudsealed.wiring import Services

log = logging.getLogger(__name__)

LEAST_FREE = 64 * 1024 * 1024
LONGEST_WAIT = 3600.0
_ANSWER_KEPT, _OLDEST = 1.0, 15.0
_SILENT = "It has not answered for seconds"
Facts = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """How a part is: its `fault` for people, None if it has none, and its facts."""

    fault: str | None
    facts: Facts
    fatal: bool = False

    def public(self) -> Facts:
        """Return what `/readyz` shows of it."""
        return {"fault": self.fault, **self.facts}


_NO_DATABASE: Mapping[str, Finding] = {"database": Finding(_SILENT, {}, fatal=True)}


class Parts:
    """Looks at every part, in the background and at most once a second, however many ask."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._looks: Mapping[str, Callable[[], Finding]] = {
            "database": self._database,
            "schema": self._schema,
            "worker": self._worker,
            "jobs": self._jobs,
            "audits": self._audits,
            "disk": self._disk,
            "keys": self._keys,
        }
        self._seen = Looks(self._look, kept=_ANSWER_KEPT, oldest=_OLDEST)
        self._faults = {"limits": Looks(services.counters.fault, kept=0, oldest=_OLDEST)}
        if services.settings.has_object_store:
            self._faults["blobs"] = Looks(services.blobs.fault, kept=_OLDEST / 3, oldest=_OLDEST)

    async def look(self) -> Mapping[str, Finding]:
        """Return every part as it was seen last; who asks waits for nothing that hangs."""
        found = await _now(self._seen, _NO_DATABASE)
        others = {
            name: Finding(await _now(looks, _SILENT), {}) for name, looks in self._faults.items()
        }
        return {**found, **others}

    def seen(self) -> Mapping[str, Finding]:
        """Return what `look` does, in a thread of the caller's."""
        found = _waited(self._seen, _NO_DATABASE)
        others = {
            name: Finding(_waited(looks, _SILENT), {}) for name, looks in self._faults.items()
        }
        return {**found, **others}

    def collect(self) -> Iterator[Family]:
        """Yield which parts are at fault, for Prometheus."""
        found = Family(
            "cloudsealed_part_fault",
            "gauge",
            "1 for a part that /readyz names, 0 for one without a fault",
            ("part",),
        )
        for name, part in self.seen().items():
            found.add([name], float(part.fault is not None))
        yield found

    def _look(self) -> Mapping[str, Finding]:
        return {name: _seen(look) for name, look in self._looks.items()}

    def _database(self) -> Finding:
        try:
            with self._services.database.read() as connection:
                ping(connection)
        except Exception as error:
            if not isinstance(error, CloudSealedError):
                log.exception("the database does not answer")
            return Finding("The database does not answer", {}, fatal=True)
        return Finding(None, {})

    def _schema(self) -> Finding:
        with self._services.database.read() as connection:
            fault = schema_fault(connection)
        return Finding(fault, {}, fatal=fault is not None)

    def _worker(self) -> Finding:
        now = self._services.clock()
        found = PulseStore(self._services.database).all()
        alive = [pulse for pulse in found if pulse.age(now) <= DEAD_SECONDS]
        seen = max((pulse.seen_at for pulse in found), default=None)
        facts = {"alive": len(alive), "seen_at": seen}
        if not alive:
            return Finding("No worker is alive: audits and reports wait", facts)
        faults = {
            f"{name}: {text}" for pulse in alive for name, text in pulse.state["faults"].items()
        }
        return Finding("; ".join(sorted(faults)) or None, facts)

    def _jobs(self) -> Finding:
        found = JobStore(self._services.database).standing()
        waiting = [row for row in found if row.status == "queued"]
        oldest = min((row.oldest for row in waiting), default=None)
        facts = {
            "waiting": sum(row.count for row in waiting),
            "running": sum(row.count for row in found if row.status == "running"),
            "oldest_waiting_at": oldest,
        }
        now = self._services.clock()
        waited = (now - parse_rfc3339(oldest)).total_seconds() if oldest else 0.0
        fault = f"The oldest job has waited for {waited:.0f} seconds"
        return Finding(fault if waited > LONGEST_WAIT else None, facts)

    def _audits(self) -> Finding:
        """Show how the last audit ended; that a cloud refused one is no fault of ours."""
        last = AuditStore(self._services.database, self._services.clock).last_ended()
        if last is None:
            return Finding(None, {"last_status": None, "last_ended_at": None})
        status, ended, code = last
        ours = code == CloudSealedError.code
        fault = "The last audit failed by a fault of the server: its log says why"
        return Finding(fault if ours else None, {"last_status": status, "last_ended_at": ended})

    def _disk(self) -> Finding:
        settings = self._services.settings
        free = min(free_bytes(folder) for folder in (settings.data_dir, settings.blob_dir))
        fault = (
            f"Only {free // 2**20} MiB are free in the data folder; nothing is written when full"
        )
        return Finding(fault if free < LEAST_FREE else None, {"free_bytes": free})

    def _keys(self) -> Finding:
        """Judge the key file by what the server began with, and by the database."""
        found = load_keys(self._services.settings.key_path)
        if found.fingerprint != self._services.keys.fingerprint:
            return Finding(
                "The key file is not the one that this server began with: start it again", {}
            )
        if found.keys != self._services.keys.keys:
            return Finding("A key was replaced since this server began: start it again", {})
        with self._services.database.read() as connection:
            return Finding(check_fingerprint(connection, found), {})


async def _now(looks: Looks[T], otherwise: T) -> T:
    try:
        return await looks.seen()
    except TooOldError:
        return otherwise


def _waited(looks: Looks[T], otherwise: T) -> T:
    try:
        return looks.wait()
    except TooOldError:
        return otherwise


def free_bytes(folder: Path) -> int:
    """Return how much may still be written where a folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _seen(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:
        reason = CloudSealedError.reason(error, f"It cannot be looked at: {type(error).__name__}")
        return Finding(reason["message"], {})
