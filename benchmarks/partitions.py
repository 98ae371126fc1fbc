"""What partitions would do on PostgreSQL, and ending evidence without them:
`python -m benchmarks.partitions [ledger] [findings] [ending]`.

`ledger`: the table of calls whole, and by months of the audit's id: adding and reading an audit's
calls, and ending the evidence of the oldest month, by DELETE with the VACUUM that follows and by
dropping its partition. `findings`: their table whole and in 16 parts by a hash of the tenant, of
200 tenants and of one: new and changed rows, a cell's narrow read, a page of a list, VACUUM.
`ending`, on both databases: dropping the calls of one large audit as retention does, and in one
statement, and what another writer waits for at most meanwhile; then stored bytes.
What is measured is the server's CPU, its log and sizes, with the product's own statements and
settings; autovacuum is off, so that nothing else runs. PostgreSQL is started as the tests do it,
but with its full pages in the log. No bars: docs/decisions says what follows.
BENCHMARK_CALLS, BENCHMARK_FINDINGS and BENCHMARK_ENDED say how many (300,000, 100,000, 100,000).
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from benchmarks._process import cpu_of_all
from sqlalchemy import select, text
from tests.servers import PostgresServer

from cloudsealed.audits.records import ledger
from cloudsealed.findings.store import _UPDATE as CHANGE
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.ids import first_id, ulid
from cloudsealed.settings import Settings
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import calls, counts, findings

CALLS = int(os.environ.get("BENCHMARK_CALLS", "300000"))
FINDINGS = int(os.environ.get("BENCHMARK_FINDINGS", "100000"))
SETTINGS = (
    "full_page_writes=on",
    "autovacuum=off",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "shared_buffers=512MB",
)
ENDED = int(os.environ.get("BENCHMARK_ENDED", "100000"))
MONTHS, TENANTS, OF_AUDIT, PARTS = 12, 200, 2_500, 16
ADDED, CHANGED, READS, CELL = 50_000, 20_000, 2_000, 1_000
_WRITTEN = text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
_SIZE = text(
    "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE oid = to_regclass(:name)"
    " OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(:name))"
)
_INDEXES = b"SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass"
NO_PARTS: dict[str, str] = {}
Step = Callable[[], object]


class Server:
    """A database with the product's tables, and what its server spends."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.url = server.create(name)
        migrate(Settings(data_dir=Path("/nowhere"), database_url=self.url))
        self.database: Database = open_database(
            Settings(data_dir=Path("/nowhere"), database_url=self.url)
        )
        self._admin = psycopg.connect(self.url, autocommit=True)  # whose server does not end

    def run(self, statement: str) -> None:
        self._admin.execute(statement.encode())

    def close(self) -> None:
        self._admin.close()
        self.database.close()

    def load(self, table: str, file: Path, by: str = "", parts: dict[str, str] = NO_PARTS) -> None:
        """Make a table anew, in parts where there are some, with the rows of a file; its indexes
        are made after."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            indexes = connection.execute(_INDEXES, (table,)).fetchall()
            for each in (
                f"ALTER TABLE {table} RENAME TO model",
                f"CREATE TABLE {table} (LIKE model) {by and f'PARTITION BY {by}'}",
                *(
                    f"CREATE TABLE {n} PARTITION OF {table} FOR VALUES {v}"
                    for n, v in parts.items()
                ),
                "DROP TABLE model",
            ):
                connection.execute(each.encode())
            with (
                connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy,
                file.open("rb") as lines,
            ):
                while piece := lines.read(1 << 20):
                    copy.write(piece)
            for each in (*(text for (text,) in indexes), f"VACUUM (ANALYZE) {table}", "CHECKPOINT"):
                connection.execute(each.encode())

    def size(self, name: str) -> int:
        with self.database.read() as connection:
            row = connection.first(_SIZE, {"name": name})
        return int(row[0]) if row else 0

    def _written(self) -> int:
        with self.database.read() as connection:
            row = connection.first(_WRITTEN)
        return int(row[0]) if row else 0

    def spends(self, what: str, count: int, step: Step) -> float:
        """Print what a step costs the server, and each of the `count` things that it did."""
        log, cpu, ours = self._written(), cpu_of_all(), time.process_time()
        began = time.perf_counter()
        step()
        took = time.perf_counter() - began
        spent = cpu_of_all() - cpu - (time.process_time() - ours)
        log = self._written() - log
        print(
            f"    {what}: {spent / count * 1e6:.1f} µs of CPU, {log / count:,.0f} B of log each"
            f" ({spent:.2f} s, {log / 1e6:,.0f} MB, {took:.2f} s in all)",
            flush=True,
        )
        return spent


def line(row: dict[str, Any], names: list[str]) -> str:
    def shown(value: Any) -> str:
        if value is None:
            return "\\N"
        return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)

    return "\t".join(shown(row[name]) for name in names) + "\n"


# The ledger


def tenant(number: int) -> str:
    return f"ten_{number:026d}"


def month(number: int) -> datetime:
    return datetime(2026, number + 1, 1, tzinfo=UTC)


def audits_of(number: int, count: int) -> list[tuple[str, str]]:
    """The tenant and the id of the audits of a month."""
    begins = int(month(number).timestamp() * 1000)
    gap = 28 * 86_400_000 // count
    return [(tenant(i % TENANTS), f"aud_{ulid(begins + i * gap)}") for i in range(count)]


def calls_of(owner: str, audit: str, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        name = sha256(f"{audit}/{number}".encode())
        yield {
            "tenant_id": owner,
            "audit_id": audit,
            "provider": "aws",
            "account": f"{number // 500:012d}",
            "region": ("eu-west-1", "us-east-1", "eu-central-1", "global")[number // 100 % 4],
            "service": ("ec2", "s3", "iam", "rds", "lambda")[number // 20 % 5],
            "operation": "GetBucketPublicAccessBlock",
            "parameters": f'{{"Bucket":"of-a-team-{name[:20]}"}}',
            "page": 0,
            "outcome": "ok",
            "attempts": 1,
            "duration_ms": 42,
            "request_id": name[:36],
            "http_status": 200,
            "error_code": None,
            "error_message": None,
            "digest": name,
            "called_at": "2026-11-30T12:00:00.000Z",
        }


def measure_ledger(server: PostgresServer, folder: Path) -> None:
    audits = CALLS // MONTHS // OF_AUDIT
    months = [audits_of(number, audits) for number in range(MONTHS)]
    file, names = folder / "calls", list(calls.c.keys())
    with file.open("w") as lines:
        for each in (each for some in months for each in some):
            lines.writelines(line(row, names) for row in calls_of(*each, OF_AUDIT))
    bounds = [first_id("aud", month(number)) for number in range(MONTHS)]
    ends = [*(f"('{each}')" for each in bounds[1:]), "(MAXVALUE)"]
    parts = {
        f"calls_{number}": f"FROM ('{bounds[number]}') TO {ends[number]}"
        for number in range(MONTHS)
    }
    print(f"{audits * MONTHS * OF_AUDIT:,} calls of {MONTHS} months, {audits} audits in each")
    for by_month in (False, True):
        print("  by month" if by_month else "  whole")
        at = Server(server, f"ledger_{by_month}")
        at.load("calls", file, *(("RANGE (audit_id)", parts) if by_month else ()))
        print(f"    {at.size('calls') / (audits * MONTHS * OF_AUDIT):.0f} B a call")
        _use_ledger(at, months)
        _end_ledger(at, months[0], by_month=by_month)
        at.close()
        server.drop(f"ledger_{by_month}")
    file.unlink()


def _use_ledger(at: Server, months: list[list[tuple[str, str]]]) -> None:
    new = [(owner, ident[:-3] + "ZZZ") for owner, ident in months[-1][: ADDED // OF_AUDIT]]
    rows = [row for owner, ident in new for row in calls_of(owner, ident, OF_AUDIT)]

    def add() -> None:
        for some in batches(rows, 200):
            with at.database.write() as connection:
                connection.many(ledger._PUT, some)

    sought = [
        {
            "tenant": row["tenant_id"],
            "audit": row["audit_id"],
            **{f"unit_{name}": row[name] for name in ledger.KEY},
        }
        for row in rows[:: len(rows) // READS][:READS]
    ]

    def find() -> None:
        with at.database.read() as connection:
            for each in sought:
                connection.first(ledger._GET, each)

    def page() -> None:
        with at.database.read() as connection:
            for owner, ident in new * 5:
                connection.all(ledger.FIRST_PAGE, {"tenant": owner, "audit": ident, "most": 1_000})

    at.spends("adding a call, 200 a transaction", len(rows), add)
    for _ in range(3):
        at.spends("finding a call", len(sought), find)
    at.spends("a page of 1,000 calls", len(new) * 5, page)


def _end_ledger(at: Server, old: list[tuple[str, str]], *, by_month: bool) -> None:
    count = len(old) * OF_AUDIT
    before = at.size("calls")

    def delete() -> None:
        for owner, ident in old:
            ledger.forget_calls(at.database, tenant=owner, audit_id=ident, most=OF_AUDIT)

    at.run("CHECKPOINT")
    if by_month:
        at.spends("dropping the month", count, lambda: at.run("DROP TABLE calls_0"))
    else:
        at.spends("deleting its calls", count, delete)
        at.spends("the vacuum that follows", count, lambda: at.run("VACUUM calls"))
    at.run("CHECKPOINT")
    print(f"    {(before - at.size('calls')) / 1e6:,.0f} of {before / 1e6:,.0f} MB given back")


# Findings


def finding(owner: str, number: int) -> dict[str, Any]:
    name = sha256(f"{owner}/{number}".encode())
    cell = number // CELL
    ident = f"fnd_{ulid(1_790_000_000_000 + number)}"
    moment = f"2026-11-{number % 28 + 1:02d}T00:00:00.000Z"
    given: dict[str, Any] = {
        "tenant_id": owner,
        "id": ident,
        "fingerprint": name,
        "policy_id": f"pol_{cell % 50:026d}",
        "policy_version": 1,
        "resource_id": f"res_{name[:26].upper()}",
        "connection_id": "con_01BENCHMARK0000000000000000",
        "account": f"{cell // 50 % 20:012d}",
        "region": f"region-{cell // 1000}",
        "resource_type": "aws.ec2.security_group",
        "name": f"service-{name[:12]}",
        "severity": number % 5,
        "base_severity": number % 5,
        "status": "open" if number % 3 else "resolved",
        "resolution": None,
        "triage": None,
        "monthly_savings": 0,
        "doc": (name * 10).encode()[:600],
        "follows": 1,
        "said": bytes.fromhex(name)[:20],
        "provider": "aws",
        "dimension": "security",
        "last_observation": "fail",
        "resolved_at": None,
        "resolved_by": None,
    }
    audit = "aud_01BENCHMARK0000000000000000"
    rest = {
        each.name: audit if each.name.endswith(("_by", "_id")) else moment for each in findings.c
    }
    return {**rest, **given}


def measure_findings(server: PostgresServer, folder: Path) -> None:
    parts = {
        f"findings_{number}": f"WITH (MODULUS {PARTS}, REMAINDER {number})"
        for number in range(PARTS)
    }
    names = list(findings.c.keys())
    for tenants in (TENANTS, 1):
        file, each = folder / "findings", FINDINGS // tenants
        with file.open("w") as lines:
            for number in range(each):  # tenants grow side by side
                for owner in range(tenants):
                    lines.write(line(finding(tenant(owner), number), names))
        print(f"{FINDINGS:,} findings of {tenants} tenants")
        for by_tenant in (False, True):
            print(f"  in {PARTS} parts by tenant" if by_tenant else "  whole")
            at = Server(server, f"findings_{by_tenant}")
            at.load("findings", file, *(("HASH (tenant_id)", parts) if by_tenant else ()))
            print(f"    {at.size('findings') / FINDINGS:,.0f} B a finding")
            _use_findings(at, tenants, each)
            at.close()
            server.drop(f"findings_{by_tenant}")
        file.unlink()


def _use_findings(at: Server, tenants: int, each: int) -> None:
    of_each = ADDED // tenants
    new = [finding(tenant(o), each + n) for o in range(tenants) for n in range(of_each)]

    def add() -> None:
        for some in batches(new, 1_000):
            with at.database.write() as connection:
                connection.add(findings, some)

    at.spends("adding one, 1,000 a transaction", len(new), add)
    changes = [
        {
            "tenant": row["tenant_id"],
            "ident": row["id"],
            **{f"new_{n}": v for n, v in row.items() if n not in ("tenant_id", "id")},
            "new_severity": (row["severity"] + 1) % 5,
        }
        for row in new[:CHANGED]
    ]

    def change() -> None:
        for some in batches(changes, 500):
            with at.database.write() as connection:
                connection.many(CHANGE, some)

    narrow = select(
        findings.c.id, findings.c.fingerprint, findings.c.status, findings.c.said
    ).where(
        findings.c.tenant_id == text(":tenant"),
        findings.c.policy_id == text(":policy"),
        findings.c.account == text(":acct"),
        findings.c.region == text(":place"),
    )
    page = text(
        "SELECT id, doc FROM findings WHERE tenant_id = :tenant AND status = :state"
        " ORDER BY severity DESC, id DESC LIMIT 50"
    )

    def cells() -> None:
        with at.database.read() as connection:
            for number in range(200):
                row = new[0] if tenants == 1 else new[number * of_each]
                connection.all(
                    text(str(narrow)),
                    {
                        "tenant": row["tenant_id"],
                        "policy": f"pol_{number % min(50, each // CELL or 1):026d}",
                        "acct": f"{0:012d}",
                        "place": "region-0",
                    },
                )

    def pages() -> None:
        with at.database.read() as connection:
            for number in range(READS):
                bound = {"tenant": tenant(number % tenants), "state": "open"}
                connection.all(page, bound)

    at.spends("changing one", len(changes), change)
    at.spends("the narrow read of a cell of 1,000", 200, cells)
    for _ in range(3):
        at.spends("a page of 50", READS, pages)
    at.spends("VACUUM", FINDINGS, lambda: at.run("VACUUM findings"))


# Ending


class Writer:
    """Another connection's short writes while a block runs, and the longest wait for one."""

    def __init__(self, found: Settings) -> None:
        self.longest = 0.0
        self._database = open_database(found)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._database.close()

    def _write(self) -> None:
        while not self._ended.wait(0.05):
            row = {"name": ulid(), "labels": "", "value": 0}
            began = time.perf_counter()
            with self._database.write() as connection:
                connection.run(counts.insert(), row)
            self.longest = max(self.longest, time.perf_counter() - began)


