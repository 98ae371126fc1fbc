"""An audit whose process group is killed goes on where it was, and concludes the same."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from tests.waiting import SECONDS

from cloudsealed.kit.clock import utc_now
from cloudsealed.testing.emulator import Emulator

SERVICES = "dynamodb ec2 ecr ecs iam kms lambda logs rds s3 secretsmanager sns sqs"
SCOPE = {"services": SERVICES.split()}  # so many calls that the kill comes in their midst
COMMAND = (
    "-m",
    "cloudsealed.cli.main",
    "audit",
    "aws",
    "--regions",
    "eu-west-1,us-east-1",
    "--services",
    ",".join(SCOPE["services"]),
)


def later() -> datetime:
    """Return a moment at which a lease of now has run out."""
    return utc_now() + timedelta(seconds=20)


def units(path: Path) -> int:
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return int(connection.execute("select count(*) from calls").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # the tables are being made
    finally:
        connection.close()


def kill_when(path: Path, more_than: int, process: subprocess.Popen[bytes]) -> int:
    while units(path) <= more_than:  # it ends by itself, or is ended with the test
        assert process.poll() is None, "the audit ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)
    return units(path)


def test_an_audit_killed_while_it_collects_resumes_and_concludes_the_same(
    whole_estate: Emulator, install: Any, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        **whole_estate.environment(),
        "CLOUDSEALED_DATA_DIR": str(tmp_path),
    }
    path = tmp_path / "cloudsealed.db"
    whole_estate.reset()
    process = subprocess.Popen(
        [sys.executable, *COMMAND],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    kept = kill_when(path, 20, process)
    killed = whole_estate.calls()["total"]

    installation = install(tmp_path, whole_estate, clock=later)
    page = installation.services.audits.list(tenant=installation.tenant, filters={})
    [audit] = [orjson.loads(item) for item in page.items]
    assert audit["status"] == "collecting"
    assert installation.findings() == {}
    whole_estate.reset()
    resumed = installation.run(audit["id"], installation.patient)
    assert (resumed["status"], resumed["coverage"] > 0) == ("completed", True)
    calls_resumed = whole_estate.calls()["total"]
    stood = installation.findings()

    whole_estate.reset()
    undisturbed = installation.audit(installation.patient, **SCOPE)
    calls_whole = whole_estate.calls()["total"]
    whole = sum(undisturbed["calls"].values())
    assert sum(resumed["calls"].values()) == whole
    assert calls_whole == whole + 2  # whose account it is: when it is planned and when it collects
    assert kept > 20
    # The cloud may count what was in flight when the process died after the counts began anew.
    in_flight = installation.services.settings.collect_workers
    assert whole - kept + 1 <= calls_resumed <= whole - kept + 1 + in_flight
    assert calls_resumed < calls_whole
    assert killed >= kept
    assert resumed["verdict_digest"] == undisturbed["verdict_digest"]
    assert {i: f["status"] for i, f in installation.findings().items()} == {
        i: f["status"] for i, f in stood.items()
    }
