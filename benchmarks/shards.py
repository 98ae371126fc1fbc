"""What giving out an audit's shards costs, and what a second worker process brings.

    python benchmarks/shards.py empty [ACCOUNTS [sqlite|postgresql]]
    python benchmarks/shards.py judged [ACCOUNTS [RESOURCES [sqlite|postgresql]]]
    python benchmarks/shards.py profile [RESOURCES]

`empty` plans and ends an audit of ACCOUNTS x 18 places (1,000; 5,000 are 100,000 shards), job by
job as a worker does it, in one process; nothing is asked, judged or reconciled: what is left is
ours. Bars: 10 ms of the worker's processor a shard; no more memory at the end than after the first
tenth, but for a tenth of it; 200 jobs at once; 2 ms of PostgreSQL's processor a shard.

`judged` judges a recorded ledger of ACCOUNTS (16) with RESOURCES (1,000) each by 300 policies, the
built-in ones and copies of them, with one worker process and with two. Bars: 1.7 x the resources a
second, where each has a core of its own: so what counts is the processor's time that a resource
takes; a process has at most 1 GiB. `profile` shows where that time goes. Exits 1 when a bar is
missed.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from _installation import Installation, installation
from _ledger import record
from _process import begin, resident
from sqlalchemy import func, select

from cloudsealed.audits.model import Target
from cloudsealed.audits.records.blocks import SNAPSHOTS, Blocks
from cloudsealed.audits.shard_store import JOB
from cloudsealed.audits.steps import collecting, judging, reconciling
from cloudsealed.audits.steps.plan import tasks_of
from cloudsealed.audits.store import AuditStore
from cloudsealed.jobs import enqueue
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.settings import Settings
from cloudsealed.storage.database import one_of
from cloudsealed.storage.schema import jobs
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditKind, AuditStatus
from cloudsealed.wiring import Services, build_services
from cloudsealed.working import worker

REGIONS = tuple(f"eu-test-{number}" for number in range(17))
POLICIES = 300
_IDLE = 0.25  # seconds between two looks of a worker for jobs
_OPEN = select(func.count()).where(one_of(jobs.c.status, ("queued", "running")))
_ALL = select(func.count()).select_from(jobs)


def _audit(services: Services, kind: AuditKind, accounts: int, **changes: Any) -> tuple[str, str]:
    """Add an audit whose targets are known; return its tenant and id."""
    tenant = services.tenants.ensure(name="bench").id
    now = rfc3339(utc_now())
    names = [f"{number:012d}" for number in range(accounts)]
    values: dict[str, Any] = {
        "kind": kind,
        "targets": tuple(Target("con_bench", name, "aws", REGIONS) for name in names),
        "clock": now,
        "created_at": now,
        "policy_set": _policies(services, tenant),
    }
    audit = make_audit(**values | changes)
    add_audits(services.database, tenant, audit)
    with services.database.write() as connection:
        enqueue(connection, tenant=tenant, kind=JOB, subject=audit.id)
    return tenant, audit.id


def _policies(services: Services, tenant: str) -> tuple[dict[str, Any], ...]:
    """Return the built-in policies, and copies of as many as make them POLICIES."""
    services.policies.synchronize(tenant=tenant)
    found = services.policies.audit_set(tenant=tenant).as_list()
    again = [
        {**each, "id": f"{each['id']}-again", "key": f"{each['key']}-again"}
        for each in found[: POLICIES - len(found)]
    ]
    return (*found, *again)


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


def empty(accounts: int, there: Installation) -> bool:
    """Plan and end empty shards; say whether the bars hold."""
    begin()
    services = build_services(there.settings)
    tenant, ident = _audit(services, AuditKind.LIVE, accounts)
    shards, at_work, sizes, most = accounts * 20 + 2, worker(services), [resident()], 0
    began, spent, served = time.monotonic(), time.process_time(), there.server_cpu()
    with _nothing_done():
        while at_work.run_once(JOB):
            sizes.append(resident())
            if len(sizes) % 100 == 0:
                most = max(most, _counted(services, _OPEN))
    seconds, cpu = time.monotonic() - began, time.process_time() - spent
    served = there.server_cpu() - served
    assert _status(services, tenant, ident) is AuditStatus.COMPLETED
    each, theirs, leases = 1e3 * cpu / shards, 1e3 * served / shards, len(sizes) - 1
    early, late = max(sizes[: leases // 10 + 1]), max(sizes)
    print(
        f"{shards:,} shards in {leases:,} leases, {seconds:.0f} s: {each:.2f} ms of the worker's"
        f" processor each, {theirs:.2f} ms of the server's; memory {early:.0f} MiB after a tenth,"
        f" {late:.0f} at most; {most} jobs at once, {_counted(services, _ALL):,} rows at the end"
    )
    services.database.close()
    return each <= 10 and theirs <= 2 and late <= 1.1 * early and most <= 200


def _counted(services: Services, statement: Any) -> int:
    with services.database.read() as connection:
        row = connection.first(statement)
    assert row is not None
    return int(row[0])


def _recorded(services: Services, accounts: int, resources: int) -> str:
    """Add a ledger; return the audit that it is of."""
    regions = {"targets": _targets(accounts)}
    tenant, ident = _audit(services, AuditKind.LIVE, accounts, **regions)
    audit = AuditStore(services.database, utc_now).get(tenant=tenant, ident=ident)
    tasks = tasks_of(audit.targets or (), audit.scope)
    record(services.database, tenant=tenant, audit=ident, tasks=tasks, resources=resources)
    return ident


def _targets(accounts: int) -> tuple[Target, ...]:
    return tuple(
        Target("con_bench", f"{number:012d}", "aws", REGIONS[:1]) for number in range(accounts)
    )


def _to_judge(services: Services, source: str, accounts: int) -> tuple[str, str]:
    """Add an audit that reads a ledger, and plan it."""
    changes = {"source_id": source, "targets": _targets(accounts)}
    tenant, ident = _audit(services, AuditKind.REANALYSIS, accounts, **changes)
    assert services.runner.help(tenant=tenant, ident=ident, owner="plan")
    return tenant, ident


def _work(settings: Settings, tenant: str, ident: str, gate: Any, sent: Any) -> None:
    """Judge until no account is left, and send the processor's seconds and the peak of memory."""
    begin()
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


