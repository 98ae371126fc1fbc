"""Makes a store with a million findings of real size, for the other benchmarks.

It is a SQLite file, or the empty PostgreSQL database that BENCHMARK_DATABASE_URL names. It is kept
in the folder that BENCHMARK_DATA names (default: `cloudsealed-benchmark` in the system's temporary
folder) and made once.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.schema import CreateIndex, CreateTable

from cloudsealed.findings import count_store as counts
from cloudsealed.findings import text_store
from cloudsealed.findings.codec import encode
from cloudsealed.findings.model import Finding, Moment, ResourceRef
from cloudsealed.kit.batches import batches
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id, ulid
from cloudsealed.policies.service import PolicyService
from cloudsealed.policies.store import PolicyStore
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import engine_for, migrate
from cloudsealed.storage.open import open_database
from cloudsealed.storage.schema import findings, metadata, tenants
from cloudsealed.storage.tenancy import turn
from cloudsealed.vocabulary import FindingStatus, Outcome, Severity

FINDINGS = int(os.environ.get("BENCHMARK_FINDINGS", "1000000"))
TENANT = "ten_01BENCHMARK0000000000000000"
_BATCH = 5_000


def settings() -> Settings:
    """Return the settings of the benchmark's store."""
    default = Path(tempfile.gettempdir()) / "cloudsealed-benchmark"
    base = Path(os.environ.get("BENCHMARK_DATA", default))
    url = os.environ.get("BENCHMARK_DATABASE_URL", "")
    there = hashlib.sha256(url.encode()).hexdigest()[:8] if url else "sqlite"
    return Settings(data_dir=base / f"{FINDINGS}-{_schema()}-{there}", database_url=url)


def _schema() -> str:
    """Return a name of the tables: a store of other tables is filled anew."""
    tables = [str(CreateTable(table)) for table in metadata.sorted_tables]
    return hashlib.sha256("".join(tables).encode()).hexdigest()[:8]


def prepare() -> Settings:
    """Return the settings of a store that is filled, filling it the first time."""
    found = settings()
    done = found.data_dir / "filled"
    if done.exists():
        return found
    began = time.monotonic()
    found.sqlite_path.unlink(missing_ok=True)
    ensure_keys(found.key_path)
    migrate(found)
    _fill(found)
    done.touch()
    print(f"filled {FINDINGS:,} findings in {time.monotonic() - began:.0f} s")
    return found


def _fill(found: Settings) -> None:
    database = open_database(found)
    with database.write() as connection:
        row = {"tenant_id": TENANT, "name": "benchmark", "created_at": rfc3339(utc_now())}
        connection.run(tenants.insert(), row)
    PolicyService(database=database, clock=utc_now).synchronize(tenant=TENANT)
    policies = PolicyStore(database).all(tenant=TENANT)
    engine = engine_for(found)
    with engine.begin() as plain:  # indexes over a filled table are several times faster to make
        for index in findings.indexes:
            plain.execute(text(f"DROP INDEX {index.name}"))
    insert = findings.insert()
    for batch in batches(_findings([(p.id, p.version, p.spec) for p in policies]), _BATCH):
        with database.write() as connection:
            connection.many(insert, [encode(TENANT, finding) for finding in batch])
            text_store.insert(connection, tenant=TENANT, new=batch)
    with engine.begin() as plain:
        for index in findings.indexes:
            plain.execute(CreateIndex(index))
    engine.dispose()
    with turn(database, tenant=TENANT) as connection:
        counts.recount(connection, tenant=TENANT)
    database.close()


def _findings(policies: list[tuple[str, int, Mapping[str, Any]]]) -> Iterator[Finding]:
    chance = random.Random(7)
    accounts = [f"{chance.randrange(10**11, 10**12)}" for _ in range(20)]
    regions = ["eu-west-1", "us-east-1", "eu-central-1", "global"]
    severities = (
        [Severity.LOW] * 4 + [Severity.MEDIUM] * 5 + [Severity.HIGH] * 3 + [Severity.CRITICAL]
    )
    now = rfc3339(utc_now())
    moment = Moment(now, new_id("aud"))
    for number in range(FINDINGS):
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
            triage=None,
            last_observation=Outcome.FAIL,
            audit_id=moment.audit_id,
            decided=moment,
            looked=moment,
            first_seen_at=now,
            last_seen_at=now,
            resolved=None,
            monthly_savings_cents=chance.randrange(100_000) if number % 7 == 0 else None,
        )
        yield finding if number % 10 else replace(finding, resolved=moment)


if __name__ == "__main__":
    print(prepare().sqlite_path)
