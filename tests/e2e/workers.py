"""Worker processes over one store and one emulated cloud, and how an audit of theirs stands."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import bindparam, func, select
from tests.e2e.installation import Document, Installation
from tests.program import Started, program
from tests.waiting import SECONDS, until

from cloudsealed.settings import Settings
from cloudsealed.storage.schema import audit_shards, calls, jobs
from cloudsealed.testing.emulator import Emulator

UNPACED = """
from cloudsealed.collectors.aws import client
from cloudsealed.collectors.calling import caller
client.CEILINGS, caller.DEFAULT_CEILING = {}, 1e6  # an emulator needs no ceiling
"""
SOON = """
from cloudsealed.audits import shard_store
from cloudsealed.audits.steps import supervision
from cloudsealed.jobs import store, worker
for module in (shard_store, store, worker, supervision):  # a worker that died is missed soon
    for name, seconds in (("LEASE_SECONDS", 4), ("RENEW_SECONDS", 1)):
        if hasattr(module, name):
            setattr(module, name, seconds)
"""
RUN = """
import os, threading
from cloudsealed import wiring
from cloudsealed.cli.work import work
from cloudsealed.settings import Settings
from cloudsealed.working import worker_process
services = wiring.build_services(Settings.from_environment(os.environ))
work(worker_process(services), threading.Event())
"""
WORKER = UNPACED + SOON + RUN


class Workers:
    """Worker processes over one store and one emulated cloud, with `more` in their environment."""

    def __init__(
        self,
        settings: Settings,
        cloud: Emulator,
        code: str = WORKER,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._code = code
        self._environment = {
            **os.environ,
            **cloud.environment(),
            "CLOUDSEALED_DATA_DIR": str(settings.data_dir),
            "CLOUDSEALED_DATABASE_URL": settings.database_url,
            **(more or {}),
        }
        self.alive: list[Started] = []

    def start(self, number: int) -> None:
        for _ in range(number):
            self.alive.append(program().start(code=self._code, environment=self._environment))

    def kill(self, number: int) -> None:
        for process in [self.alive.pop(0) for _ in range(min(number, len(self.alive)))]:
            process.kill()
            process.wait(SECONDS)


def count(installation: Installation, statement: Any, audit: str) -> int:
    with installation.services.database.read() as connection:
        row = connection.first(statement, {"audit": audit})
    return int(row[0]) if row else 0


CALLS = select(func.count()).where(calls.c.audit_id == bindparam("audit"))
LEFT = select(func.count()).where(audit_shards.c.audit_id == bindparam("audit"))
HANDS = select(func.count(jobs.c.owner.distinct())).where(
    jobs.c.subject == bindparam("audit"), jobs.c.status == "done"
)


def ended(installation: Installation, audit: str) -> Document:
    def found() -> Document | None:
        shown = installation.get(audit)
        return shown if shown["status"] in ("completed", "failed", "canceled") else None

    ended: Document = until(found, "the audit ends")
    return ended


@contextmanager
def at_work(
    settings: Settings,
    cloud: Emulator,
    number: int,
    code: str = WORKER,
    more: Mapping[str, str] | None = None,
) -> Iterator[Workers]:
    """Have workers until the block ends."""
    workers = Workers(settings, cloud, code, more)
    workers.start(number)
    try:
        yield workers
    finally:
        workers.kill(len(workers.alive))


def calls_of(installation: Installation, audit: str, more_than: int) -> int:
    """Wait until an audit has made more calls than that; return how many."""

    def made() -> int:
        found = count(installation, CALLS, audit)
        return found if found > more_than else 0

    return int(until(made, "calls are made"))


def same(installation: Installation, audit: str) -> Document:
    """Wait for an audit's end; it is what one process concludes from its ledger."""
    shown = ended(installation, audit)
    assert shown["status"] == "completed", shown["error"]
    assert count(installation, LEFT, audit) == 0
    assert installation.reanalyze(audit)["verdict_digest"] == shown["verdict_digest"]
    return shown