def judged(accounts: int, resources: int, there: Installation) -> bool:
    """Judge with one process and with two; say whether the bars hold."""
    context = get_context("spawn")
    total = accounts * resources
    least: dict[int, float] = {}
    peaks: list[float] = []
    services = build_services(there.settings)
    source = _recorded(services, accounts, resources)
    for processes in (1, 2):
        tenant, ident = _to_judge(services, source, accounts)
        gate, sent = context.Barrier(processes + 1), context.Queue()
        given = (there.settings, tenant, ident, gate, sent)
        workers = [context.Process(target=_work, args=given) for _ in range(processes)]
        for each in workers:
            each.start()
        gate.wait()
        began, served = time.monotonic(), there.server_cpu()
        ended = [sent.get() for _ in workers]
        seconds, served = time.monotonic() - began, there.server_cpu() - served
        for each in workers:
            each.join()
        kept = Blocks(services.database, tenant=tenant, audit_id=ident)
        assert kept.count(SNAPSHOTS) >= total, "some resources were not read"
        cpu = sum(cpu for cpu, _ in ended)
        least[processes] = cpu / total
        peaks += [peak for _, peak in ended]
        print(
            f"{processes} processes: {total:,} resources in {seconds:.0f} s, {cpu:.0f} s of their"
            f" processors ({total / cpu:,.0f} resources a second and core), {served:.0f} s of the"
            f" server's; {max(peak for _, peak in ended):.0f} MiB at most",
            flush=True,
        )
    services.database.close()
    ratio = 2 * least[1] / least[2]
    print(f"two, each with a core, are {ratio:.2f} x one (bar 1.7)")
    return ratio >= 1.7 and max(peaks) <= 1024


def profile(resources: int, there: Installation) -> bool:
    """Print where the time goes that judging one account takes, after another has compiled all."""
    services = build_services(there.settings)
    tenant, ident = _to_judge(services, _recorded(services, 3, resources), 3)
    seen = cProfile.Profile(time.thread_time)
    judge, turns = judging._judge, iter(("warm", "plain", "profiled"))

    def watched(*given: Any) -> None:
        turn, began = next(turns), time.thread_time()
        if turn == "profiled":
            seen.runcall(judge, *given)
        else:
            judge(*given)
        print(f"{turn}: {1e3 * (time.thread_time() - began) / resources:.2f} ms a resource")

    with patch.object(judging, "_judge", watched):
        while services.runner.help(tenant=tenant, ident=ident, owner="bench"):
            if _status(services, tenant, ident) is not AuditStatus.EVALUATING:
                break
    for order in ("cumtime", "tottime"):
        pstats.Stats(seen).sort_stats(order).print_stats(40)
    services.database.close()
    return True


def main() -> int:
    """Measure what was asked for; compare with the bars."""
    what, *given = sys.argv[1:] or ["empty"]
    store = given.pop() if given and not given[-1].isdigit() else "sqlite"
    measure, usual = {
        "empty": (empty, [1_000]),
        "judged": (judged, [16, 1_000]),
        "profile": (profile, [1_000]),
    }[what]
    numbers = [*map(int, given), *usual[len(given) :]]
    with installation(store) as there:
        print(store)
        return 0 if measure(*numbers, there) else 1  # type: ignore[operator]  # as many as it takes


if __name__ == "__main__":
    sys.exit(main())