def measure_ending(server: PostgresServer, folder: Path) -> None:
    print(f"the end of an audit of {ENDED:,} calls, beside another writer")
    for name in ("sqlite", "postgresql"):
        for whole in (True, False):
            place = folder / f"{name}_{whole}"
            place.mkdir()
            url = server.create(place.name) if name == "postgresql" else ""
            found = Settings(data_dir=place, database_url=url)
            migrate(found)
            database = open_database(found)
            for some in batches(calls_of(tenant(0), "aud_1", ENDED), 5_000):
                with database.write() as connection:
                    connection.add(calls, some)
            print(f"  {name}, {'in one statement' if whole else 'as retention does'}")
            _ended(found, ENDED, lambda d=database, w=whole: drop_calls(d, whole=w))
            if not whole:
                _put_objects(database)
                if url:
                    with database.write() as connection:
                        connection.run(text("ANALYZE"))  # as autovacuum does
                _ended(
                    found,
                    ENDED,
                    lambda d=database: objects.drop_unused(d, tenant(0), before="2026-02"),
                )
            database.close()


def drop_calls(database: Database, *, whole: bool) -> None:
    if not whole:
        ledger.forget_calls(database, tenant=tenant(0), audit_id="aud_1", most=ENDED)
        return
    with database.write() as connection:
        connection.run(calls.delete().where(calls.c.tenant_id == tenant(0)))


def _put_objects(database: Database) -> None:
    numbers = (b"%d" % number * 40 for number in range(ENDED))
    for some in batches(numbers, 5_000):
        rows = [objects.pack(tenant(0), data, "2026-01")[1] for data in some]
        with database.write() as connection:
            objects.put_many(connection, rows)


def _ended(found: Settings, count: int, step: Step) -> None:
    began, cpu = time.perf_counter(), cpu_of_all()
    with Writer(found) as writer:
        step()
    spent, took = cpu_of_all() - cpu, time.perf_counter() - began
    print(
        f"    {spent / count * 1e6:.1f} µs of CPU a row ({took:.1f} s in all);"
        f" another writer waits {writer.longest * 1e3:,.0f} ms at most",
        flush=True,
    )


def main() -> None:
    """Measure what is named."""
    asked = sys.argv[1:] or ["ledger", "findings", "ending"]
    server = PostgresServer(keeps=True, settings=SETTINGS)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if "ledger" in asked:
                measure_ledger(server, Path(folder))
            if "findings" in asked:
                measure_findings(server, Path(folder))
            if "ending" in asked:
                measure_ending(server, Path(folder))
    finally:
        server.stop()


if __name__ == "__main__":
    main()
