"""What the probes say of an installation: each part by name, and figures for Prometheus."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.contract.conftest import MOMENT
from tests.servers import PostgresServer, free_port
from tests.waiting import until

from cloudsealed.api import gauges, parts, process
from cloudsealed.api.app import create_app
from cloudsealed.audits.shard_store import Shard, Shards, Step
from cloudsealed.jobs import PulseStore, enqueue
from cloudsealed.jobs.pulse_store import DEAD_SECONDS
from cloudsealed.jobs.store import JobStore
from cloudsealed.kit.clock import rfc3339, utc_now
from cloudsealed.settings import Settings
from cloudsealed.storage.blobs import open_blobs
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.ownership import claim
from cloudsealed.storage.schema import installation, jobs
from cloudsealed.testing.factories import add_audits, make_audit
from cloudsealed.vocabulary import AuditStatus
from cloudsealed.wiring import Services, build_services

CALLS = ("provider_calls", (("outcome", "ok"), ("service", "s3")))
PARTS = {"database", "schema", "worker", "jobs", "audits", "disk", "keys"}
Ask = Callable[[str], httpx.Response]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every request look anew."""
    monkeypatch.setattr(parts, "_ANSWER_KEPT", -1.0)
    monkeypatch.setattr(gauges, "_KEPT", -1.0)


def asking(connect: Callable[[], httpx.AsyncClient]) -> Ask:
    async def get(path: str) -> httpx.Response:
        async with connect() as http:
            return await http.get(path)

    return lambda path: asyncio.run(get(path))


@pytest.fixture
def ask(connect: Any) -> Ask:
    return asking(lambda: connect(anonymous=True))


@pytest.fixture
def ask_without_database(tmp_path: Path) -> Ask:
    """Asks an installation whose database is away."""
    settings = Settings(data_dir=tmp_path, database_url="postgresql://127.0.0.1:1/x")
    ensure_keys(settings.key_path)
    app = create_app(build_services(settings))
    return asking(
        lambda: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")
    )


def beat(services: Services, *, ago: float = 0, **state: Any) -> None:
    now = utc_now() - timedelta(seconds=ago)
    PulseStore(services.database).beat(
        name="host:1", started_at=now, now=now, state={"faults": {}, **state}, counted={CALLS: 3}
    )


def ended(services: Services, status: AuditStatus, code: str | None = None) -> str:
    """Add an audit that has ended."""
    audit = make_audit(status=AuditStatus.COLLECTING, created_at=MOMENT, started_at=MOMENT)
    add_audits(services.database, "ten_a", audit)
    error = {"code": code, "message": "x"} if code else None
    lease = Shards(services.database, services.clock).take(
        tenant="ten_a", ident=audit.id, owner="w"
    )
    assert lease is not None
    lease.set(status=status, finished_at=rfc3339(utc_now()), error=error)
    return audit.id


def faults(answer: httpx.Response) -> dict[str, str]:
    return {k: v["fault"] for k, v in answer.json()["parts"].items() if v["fault"]}


