"""What it costs to reconcile an audit's findings: new ones, the same again, and changed ones.

    python -m benchmarks.reconcile [sqlite] [postgresql] [--profile]

Three audits speak of the same resources, cell by cell, in cells of 1,000 and of 20,000 findings:
the first opens every finding, the second says the same of resources of which something else
changed, the third shows other evidence. What is measured is `Applier.findings()`, as CPU of this
process and of the server; resources are there before. Beside the new ones, in a database of the
same tables: the rows that came of them, read back and written bare in one transaction, by COPY on
PostgreSQL and by `executemany` on SQLite, to the table of findings alone, and to every table that a
new finding is written to. One process, one connection; PostgreSQL is started as the tests do it.
Bars: new >= 0.7 of bare to all of these; unchanged >= 100,000 a second of CPU. Exits 1 when one is
missed. BENCHMARK_FINDINGS says how many (default: 100,000).
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks._process import cpu_of_all
from sqlalchemy import Table, select
from tests.migrated import with_tables
from tests.servers import PostgresServer

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import Spool
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Lease, Shards
from cloudsealed.audits.steps.apply import Applier
from cloudsealed.findings.model import fingerprint
from cloudsealed.findings.store import pin_to_audit
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.clock import utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.resources import store as resource_rows
from cloudsealed.resources.model import Identity, Resource
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import episodes, events, finding_texts, findings, tenants
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus, Outcome, ResourceState

FINDINGS = int(os.environ.get("BENCHMARK_FINDINGS", "100000"))
SIZES = (1_000, 20_000)
TENANT, ACCOUNT, TYPE = "ten_01BENCHMARK0000000000000000", "123456789012", "aws.ec2.security_group"
POLICIES = 5
NEW_BAR, SAME_BAR = 0.7, 100_000
TABLES = (findings, finding_texts, episodes, events)
"""What a new finding is written to; its kind is counted beside it, once a batch."""


@dataclass(frozen=True)
class Estate:
    """Resources of one account, `size` a region, each of which fails every policy."""

    size: int

    @property
    def policies(self) -> int:
        return min(POLICIES, FINDINGS // self.size or 1)

    @property
    def regions(self) -> list[str]:
        cells = FINDINGS // self.policies // self.size or 1
        return [f"region-{number}" for number in range(cells)]

    def native_ids(self, region: str) -> Iterator[str]:
        for number in range(self.size):
            name = sha256(f"{region}/{number}".encode())[:17]
            yield f"arn:aws:ec2:{region}:{ACCOUNT}:security-group/sg-{name}"

    @property
    def count(self) -> int:
        return len(self.regions) * self.policies * self.size


def add_resources(database: Database, estate: Estate) -> None:
    at = moment(0)
    for region in estate.regions:
        for some in batches(estate.native_ids(region), 1_000):
            new = [
                Resource(
                    id=new_id("res"),
                    identity=Identity("aws", ACCOUNT, region, TYPE, native_id),
                    owner_account=None,
                    connection_id="con_a",
                    name=f"service-{native_id[-9:]}",
                    tags={},
                    relations={},
                    state=ResourceState.PRESENT,
                    snapshot="0" * 64,
                    audit_id="aud_",
                    observed_at=at,
                    first_seen_at=at,
                    last_seen_at=at,
                )
                for native_id in some
            ]
            with database.write() as connection:
                resource_rows.insert(connection, tenant=TENANT, new=new)


def moment(number: int) -> str:
    return f"2026-01-01T00:00:{number:02d}.000Z"


def audit_id(number: int) -> str:
    return f"aud_{number:026d}"


def line(policy: str, native_id: str, region: str, number: int, word: str) -> dict[str, Any]:
    group = native_id.rpartition("/")[2]
    return {
        "native_id": native_id,
        "type": TYPE,
        "outcome": Outcome.FAIL,
        "severity": "high",
        "fingerprint": fingerprint(
            policy_key=policy, provider="aws", account=ACCOUNT, region=region, native_id=native_id
        ),
        "snapshot": sha256(f"{native_id} {number}".encode()),
        "title": f"Security group {group} lets the internet reach SSH",
        "evidence": [
            {"path": "resource.IpPermissions[0].IpRanges[0].CidrIp", "value": word},
            {"path": "resource.IpPermissions[0].FromPort", "value": 22},
        ],
        "reasons": [],
        "classified_by": None,
        "suppressed": False,
    }


def write_audit(database: Database, estate: Estate, number: int, word: str) -> Lease:
    """Write an audit that is about to reconcile; return its lease."""
    ident = audit_id(number)
    audit = make_audit(
        id=ident, status=AuditStatus.SEALING, targets=None, clock=None, created_at=moment(number)
    )
    add_audits(database, TENANT, audit)
    for region in estate.regions:
        for policy in range(estate.policies):
            key = f"policy-{policy}"
            said = (line(key, each, region, number, word) for each in estate.native_ids(region))
            with database.write() as connection:
                blocks.put(
                    connection,
                    tenant=TENANT,
                    audit_id=ident,
                    kind=blocks.OBSERVATIONS,
                    key=key,
                    account=ACCOUNT,
                    region=region,
                    lines=Spool.of(TENANT, "2026-01", said),
                    header={
                        "policy_id": f"pol_{policy}",
                        "policy_version": 1,
                        "policy_digest": "x",
                        "dimension": "security",
                        "severity": "high",
                        "observed_at": moment(number),
                        "connection_id": "con_a",
                        "complete": {TYPE: True},
                        "gaps": [],
                    },
                )
    lease = Shards(database, utc_now).take(tenant=TENANT, ident=ident, owner="benchmark")
    assert lease is not None
    return lease


def reconciled(database: Database, lease: Lease, profile: bool) -> tuple[float, float]:
    """Return the seconds that an audit's findings take, and those that keeping its list does."""
    snapshots = Snapshots(database, tenant=TENANT, audit_id=lease.audit_id)
    applier = Applier(database=database, lease=lease, snapshots=snapshots)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    began = cpu_of_all()
    pins = applier.findings()
    took = cpu_of_all() - began
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    began = cpu_of_all()
    with lease.write() as connection:
        pin_to_audit(
            connection, tenant=TENANT, audit=lease.audit_id, idents=pins, month=lease.month
        )
    return took, cpu_of_all() - began


