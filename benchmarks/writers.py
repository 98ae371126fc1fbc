"""What those who write one audit at once cost each other, on PostgreSQL.

    python -m benchmarks.writers [WRITERS [SECONDS]]

Each writer is a process with a lease of its own for some places of one audit, and writes a call
into the ledger a transaction, as fast as it can: every one of these checks the lease under the
audit's fence. Measured are the transactions a second of one writer and of WRITERS (12), each for
SECONDS (5), by turns, and the best of the rounds of each. The server is started as the tests do it,
with a commit that waits for its log, but no disk that is waited for: with one the ratio is better,
for commits wait together. With BENCHMARK_DATABASE_URL it is an empty database of another server.
Bar: 2 times those of one. Exits 1 when it is missed.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.servers import PostgresServer

from cloudsealed.audits.model import NO_PROGRESS, Audit, Scope
from cloudsealed.audits.shard_store import Lease, Shard, Shards, Step
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.model import Place, unit_of
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.settings import Settings
from cloudsealed.storage.lease_clock import lease_clock
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import calls
from cloudsealed.vocabulary import AuditKind, AuditStatus

TENANT, ACCOUNT = "ten_01BENCHMARK0000000000000000", "123456789012"
ROUNDS, BAR = 3, 2.0


def _audit(settings: Settings, places: int) -> str:
    """Add an audit that waits to be collected in so many places; return its id."""
    database = open_database(settings)
    ident, now = new_id("aud"), rfc3339(utc_now())
    values: dict[str, Any] = {
        **dict.fromkeys(Audit.__dataclass_fields__),
        "id": ident,
        "source_id": ident,
        "kind": AuditKind.LIVE,
        "status": AuditStatus.COLLECTING,
        "connection_ids": ("con_bench",),
        "scope": Scope(),
        "clock": now,
        "created_at": now,
        "started_at": now,
        "progress": NO_PROGRESS,
    }
    with database.write() as connection:
        AuditStore(database, utc_now).insert(connection, tenant=TENANT, audit=Audit(**values))
        shards = Shards(database, lease_clock(database, utc_now))
        shards.reopen(connection, tenant=TENANT, ident=ident)
        new = [Shard(Step.COLLECT, ACCOUNT, f"eu-test-{n}") for n in range(places)]
        shards.add(connection, tenant=TENANT, ident=ident, new=new)
    database.close()
    return ident


def _row(lease: Lease, page: int) -> dict[str, Any]:
    place = Place(ACCOUNT, lease.parts[0].region)
    unit = unit_of(place, "sqs", "ListQueues", {}, page)
    named = ("provider", "account", "region", "service", "operation", "parameters", "page")
    return {
        **dict.fromkeys(column.name for column in calls.columns),
        "tenant_id": TENANT,
        "audit_id": lease.audit_id,
        **{name: getattr(unit, name) for name in named},
        "outcome": "empty",
        "attempts": 1,
        "duration_ms": 1,
        "called_at": rfc3339(utc_now()),
    }


def _writes(settings: Settings, ident: str, seconds: float, gate: Any, sent: Any) -> None:
    """Write for some seconds, and send how many transactions that were."""
    database = open_database(settings)
    shards = Shards(database, lease_clock(database, utc_now))
    lease = shards.take(tenant=TENANT, ident=ident, owner=f"bench-{os.getpid()}", shared=True)
    assert lease is not None
    gate.wait()
    ends, number = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        with lease.write() as connection:
            connection.run(calls.insert(), _row(lease, number))
        number += 1
    sent.put(number)
    database.close()


def measured(settings: Settings, writers: int, seconds: float) -> float:
    """Return the transactions a second of so many writers of a new audit."""
    ident = _audit(settings, places=32 * writers)
    context = multiprocessing.get_context("spawn")
    gate, sent = context.Barrier(writers), context.Queue()
    given = (settings, ident, seconds, gate, sent)
    processes = [context.Process(target=_writes, args=given) for _ in range(writers)]
    for process in processes:
        process.start()
    total = sum(sent.get() for _ in processes)
    for process in processes:
        process.join()
    return total / seconds


def main(writers: int = 12, seconds: float = 5) -> int:
    """Measure and compare with the bar."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = os.environ.get("BENCHMARK_DATABASE_URL", "")
        if not url:
            server = PostgresServer(keeps=True)
            stack.callback(server.stop)
            url = server.create("writers")
        settings = Settings(data_dir=folder, database_url=url)
        migrate(settings)
        best: dict[int, float] = {}
        for number in (1, writers) * ROUNDS:
            rate = measured(settings, number, seconds)
            best[number] = max(best.get(number, 0.0), rate)
            print(f"{number} writers: {rate:,.0f} transactions a second", flush=True)
    ratio = best[writers] / best[1]
    print(f"{writers} writers: {ratio:.2f} x one (bar {BAR:g})")
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