def test_an_installation_without_a_fault_is_ready(services: Services, ask: Any) -> None:
    beat(services)
    answer = ask("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["parts"]) == PARTS
    assert faults(answer) == {}
    assert answer.json()["parts"]["worker"]["alive"] == 1
    assert answer.json()["parts"]["disk"]["free_bytes"] > 0


def test_an_object_store_that_does_not_answer_is_named_and_takes_no_request_away(
    services: Services,
) -> None:
    beat(services)
    settings = replace(
        services.settings,
        blob_url="s3://bucket",
        blob_options=(
            ("endpoint", f"http://127.0.0.1:{free_port()}"),
            ("access_key_id", "a"),
            ("secret_access_key", "b"),
        ),
    )
    there = replace(services, settings=settings, blobs=open_blobs(settings))
    app = create_app(there)
    answer = asking(
        lambda: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")
    )("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    fault = answer.json()["parts"]["blobs"]["fault"]
    assert fault == "The object store of the blobs does not answer"


def test_a_dead_worker_is_named_and_takes_no_request_away(services: Services, ask: Any) -> None:
    for prepare in (lambda: None, lambda: beat(services, ago=DEAD_SECONDS + 1)):
        prepare()
        answer = ask("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert faults(answer) == {"worker": "No worker is alive: audits and reports wait"}
    beat(services, ago=DEAD_SECONDS - 10)
    assert ask("/readyz").json()["status"] == "ready"


def test_what_fails_within_a_worker_is_named(services: Services, ask: Any) -> None:
    beat(services, faults={"housekeeping": "The disk is full"})
    assert faults(ask("/readyz")) == {"worker": "housekeeping: The disk is full"}


def test_a_job_that_waits_too_long_is_named(services: Services, ask: Any) -> None:
    beat(services)
    with services.database.write() as connection:
        enqueue(connection, tenant="ten_a", kind="audit", subject="aud_a")
    assert ask("/readyz").json()["status"] == "ready"
    long_ago = rfc3339(utc_now() - timedelta(seconds=parts.LONGEST_WAIT + 60))
    with services.database.write() as connection:
        connection.run(jobs.update().values(created_at=long_ago))
    assert list(faults(ask("/readyz"))) == ["jobs"]
    assert ask("/readyz").json()["parts"]["jobs"]["oldest_waiting_at"] == long_ago


def test_an_audit_that_failed_by_our_fault_is_named_and_one_by_the_clouds_is_not(
    services: Services, ask: Any
) -> None:
    beat(services)
    ended(services, AuditStatus.FAILED, "cloud_provider_error")
    answer = ask("/readyz")
    assert answer.json()["parts"]["audits"]["last_status"] == "failed"
    assert faults(answer) == {}
    ident = ended(services, AuditStatus.FAILED, "internal_error")
    answer = ask("/readyz")
    assert list(faults(answer)) == ["audits"]
    assert ident not in answer.text


def test_little_room_on_the_disk_is_named(
    services: Services, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(services)
    monkeypatch.setattr(parts, "LEAST_FREE", 2**60)
    answer = ask("/readyz")
    assert answer.status_code == 200
    assert "MiB are free" in faults(answer)["disk"]


def test_another_key_file_than_at_the_start_is_named(services: Services, ask: Any) -> None:
    beat(services)
    services.settings.key_path.unlink()
    ensure_keys(services.settings.key_path)
    assert list(faults(ask("/readyz"))) == ["keys"]
    services.settings.key_path.unlink()
    assert "does not exist" in faults(ask("/readyz"))["keys"]


def test_a_key_file_that_is_another_databases_is_named(services: Services, ask: Ask) -> None:
    beat(services)
    claim(services.database, services.keys)
    with services.database.write() as connection:
        connection.run(installation.update().values(value="another"))
    assert "the database's is another" in faults(ask("/readyz"))["keys"]


def test_a_database_of_another_version_is_named_and_not_ready(services: Services, ask: Ask) -> None:
    beat(services)
    with closing(sqlite3.connect(services.settings.sqlite_path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0002'")
        raw.commit()
    answer = ask("/readyz")
    assert answer.status_code == 503
    [detail] = answer.json()["error"]["details"]
    assert detail["field"] == "schema"
    assert "is at revision 0002" in detail["message"]


def test_without_its_database_it_is_not_ready_and_every_fault_is_in_the_answer(
    ask_without_database: Ask,
) -> None:
    answer = ask_without_database("/readyz")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == (
        "service_unavailable",
        "The database does not answer",
    )
    named = {detail["field"] for detail in error["details"]}
    assert {"database", "worker", "jobs"} <= named


def families(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_figures_of_jobs_audits_workers_and_the_process_are_there(
    services: Services, ask: Any
) -> None:
    connections = {"in_use": 2, "limit": 10}
    beat(services, open_files=30, resident_bytes=1000, threads=9, connections=connections)
    with services.database.write() as connection:
        for number in range(2):
            enqueue(connection, tenant="ten_a", kind="report", subject=f"rep_{number}")
    JobStore(services.database).claim(kind="report", owner="w", now=utc_now())
    ended(services, AuditStatus.COMPLETED)
    waiting = ended(services, AuditStatus.COLLECTING)
    with services.database.write() as connection:
        new = [Shard(Step.COLLECT, "123456789012", region) for region in ("a", "b")]
        shards = Shards(services.database, services.clock)
        shards.add(connection, tenant="ten_a", ident=waiting, new=new)
    found = families(ask("/metrics").text)
    assert found["cloudsealed_shards"] == {
        (("state", "held"), ("step", "plan")): 1,
        (("state", "waits"), ("step", "collect")): 2,
    }
    assert set(found["cloudsealed_shards_oldest_seconds"]) == {(("step", "collect"),)}
    assert found["cloudsealed_jobs"] == {
        (("kind", "report"), ("status", "queued")): 1,
        (("kind", "report"), ("status", "running")): 1,
    }
    assert set(found["cloudsealed_jobs_oldest_seconds"]) == set(found["cloudsealed_jobs"])
    assert found["cloudsealed_audits"] == {
        (("status", status),): 1 for status in ("collecting", "completed")
    }
    assert found["cloudsealed_provider_calls_total"] == {CALLS[1]: 3}
    assert found["cloudsealed_worker_open_files"] == {(("worker", "host:1"),): 30}
    assert found["cloudsealed_worker_database_connections"] == {
        (("state", state), ("worker", "host:1")): value for state, value in connections.items()
    }
    used, limit = found["cloudsealed_database_connections"].values()
    assert (0 <= used <= limit, limit) == (True, services.settings.database_connections + 1)
    for name in (
        "cloudsealed_worker_seen_seconds",
        "cloudsealed_disk_free_bytes",
        "cloudsealed_threads",
        "process_open_fds",
        "process_resident_memory_bytes",
    ):
        assert all(value >= 0 for value in found[name].values()), name


def test_the_parts_at_fault_are_figures_too(services: Services, ask: Ask) -> None:
    beat(services, ago=DEAD_SECONDS + 60)
    found = families(ask("/metrics").text)["cloudsealed_part_fault"]
    assert {dict(labels)["part"] for labels in found} == {*PARTS, "limits"}
    at_fault = {dict(labels)["part"] for labels, value in found.items() if value}
    assert at_fault == set(faults(ask("/readyz"))) == {"worker"}


def test_figures_are_there_where_the_machine_does_not_say_when_it_began(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_booted", lambda: None)
    found = families(ask("/metrics").text)
    assert "process_start_time_seconds" not in found
    assert found["process_resident_memory_bytes"][()] > 0


def test_no_identity_is_in_the_figures(services: Services, token: str, ask: Any) -> None:
    beat(services)
    with services.database.write() as connection:
        enqueue(connection, tenant="ten_a", kind="audit", subject="aud_secret")
    text = ask("/metrics").text
    tenant = services.tenants.all()[0]
    assert all(name not in text for name in (tenant.id, tenant.name, "ten_a", "aud_secret", token))


def test_figures_that_cannot_be_read_are_left_out_and_the_others_are_there(
    ask_without_database: Ask,
) -> None:
    found = families(ask_without_database("/metrics").text)
    assert "cloudsealed_jobs" not in found
    assert "cloudsealed_disk_free_bytes" in found
    assert found["cloudsealed_part_fault"][(("part", "database"),)] == 1


def test_while_the_database_hangs_probes_and_scrapes_tell_what_was_seen_last(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres.create("hangs", "migrated"))
    ensure_keys(settings.key_path)
    services = build_services(settings)
    beat(services)
    app = create_app(services)

    async def ask(*paths: str) -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await asyncio.gather(*map(http.get, paths))

    assert [answer.status_code for answer in asyncio.run(ask("/readyz", "/metrics"))] == [200, 200]
    with psycopg.connect(settings.database_url) as holding:
        holding.execute("LOCK TABLE jobs, audits IN ACCESS EXCLUSIVE MODE")
        *ready, scraped = asyncio.run(ask(*["/readyz"] * 20, "/metrics"))
    assert {answer.status_code for answer in ready} == {200}
    told = families(scraped.text)
    assert {"cloudsealed_worker_seen_seconds", "cloudsealed_disk_free_bytes"} <= told.keys()
    until(lambda: not services.database.pool_status()["in_use"], "the looks end")
    services.database.close()
    postgres.drop("hangs")
