"""Makes a store with a million findings of real size, for the other benchmarks.

It is a SQLite file, or the empty PostgreSQL database that BENCHMARK_DATABASE_URL names. It is kept
in the folder that BENCHMARK_DATA names (default: `cloudsealed-benchmark` in the system's temporary
folder) and made once. Rows are the product's own, and get there by what is fastest: without a
journal or by COPY, with indexes afterwards. Of more than a million, the others are copies of these
under ids of their own. The texts that findings are searched by take as long as all the rest, so
they are added for who searches.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import DuplicateDatabase
from sqlalchemy import MetaData, Table, TextClause, text
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.schema import CreateTable

from cloudsealed.findings import count_store as counts
from cloudsealed.findings import text_store
from cloudsealed.findings.codec import encode
from cloudsealed.findings.model import Finding, Moment, ResourceRef, Triage
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id, ulid
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.store import PolicyStore
from cloudsealed.settings import Settings
from cloudsealed.storage.database import Connection
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import finding_texts, findings, metadata, tenants
from cloudsealed.storage.statements import Compiler, SqliteConnection
from cloudsealed.storage.tenancy import turn
from cloudsealed.testing.factories import make_savings
from cloudsealed.vocabulary import FindingStatus, Outcome, Severity, TriageState

FINDINGS = int(os.environ.get("BENCHMARK_FINDINGS", "1000000"))
TENANT = "ten_01BENCHMARK0000000000000000"
_BATCH = 5_000
_CACHE_KIB = 2 << 20
_MADE = 1_000_000
"""Findings that are made one by one."""
_SQLITE_INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE tbl_name = :name AND sql LIKE '%INDEX%'"
)
_POSTGRESQL_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :name AND schemaname = 'public'
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)
"""

Rows = Callable[[str, Sequence[Finding]], list[dict[str, Any]]]


def settings(count: int = FINDINGS) -> Settings:
    """Return the settings of a store of so many findings; of PostgreSQL, the database that is named
    has as many as BENCHMARK_FINDINGS says, and others are beside it."""
    default = Path(tempfile.gettempdir()) / "cloudsealed-benchmark"
    base = Path(os.environ.get("BENCHMARK_DATA", default))
    url = os.environ.get("BENCHMARK_DATABASE_URL", "")
    if url and count != FINDINGS:
        url = _beside(url, count)
    there = hashlib.sha256(url.encode()).hexdigest()[:8] if url else "sqlite"
    return Settings(
        data_dir=base / f"{count}-{_schema()}-{there}", database_url=url, database_connections=4
    )


