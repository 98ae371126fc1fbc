"""What giving out an audit's shards costs, and what a second worker process brings.

    python benchmarks/shards.py empty [ACCOUNTS]
    python benchmarks/shards.py judged [ACCOUNTS [RESOURCES]]

It is SQLite's, or PostgreSQL's with BENCHMARK_DATABASE_URL, an empty database.

`empty` plans and ends an audit of ACCOUNTS x 18 places (5,000) in one process, in which nothing is
asked, judged or reconciled: what is left is ours. Bars: 10 ms of the worker's processor a shard,
and at the end no more memory than after the first tenth, but for a tenth of it.

`judged` judges a recorded ledger of ACCOUNTS (16) with RESOURCES (1,000) security groups each by
all built-in policies, with one worker process and with two. Bar: 1.7 x the resources a second; a
process has at most 1 GiB. Exits 1 when one is missed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cloudsealed.audits.model import NO_PROGRESS, Audit, Scope, Target
from cloudsealed.audits.steps import collecting, judging, reconciling
from cloudsealed.audits.store import AuditStore
from cloudsealed.collectors.model import Place, unit_of
from cloudsealed.collectors.registry import RESOURCE_TYPES
from cloudsealed.kit.canonical import canonical
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.kit.ids import new_id
from cloudsealed.settings import Settings
from cloudsealed.storage import objects
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate
from cloudsealed.storage.schema import calls
from cloudsealed.vocabulary import AuditKind, AuditStatus
from cloudsealed.wiring import Services, build_services

REGIONS = tuple(f"eu-test-{number}" for number in range(17))
TYPE = "aws.ec2.security_group"
_MONTH = "2026-11"
_IDLE = 0.25  # seconds between two looks of a worker for jobs


def _installation(folder: Path) -> Settings:
    url = os.environ.get("BENCHMARK_DATABASE_URL", "")
    found = Settings(data_dir=folder, database_url=url)
    ensure_keys(found.key_path)
    migrate(found)
    return found


def _audit(services: Services, kind: AuditKind, accounts: int, **changes: Any) -> tuple[str, str]:
    """Add an audit that is planned; return its tenant and id."""
    tenant = services.tenants.ensure(name="bench").id
    services.policies.synchronize(tenant=tenant)
    ident, now = new_id("aud"), rfc3339(utc_now())
    policies = services.policies.audit_set(tenant=tenant).as_list()
    names = [f"{number:012d}" for number in range(accounts)]
    values: dict[str, Any] = {
        "id": ident,
        "kind": kind,
        "status": AuditStatus.QUEUED,
        "parent_id": None,
        "source_id": ident,
        "connection_ids": ("con_bench",),
        "scope": Scope(),
        "policies": None,
        "policy_set": tuple(policies),
        "targets": tuple(Target("con_bench", name, "aws", REGIONS) for name in names),
        "clock": now,
        "created_at": now,
        "started_at": now,
        "finished_at": None,
        "progress": NO_PROGRESS,
        "result": None,
        "error": None,
        "verdict_digest": None,
    }
    audit = Audit(**{**values, **changes})
    with services.database.write() as connection:
        AuditStore(services.database, utc_now).insert(connection, tenant=tenant, audit=audit)
    return tenant, ident


def _resident() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _status(services: Services, tenant: str, ident: str) -> AuditStatus:
    return AuditStore(services.database, utc_now).shown(tenant=tenant, ident=ident).status


@contextmanager
def _nothing_done() -> Iterator[None]:
    """Leave of the steps only what gives out and ends shards."""
    with (
        patch.object(collecting, "gather", lambda *_: None),
        patch.object(judging, "_judge", lambda *_: None),
        patch.object(reconciling, "_reconcile", lambda *_: None),
    ):
        yield


def empty(accounts: int) -> bool:
    """Plan and end empty shards; say whether the bars hold."""
    with tempfile.TemporaryDirectory() as folder, _nothing_done():
        services = build_services(_installation(Path(folder)))
        tenant, ident = _audit(services, AuditKind.LIVE, accounts)
        number = accounts * 20 + 2
        began, spent = time.monotonic(), time.process_time()
        sizes: list[float] = []
        while services.runner.help(tenant=tenant, ident=ident, owner="bench"):
            sizes.append(_resident())
        seconds, cpu = time.monotonic() - began, time.process_time() - spent
        ended = _status(services, tenant, ident)
        services.database.close()
    assert ended is AuditStatus.COMPLETED, ended
    each, early = 1e3 * cpu / number, max(sizes[: len(sizes) // 10 + 1])
    print(
        f"{number:,} shards in {seconds:.0f} s: {each:.2f} ms of the worker's processor each;"
        f" memory {early:.0f} MiB after a tenth, {max(sizes):.0f} at most"
    )
    return each <= 10 and max(sizes) <= 1.1 * early


def _recorded(services: Services, accounts: int, resources: int) -> tuple[str, str]:
    """Add a ledger in which each account has so many security groups; return its audit."""
    scope = Scope(resource_types=(TYPE,), regions=REGIONS[:1])
    tenant, ident = _audit(services, AuditKind.LIVE, accounts, scope=scope)
    row = RESOURCE_TYPES[TYPE]
    for account in (f"{number:012d}" for number in range(accounts)):
        place = Place(account, REGIONS[0])
        groups = [_group(account, number) for number in range(resources)]
        data = canonical({"SecurityGroups": groups})
        address, stored = objects.pack(tenant, data, _MONTH)
        unit = unit_of(place, row.service, row.operation or "", row.constants)
        with services.database.write() as connection:
            objects.put_many(connection, [stored])
            named = ("provider", "account", "region", "service", "operation", "parameters", "page")
            connection.run(
                calls.insert(),
                {
                    "tenant_id": tenant,
                    "audit_id": ident,
                    **{name: getattr(unit, name) for name in named},
                    "outcome": "ok",
                    "attempts": 1,
                    "duration_ms": 1,
                    "request_id": None,
                    "http_status": 200,
                    "error_code": None,
                    "error_message": None,
                    "digest": address,
                    "called_at": rfc3339(utc_now()),
                },
            )
    return tenant, ident


def _group(account: str, number: int) -> dict[str, Any]:
    ranges = [{"CidrIp": f"10.{number % 200}.0.0/16"}, {"CidrIp": "0.0.0.0/0"}][: 1 + number % 2]
    return {
        "GroupId": f"sg-{number:017x}",
        "GroupName": f"group-{number}",
        "Description": "made for a measurement",
        "OwnerId": account,
        "VpcId": f"vpc-{number % 50:017x}",
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": port,
                "ToPort": port,
                "IpRanges": ranges,
                "Ipv6Ranges": [],
                "PrefixListIds": [],
                "UserIdGroupPairs": [],
            }
            for port in (22, 443, 5432)
        ],
        "IpPermissionsEgress": [],
        "Tags": [{"Key": "Name", "Value": f"group-{number}"}],
    }


def _work(settings: Settings, tenant: str, ident: str, gate: Any, sent: Any) -> None:
    """Judge until no account is left, and send the processor's seconds and the peak of memory."""
    services = build_services(settings)
    gate.wait()
    spent = time.process_time()
    while _status(services, tenant, ident) in (AuditStatus.QUEUED, AuditStatus.EVALUATING):
        if not services.runner.help(tenant=tenant, ident=ident, owner=f"bench-{os.getpid()}"):
            time.sleep(_IDLE)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    sent.put((time.process_time() - spent, peak / 1024))
    services.database.close()