def bare(kept: Database, other: Database, tables: Sequence[Table]) -> float:
    """Return the seconds that it takes to write what is kept in some tables into the same ones of
    another database, in one transaction, by the driver alone."""
    jobs: list[Callable[[Any], None]] = []
    for table in tables:
        with kept.read() as connection:
            jobs.append(_copied(table, connection))
    with other.write() as connection:
        raw: Any = connection.raw  # type: ignore[attr-defined]  # either driver's
        began = cpu_of_all()
        for job in jobs:
            job(raw)
        if other.name == "sqlite":
            raw.execute("SAVEPOINT all_written")
    return cpu_of_all() - began


def _copied(table: Table, connection: Connection) -> Callable[[Any], None]:
    """Return what writes the rows of a table, which are in memory as the driver takes them."""
    names = ", ".join(column.name for column in table.c)
    raw: Any = connection.raw  # type: ignore[attr-defined]  # either driver's
    if type(raw).__module__.startswith("sqlite3"):
        rows = connection.all(select(table))
        text = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(table.c))})"
        return lambda to: to.executemany(text, rows)
    with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) TO STDOUT") as copy:
        data = b"".join(copy)

    def write(to: Any) -> None:
        with to.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for start in range(0, len(data), 1 << 18):
                copy.write(data[start : start + (1 << 18)])

    return write


def fresh(settings: Settings) -> Database:
    with_tables(settings)
    database = open_database(settings)
    row = {"tenant_id": TENANT, "name": "benchmark", "created_at": moment(0)}
    with database.write() as connection:
        connection.run(tenants.insert(), row)
    return database


def measured(new: Callable[[str], Settings], size: int, profile: bool) -> bool:
    """Measure cells of one size; say whether the bars are met."""
    estate = Estate(size)
    database = fresh(new("ours"))
    add_resources(database, estate)
    seconds: dict[str, float] = {}
    for number, (what, word) in enumerate(
        (("new", "0.0.0.0/0"), ("unchanged", "0.0.0.0/0"), ("changed", "0.0.0.0/1"))
    ):
        lease = write_audit(database, estate, number, word)
        took, pinning = reconciled(database, lease, profile)
        seconds[what] = took
        print(
            f"  {database.name} {size:>6,} a cell, {what:<10}"
            f" {estate.count / took:>10,.0f} findings/s; its list"
            f" {estate.count / pinning:>10,.0f}/s",
            flush=True,
        )
        if what == "new":
            alone = bare(database, fresh(new("alone")), TABLES[:1])
            every = bare(database, fresh(new("every")), TABLES)
            print(
                f"  {'':>32} bare: {estate.count / alone:>10,.0f}/s to findings alone:"
                f" ours {alone / took:.2f}; {estate.count / every:,.0f}/s to all four:"
                f" ours {every / took:.2f}",
                flush=True,
            )
            met = every / took >= NEW_BAR
        if what == "unchanged":
            met &= estate.count / took >= SAME_BAR
    database.close()
    return met


def main() -> int:
    """Measure and compare with the bars."""
    asked = [name for name in sys.argv[1:] if not name.startswith("-")]
    profile, met = "--profile" in sys.argv, True
    with ExitStack() as stack:
        for name in asked or ["sqlite", "postgresql"]:
            server = PostgresServer() if name == "postgresql" else None
            if server is not None:
                stack.callback(server.stop)
            for size in SIZES:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

                def new(what: str, base: Path = folder, size: int = size) -> Settings:
                    url = server.create(f"{what}_{size}") if server else ""  # noqa: B023
                    return Settings(data_dir=base / what, database_url=url)

                met &= measured(new, size, profile)
    print("bars met" if met else "BARS MISSED")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
