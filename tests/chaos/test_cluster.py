"""Workers of one PostgreSQL die, stand still, lose jobs or the database; audits end the same.

Run by `make chaos`. Sizes by the environment: CHAOS_KILLS workers are killed, and the database is
away for CHAOS_AWAY seconds.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import bindparam, select
from tests.e2e.installation import Document, Installation, signed_in
from tests.e2e.test_shared_audit import REGIONS, SERVICES, accounts_of, begun
from tests.e2e.workers import (
    CALLS,
    HANDS,
    LEFT,
    WORKER,
    Workers,
    at_work,
    calls_of,
    count,
    ended,
    same,
)
from tests.program import program
from tests.servers import PostgresServer
from tests.waiting import SECONDS, until

from cloudsealed.settings import Settings
from cloudsealed.storage.schema import calls, jobs
from cloudsealed.testing.emulator import Emulator

KILLS = int(os.environ.get("CHAOS_KILLS", "50"))
AWAY = float(os.environ.get("CHAOS_AWAY", "70"))
KILLS_OF_AN_AUDIT = 4  # at the fifth its shard is given up
_POISON = """
import os
from cloudsealed.audits.steps import {step}
real = {step}.{name}
def poisoned(part, *given, **named):
    if {when}:
        os.kill(os.getpid(), 9)
    return real(part, *given, **named)
{step}.{name} = poisoned
"""

pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("settings", ["postgresql", "sqlite"], indirect=True)
def test_killed_at_random_moments_workers_conclude_the_same(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    with signed_in(installation.environment):
        source = installation.audit(installation.patient, services=SERVICES)["id"]
    accounts_of(installation, source)
    whole = installation.reanalyze(source)["verdict_digest"]
    chance, killed, audits, began = random.Random(17), 0, 0, time.monotonic()
    with at_work(settings, estate, 3) as workers:
        while killed < KILLS:
            made = installation.services.audits.reanalyze(
                tenant=installation.tenant, ident=source, body={}
            )
            audit = orjson.loads(made)["id"]
            for _ in range(KILLS_OF_AN_AUDIT):
                moment = time.monotonic() + chance.uniform(0.1, 3)
                until(
                    lambda at=moment: time.monotonic() > at,  # the moment is the condition
                    "a random moment",
                )
                workers.kill(1)
                workers.start(1)
                killed += 1
            shown = ended(installation, audit)
            assert (shown["status"], shown["verdict_digest"]) == ("completed", whole)
            audits += 1
    took = time.monotonic() - began
    print(f"{killed} workers killed in {took:.0f} s: {audits} audits, one digest")


@pytest.mark.parametrize("seconds", [5.0, AWAY])
def test_a_database_that_is_away_is_waited_for(
    installation: Installation,
    settings: Settings,
    estate: Emulator,
    server: PostgresServer,
    seconds: float,
) -> None:
    audit = begun(installation)
    with at_work(settings, estate, 3) as workers:
        before = calls_of(installation, audit, 30)
        pids = [each.pid for each in workers.alive]
        server.away()
        back = time.monotonic() + seconds
        until(lambda: time.monotonic() > back, "the database is away", seconds + 60)
        server.back()
        began = time.monotonic()
        calls_of(installation, audit, before)
        waited = time.monotonic() - began
        same(installation, audit)
        assert [each.pid for each in workers.alive if each.poll() is None] == pids
    print(f"away for {seconds:.0f} s: calls again after {waited:.1f} s")
    assert waited < 60


def test_a_worker_that_stood_still_writes_nothing_when_it_wakes(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    audit = begun(installation)
    with at_work(settings, estate, 3) as workers:
        calls_of(installation, audit, 30)
        stopped = workers.alive[0]
        os.kill(stopped.pid, signal.SIGSTOP)
        try:
            shown = same(installation, audit)
        finally:
            os.kill(stopped.pid, signal.SIGCONT)
        other = same(installation, begun(installation))  # while the zombie is awake
        assert count(installation, CALLS, audit) == sum(shown["calls"].values())
        assert other["verdict_digest"] == shown["verdict_digest"]


def test_jobs_that_are_lost_are_queued_again(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    audit = begun(installation)
    with at_work(settings, estate, 2):
        for more in (10, 60):
            calls_of(installation, audit, more)
            with installation.services.database.write() as connection:
                connection.run(jobs.delete(), {})
        same(installation, audit)


def test_a_place_that_kills_its_workers_is_left_unknown(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    when = "any(task.place.region == 'eu-north-1' for task in given[0])"
    poison = _POISON.format(step="collecting", name="gather", when=when)
    audit = begun(installation)
    with at_work(settings, estate, 1, poison + WORKER) as workers:
        shown = _revived(installation, workers, audit)
    assert shown["status"] == "completed", shown["error"]
    assert 0.5 < shown["coverage"] < 1
    assert asked_in(installation, audit) == set(REGIONS) - {"eu-north-1"}


def asked_in(installation: Installation, audit: str) -> set[str]:
    """Return the regions in which an audit asked anybody anything of queues."""
    statement = select(calls.c.region).where(
        calls.c.audit_id == bindparam("audit"), calls.c.service == "sqs"
    )
    with installation.services.database.read() as connection:
        return {row[0] for row in connection.all(statement, {"audit": audit})}


def _revived(installation: Installation, workers: Workers, audit: str) -> Document:
    """Start a worker again whenever it died, until an audit ended."""

    def found() -> Document | None:
        for process in [each for each in workers.alive if each.poll() is not None]:
            workers.alive.remove(process)
            workers.start(1)
        shown = installation.get(audit)
        return shown if shown["status"] in ("completed", "failed", "canceled") else None

    shown: Document = until(found, "the audit ends", 2 * SECONDS)
    return shown


def test_an_account_that_kills_its_workers_ends_the_audit_with_words(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    poison = _POISON.format(step="judging", name="_judge", when="True")
    audit = begun(installation)
    with at_work(settings, estate, 1, poison + WORKER) as workers:
        shown = _revived(installation, workers, audit)
    assert shown["status"] == "failed"
    assert "not tried again" in shown["error"]["message"]
    assert installation.findings() == {}


def test_a_canceled_audit_asks_nothing_more(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    audit = begun(installation)
    with at_work(settings, estate, 3):
        calls_of(installation, audit, 30)
        installation.services.audits.cancel(tenant=installation.tenant, ident=audit)
        soon = time.monotonic() + 1.5
        until(lambda: time.monotonic() > soon, "a second")
        made, later = estate.calls()["total"], time.monotonic() + 3
        until(lambda: time.monotonic() > later, "three more seconds")
        assert estate.calls()["total"] == made
        assert count(installation, LEFT, audit) == 0


def test_a_worker_that_is_asked_to_end_does_and_no_call_is_repeated(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    environment = {
        **os.environ,
        **estate.environment(),
        "CLOUDSEALED_DATA_DIR": str(settings.data_dir),
        "CLOUDSEALED_DATABASE_URL": settings.database_url,
    }
    audit = begun(installation)
    first = program().start("worker", environment=environment)
    calls_of(installation, audit, 30)
    began = time.monotonic()
    first.terminate()
    assert first.wait(SECONDS) == 0
    drained = time.monotonic() - began
    with at_work(settings, estate, 1):
        same(installation, audit)
    print(f"ended after {drained:.1f} s")
    assert drained < 10


def test_the_command_lines_audit_is_its_own_until_it_dies(
    settings: Settings, estate: Emulator, installation: Installation
) -> None:
    environment = {
        **os.environ,
        **estate.environment(),
        "CLOUDSEALED_DATA_DIR": str(settings.data_dir),
        "CLOUDSEALED_DATABASE_URL": settings.database_url,
    }
    asked = ("--regions", "eu-west-1,us-east-1", "--services", ",".join(SERVICES))
    with at_work(settings, estate, 2):
        command = program().start("audit", "aws", *asked, environment=environment)
        newest: Callable[[], list[bytes]] = lambda: list(  # noqa: E731
            installation.services.audits.list(tenant=installation.tenant, filters={}).items
        )
        found = until(newest, "the command begins an audit")
        audit = orjson.loads(found[0])["id"]
        calls_of(installation, audit, 60)
        assert count(installation, HANDS, audit) == 0, "a worker took what the command drives"
        command.kill()
        command.wait(SECONDS)
        shown = same(installation, audit)
        assert count(installation, HANDS, audit) > 0
        assert shown["coverage"] > 0.9


def test_a_small_tenants_audit_does_not_wait_for_a_large_ones(
    installation: Installation, settings: Settings, estate: Emulator
) -> None:
    with signed_in(installation.environment):
        source = installation.audit(installation.patient, services=["sqs"])["id"]
    small = installation.services.tenants.create(name="small")
    installation.services.policies.synchronize(tenant=small.id)
    for _ in range(30):
        installation.services.audits.reanalyze(tenant=installation.tenant, ident=source, body={})
    role = {"provider": "aws", "role_arn": "arn:aws:iam::123456789012:role/audit"}
    connection = installation.services.connections.ensure(tenant=small.id, name="r", body=role)
    body = {"connection_ids": [connection], "scope": {"services": ["sqs"]}}
    made = installation.services.audits.create(tenant=small.id, body=body)
    audit = orjson.loads(made)["id"]

    def done() -> bool:
        shown = installation.services.audits.get(tenant=small.id, ident=audit)
        return orjson.loads(shown)["status"] in ("completed", "failed")

    with at_work(settings, estate, 1):
        until(done, "the small tenant's audit ends")
        page = installation.services.audits.list(
            tenant=installation.tenant, filters={"status": ("completed",)}
        )
        others = len(page.items) - 1
    print(f"{others} audits of the large tenant ended before")
    assert others <= 8