def judged(accounts: int, resources: int) -> bool:
    """Judge with one process and with two; say whether the bars hold."""
    context = get_context("spawn")
    total = accounts * resources
    rates: dict[int, float] = {}
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        settings = _installation(Path(folder))
        services = build_services(settings)
        tenant, source = _recorded(services, accounts, resources)
        for processes in (1, 2, 1, 2):
            changes = {"source_id": source, "scope": Scope(resource_types=(TYPE,))}
            _, ident = _audit(services, AuditKind.REANALYSIS, accounts, **changes)
            assert services.runner.help(tenant=tenant, ident=ident, owner="plan")
            gate, sent = context.Barrier(processes + 1), context.Queue()
            given = (settings, tenant, ident, gate, sent)
            workers = [context.Process(target=_work, args=given) for _ in range(processes)]
            for worker in workers:
                worker.start()
            gate.wait()
            began = time.monotonic()
            ended = [sent.get() for _ in workers]
            seconds = time.monotonic() - began
            for worker in workers:
                worker.join()
            rates[processes] = max(rates.get(processes, 0.0), total / seconds)
            peaks += [peak for _, peak in ended]
            print(
                f"{processes} processes: {total:,} resources in {seconds:.1f} s,"
                f" {sum(cpu for cpu, _ in ended):.1f} s of their processors,"
                f" {total / sum(cpu for cpu, _ in ended):,.0f} resources a second and core"
            )
        services.database.close()
    ratio = rates[2] / rates[1]
    print(f"two are {ratio:.2f} x one (bar 1.7); a process has {max(peaks):.0f} MiB at most")
    return ratio >= 1.7 and max(peaks) <= 1024


if __name__ == "__main__":
    what, *numbers = sys.argv[1:] or ["empty"]
    given = list(map(int, numbers))
    if what == "empty":
        holds = empty(*(given or [5_000]))
    else:
        holds = judged(*(given + [16, 1_000][len(given) :]))
    sys.exit(0 if holds else 1)
