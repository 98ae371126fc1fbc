"""What the evaluation of an audit needs of memory as the number of resources in one place grows.

    python benchmarks/memory.py [RESOURCES]

The product's evaluator judges snapshots of instances in one account and region by four built-in
policies, streamed from an SQLite store into blocks, each size in a process of its own. What counts
is the process's own memory (RssAnon): mapped pages of the store's file are the system's cache.
Bar: the peak of a million resources is at most 1.5 times that of 100,000. Exits 1 when missed.
Takes about five minutes and 2 GB of temporary disk; RESOURCES, in place of the million, tries
fewer.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _process import Memory, apart

from cloudsealed.audits.judging.extent import Extent
from cloudsealed.audits.model import Target
from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.snapshots import Snapshots
from cloudsealed.audits.shard_store import Lease, Shards
from cloudsealed.audits.steps.evaluate import Evaluator
from cloudsealed.kit.batches import batches
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import utc_now
from cloudsealed.policies.service import PolicyService, PolicySet
from cloudsealed.settings import Settings
from cloudsealed.storage import objects
from cloudsealed.storage.database import Database
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.open import open_database
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus

FEW, MANY, BAR = 100_000, 1_000_000, 1.5
TENANT, ACCOUNT, REGION, TYPE = "ten_bench", "123456789012", "eu-west-1", "aws.ec2.instance"
MOMENT = "2026-01-01T00:00:00.000Z"
POLICIES = 4


def _snapshot(number: int) -> dict[str, Any]:
    ident = f"i-{number:017x}"
    document = {
        "InstanceId": ident,
        "InstanceType": "m5.large",
        "State": {"Name": "running"},
        "LaunchTime": "2025-06-01T08:00:00Z",
        "VpcId": "vpc-1",
        "SubnetId": f"subnet-{number % 97}",
        "MetadataOptions": {"HttpTokens": "required" if number % 100 else "optional"},
        "Monitoring": {"State": "disabled"},
        "EbsOptimized": True,
        "BlockDeviceMappings": [],
        "SecurityGroups": [{"GroupId": f"sg-{number % 31}", "GroupName": "web"}],
        "NetworkInterfaces": [],
        "Tags": [{"Key": "Name", "Value": f"node-{number}"}],
    }
    return {
        "provider": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "type": TYPE,
        "native_id": f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{ident}",
        "name": f"node-{number}",
        "tags": {"Name": f"node-{number}"},
        "document": document,
        "relations": {},
        "unread": {},
        "sources": {},
        "created": None,
    }


def _fill(database: Database, lease: Lease, count: int) -> None:
    spool = blocks.Spool(TENANT, "2026-01")
    for numbers in batches(iter(range(count)), 2_000):
        rows = []
        for snapshot in map(_snapshot, numbers):
            address, row = objects.pack(TENANT, canonical(snapshot), "2026-01")
            rows.append(row)
            spool.add([snapshot["native_id"], address])
        with database.write() as connection:
            objects.put_many(connection, rows)
            if spool.is_full:
                spool.flush(connection)
    header = {
        "connection_id": "con_a",
        "complete": True,
        "outcome": "ok",
        "observed_at": MOMENT,
        "gap": None,
    }
    with database.write() as connection:
        blocks.put(
            connection,
            tenant=TENANT,
            audit_id=lease.audit_id,
            kind=blocks.SNAPSHOTS,
            key=TYPE,
            account=ACCOUNT,
            region=REGION,
            lines=spool,
            header=header,
        )


def _begun(database: Database) -> Lease:
    audit = make_audit(
        status=AuditStatus.EVALUATING,
        targets=(Target("con_a", ACCOUNT, "aws", (REGION,)),),
        clock=MOMENT,
        created_at=MOMENT,
        started_at=MOMENT,
    )
    add_audits(database, TENANT, audit)
    lease = Shards(database, utc_now).take(tenant=TENANT, ident=audit.id, owner="bench")
    assert lease is not None, "nobody else is there"
    return lease


def _policies(database: Database) -> PolicySet:
    service = PolicyService(database=database, clock=utc_now)
    service.synchronize(tenant=TENANT)
    alone = (
        check
        for check in service.audit_set(tenant=TENANT).checks
        if check.spec["resource_types"] == [TYPE] and not check.spec.get("related")
    )
    return PolicySet(tuple(_first(alone, POLICIES)), ())


def _first(items: Iterator[Any], count: int) -> Iterator[Any]:
    return (item for item, _ in zip(items, range(count), strict=False))


def _filled(folder: Path, count: int, pipe: Any) -> None:
    settings = Settings(data_dir=folder)
    migrate(settings)
    database = open_database(settings)
    lease = _begun(database)
    _fill(database, lease, count)
    pipe.send(lease.audit_id)


def _evaluated(folder: Path, audit_id: str, pipe: Any) -> None:
    database = open_database(Settings(data_dir=folder))
    lease = Shards(database, utc_now).take(tenant=TENANT, ident=audit_id, owner="bench")
    assert lease is not None, "the same owner may take it again"
    evaluator = Evaluator(
        policies=_policies(database),
        clock=MOMENT,
        extent=Extent(()),
        seconds=3_600,
        snapshots=Snapshots(database, tenant=TENANT, audit_id=audit_id),
    )
    judged: list[int] = []
    began = time.monotonic()
    with Memory() as memory:
        evaluator.run(lease, judged.append)
    pipe.send((sum(judged), memory.own, time.monotonic() - began))


def measure(count: int) -> float:
    """Return the peak in MiB of evaluating that many resources."""
    with tempfile.TemporaryDirectory(prefix="cloudsealed-memory-") as folder:
        audit_id = apart(_filled, Path(folder), count)
        judged, peak, seconds = apart(_evaluated, Path(folder), audit_id)
    assert judged == count * POLICIES, "every policy judges every resource"
    print(f"  {count:>9,} resources: peak {peak:.0f} MiB, {judged:,} verdicts in {seconds:.0f} s")
    return float(peak)


def main() -> int:
    """Measure both sizes and compare with the bar."""
    many = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else MANY
    few, ratio = measure(FEW), 0.0
    ratio = measure(many) / few
    print(f"  {ratio:.2f} times the memory for {many / FEW:g} times the resources (bar {BAR})")
    print("bar met" if ratio <= BAR else "BAR MISSED")
    return 0 if ratio <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