def _beside(url: str, count: int) -> str:
    """Return the address of another database of a server, making it if there is none."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(url, autocommit=True) as connection, suppress(DuplicateDatabase):
        connection.execute(f'CREATE DATABASE "{name}_{count}"'.encode())
    return f"{server}/{name}_{count}"


def _schema() -> str:
    """Return a name of the tables: a store of other tables is filled anew."""
    tables = [str(CreateTable(table)) for table in metadata.sorted_tables]
    return hashlib.sha256("".join(tables).encode()).hexdigest()[:8]


def prepare(count: int = FINDINGS, *, searchable: bool = True) -> Settings:
    """Return the settings of a store of so many findings, filling it the first time; `searchable`
    says whether their texts are wanted."""
    found = settings(count)
    _once(found, "filled", lambda: _fill(found, count))
    if searchable:
        _once(found, "searchable", lambda: _load(found, finding_texts, count, text_store.rows))
    return found


def _once(found: Settings, what: str, make: Callable[[], None]) -> None:
    done, began = found.data_dir / what, time.monotonic()
    if not done.exists():
        make()
        done.touch()
        print(f"{found.data_dir.name} {what} in {time.monotonic() - began:.0f} s", flush=True)


def _fill(found: Settings, count: int) -> None:
    found.sqlite_path.unlink(missing_ok=True)
    ensure_keys(found.key_path)
    migrate(found)
    database = open_database(found)
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "benchmark", "created_at": rfc3339(utc_now())}
        connection.run(tenants.insert(), row)
    PolicyService(database=database, clock=utc_now).synchronize(tenant=TENANT)
    database.close()
    _load(found, findings, count, lambda tenant, new: [encode(tenant, each) for each in new])
    database = open_database(found)
    with turn(database, tenant=TENANT) as connection:
        counts.recount(connection, tenant=TENANT)
    database.close()


def _load(found: Settings, table: Table, count: int, rows: Rows) -> None:
    """Add to a table what it has of so many findings."""
    database = open_database(found)
    policies = [(p.id, p.version, p.spec) for p in PolicyStore(database).all(tenant=TENANT)]
    database.close()
    copies = -(-count // _MADE)
    with _loading(found) as connection, _indexed_afterwards(connection, table):
        into = table
        if copies > 1:
            into = table.to_metadata(MetaData(), name="staged")
            connection.run(text(f"CREATE TEMPORARY TABLE staged AS SELECT * FROM {table.name}"))
        for batch in batches(_findings(policies, count // copies), _BATCH):
            connection.add(into, rows(TENANT, batch))
        if copies > 1:
            connection.run(_copying(table, found), {"last": copies - 1})


@contextmanager
def _loading(found: Settings) -> Iterator[Connection]:
    """Open a transaction that writes each page of a database once: one that fails leaves ruins of a
    SQLite file."""
    if found.database_url:
        database = open_database(found)
        with database.write() as connection:
            for setting in ("statement_timeout = 0", f"maintenance_work_mem = {_CACHE_KIB // 2}"):
                connection.run(text(f"SET LOCAL {setting}"))
            yield connection
        database.close()
        return
    raw = sqlite3.connect(found.sqlite_path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("BEGIN EXCLUSIVE")
    yield SqliteConnection(raw, Compiler(sqlite_dialect.dialect(paramstyle="named")), writes=True)
    raw.execute("COMMIT")
    raw.close()


@contextmanager
def _indexed_afterwards(connection: Connection, table: Table) -> Iterator[None]:
    """Leave out a table's indexes while the block fills it; and PostgreSQL's log, where the server
    keeps no more of it than it needs itself."""
    is_sqlite = isinstance(connection, SqliteConnection)
    known = _SQLITE_INDEXES if is_sqlite else _POSTGRESQL_INDEXES
    indexes = connection.all(text(known), {"name": table.name})
    for name, _ in indexes:
        connection.run(text(f"DROP INDEX {name}"))
    if not is_sqlite:
        connection.run(text(f"TRUNCATE {table.name}"))
    yield
    for _, statement in indexes:
        connection.run(text(statement))
    if not is_sqlite:
        connection.run(text(f"ANALYZE {table.name}"))


def _copying(table: Table, found: Settings) -> TextClause:
    """Return the statement that puts each staged row into a table, and `last` copies of it: each
    of another resource, of which there are four findings as before."""
    ident = "finding_id" if "finding_id" in table.c else "id"
    other = {
        ident: f"substr({ident}, 1, length({ident}) - 1) || n",
        "number": "number / 32 * 32 + n",
        "fingerprint": "substr(fingerprint, 1, 63) || n",
        "resource_id": "'res_' || n || substr(resource_id, 6)",
    }
    body = "CAST(doc AS TEXT)" if not found.database_url else "convert_from(doc, 'UTF8')"
    for name in ("id", "resource_id"):
        body = f"replace({body}, {name}, {other[name]})"
    other["doc"] = (
        f"CAST({body} AS BLOB)" if not found.database_url else f"convert_to({body}, 'UTF8')"
    )
    names = [column.name for column in table.c]
    values = ", ".join(other.get(name, name) for name in names)
    return text(
        "WITH RECURSIVE copies(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM copies WHERE n < :last)"
        f" INSERT INTO {table.name} ({', '.join(names)}) SELECT {values}"
        " FROM staged CROSS JOIN copies"
    )


def _findings(policies: list[tuple[str, int, Mapping[str, Any]]], count: int) -> Iterator[Finding]:
    chance = random.Random(7)
    accounts = [f"{chance.randrange(10**11, 10**12)}" for _ in range(20)]
    regions = ["eu-west-1", "us-east-1", "eu-central-1", "global"]
    severities = (
        [Severity.LOW] * 4 + [Severity.MEDIUM] * 5 + [Severity.HIGH] * 3 + [Severity.CRITICAL]
    )
    now = rfc3339(utc_now())
    moment = Moment(now, new_id("aud"))
    seen = Triage(TriageState.ACKNOWLEDGED, None, "known to the team", None, now, new_id("usr"))
    for number in range(count):
        policy_id, version, spec = policies[number % len(policies)]
        account, region = accounts[number % 20], regions[number % 4]
        name = f"service-{number % 5000}-{chance.randrange(10**6)}"
        group = f"sg-{chance.randrange(16**17):017x}"
        severity = severities[chance.randrange(len(severities))]
        finding = Finding(
            id=f"fnd_{ulid(1_700_000_000_000 + number)}",
            fingerprint=f"{chance.getrandbits(256):064x}",
            policy_id=policy_id,
            policy_version=version,
            connection_id=f"con_{account}",
            dimension=spec["dimension"],
            title=f"Security group {group} lets the internet reach SSH",
            resource=ResourceRef(
                id=f"res_{number // 4:026d}",
                type="aws.ec2.security_group",
                name=name,
                provider="aws",
                native_id=f"arn:aws:ec2:{region}:{account}:security-group/{group}",
                account=account,
                region=region,
            ),
            severity=severity,
            base_severity=severity,
            classified_by=None,
            status=FindingStatus.OPEN if number % 10 else FindingStatus.RESOLVED,
            resolution=None,
            evidence=(
                {"path": "IpPermissions[0].IpRanges[0].CidrIp", "value": "0.0.0.0/0"},
                {"path": "IpPermissions[0].FromPort", "value": 22},
            ),
            triage=None if number % 9 else seen,
            last_observation=Outcome.FAIL,
            audit_id=moment.audit_id,
            decided=moment,
            looked=moment,
            first_seen_at=now,
            last_seen_at=now,
            resolved=None,
            savings=make_savings(chance.randrange(100_000)) if number % 7 == 0 else None,
        )
        yield finding if number % 10 else replace(finding, resolved=moment)


if __name__ == "__main__":
    print(prepare().sqlite_path)
