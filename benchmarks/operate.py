"""What docs/operate counts with: `python benchmarks/operate.py` prints it.

Audits of the sample estate that find nothing new, made in this process against an emulated AWS
without ceilings: CPU a call, and what each leaves in the store. What a worker does for each tenant
every few seconds, and what looks over all audits take. A span, where nothing is traced and where it
is sent. Of SQLite, or of the empty PostgreSQL database that BENCHMARK_DATABASE_URL names, whose own
CPU is not counted. It has no bars: what the figures mean is for docs/operate to say.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import text
from tests.collector import collector

from cloudsealed import working
from cloudsealed.audits.shard_store import Shards
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.aws import client
from cloudsealed.collectors.calling import caller
from cloudsealed.kit import traces
from cloudsealed.kit.ids import new_id
from cloudsealed.kit.traces import Kind, span
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.schema import audits
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy
from cloudsealed.testing.estate_site import FAR_REGION, HOME_REGION
from cloudsealed.wiring import Services, build_services

AUDITS, TENANTS, MANY, SPANS, ROUNDS = 6, 200, 100_000, 10_000, 5
SCOPE = {"regions": [HOME_REGION, FAR_REGION]}
_SIZES = text(
    "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
)
_LOG = text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")


def audited(services: Services) -> None:
    """Print what an audit costs that finds what is known."""
    tenant = services.tenants.ensure(name="local").id
    services.policies.synchronize(tenant=tenant)
    connection = services.connections.ensure(tenant=tenant, name="c", body={"provider": "aws"})
    spent: list[float] = []
    for number in range(AUDITS):
        if number == 2:  # the first makes what later ones find
            before, written = stored(services), log_position(services)
        body = {"connection_ids": [connection], "scope": SCOPE}
        made = services.audits.create(tenant=tenant, body=body, queue=False)
        ident = orjson.loads(made)["id"]
        began = time.process_time()
        services.runner.run(tenant=tenant, ident=ident, owner="benchmark")
        spent.append(time.process_time() - began)
    audit = orjson.loads(services.audits.get(tenant=tenant, ident=ident))
    calls, rest = sum(audit["calls"].values()), AUDITS - 2
    print(f"  an audit of {calls} calls, {audit['resources']} resources, that finds nothing new:")
    print(f"    {statistics.median(spent[2:]) / calls * 1e3:.1f} ms of CPU a call")
    grown = {name: (size - before.get(name, 0)) / rest for name, size in stored(services).items()}
    for name, size in sorted(grown.items(), key=lambda item: -item[1])[:6]:
        print(f"    {size / 1e3:.0f} kB of {name}")
    print(f"    {sum(grown.values()) / 1e3:.0f} kB in all")
    if services.settings.database_url:
        print(f"    {(log_position(services) - written) / rest / 1e3:.0f} kB of WAL")


def stored(services: Services) -> dict[str, int]:
    """Return the bytes of each table; of SQLite those of its file."""
    if not services.settings.database_url:
        return {"the database's file": services.settings.sqlite_path.stat().st_size}
    with services.database.read() as connection:
        return dict(connection.all(_SIZES))


def log_position(services: Services) -> int:
    """Return how much PostgreSQL has written to its log; 0 of SQLite."""
    if not services.settings.database_url:
        return 0
    with services.database.read() as connection:
        row = connection.first(_LOG)
    return int(row[0]) if row else 0


def kept_up(services: Services) -> None:
    """Print what a round of each loop of a worker takes for a tenant."""
    for number in range(TENANTS):
        services.tenants.create(name=f"tenant {number}")
    for step in (working.housekeep, working.chain_events, working.expire_evidence):
        took = least(lambda step=step: step(services))  # type: ignore[misc]
        print(f"  {step.__name__}: {took / TENANTS * 1e3:.2f} ms a tenant of {TENANTS}")


def looked_at(services: Services) -> None:
    """Print what looks over all audits take, with MANY more of them."""
    store = AuditStore(services.database, services.clock)
    with services.database.read() as connection:
        row = connection.first(audits.select().limit(1))
    assert row is not None
    one: dict[str, Any] = {**dict(zip(audits.c.keys(), row, strict=True)), "policy_set": "[]"}
    for first in range(0, MANY, 1_000):
        with services.database.write() as connection:
            rows = [{**one, "id": new_id("aud")} for _ in range(first, first + 1_000)]
            connection.many(audits.insert(), rows)
    shards = Shards(services.database, services.clock)
    for look in (store.standing, store.last_ended, shards.abandoned):
        print(f"  {look.__name__} of {MANY:,} audits: {least(look) * 1e3:.0f} ms")


def least(step: Callable[[], object]) -> float:
    """Return the least seconds of some rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        step()
        took.append(time.perf_counter() - began)
    return min(took)


def traced() -> None:
    """Print the CPU of a span where nothing is traced, and where it is sent."""

    def spans() -> None:
        for _ in range(SPANS):
            with span("request", Kind.SERVER) as found:
                found.tell({"http.route": "/v1/findings", "http.response.status_code": 200})

    for where in ("not traced", "sent"):
        with collector() as there:
            if where == "sent":
                os.environ.update(there.environment)
                traces.begin("cloudsealed", "0")
            began = time.process_time()
            spans()
            traces.end(60)
            print(f"  a span, {where}: {(time.process_time() - began) / SPANS * 1e6:.1f} µs")


def main() -> None:
    """Measure all of it."""
    client.CEILINGS, caller.DEFAULT_CEILING = {}, 1e6  # an emulator needs none
    with tempfile.TemporaryDirectory() as folder, Emulator() as cloud:
        deploy(cloud.endpoint)
        os.environ.update(cloud.environment())
        url = os.environ.get("BENCHMARK_DATABASE_URL", "")
        found = Settings(data_dir=Path(folder), database_url=url)
        ensure_keys(found.key_path)
        migrate(found)
        services = build_services(found)
        print("PostgreSQL" if url else "SQLite")
        for measure in (audited, kept_up, looked_at):
            measure(services)
        services.database.close()
    traced()


if __name__ == "__main__":
    main()
