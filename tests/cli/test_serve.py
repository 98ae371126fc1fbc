"""`serve` as it is run: it waits for its worker, outlives a full disk, and ends in its time."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from tests.disks import small_disk
from tests.served import served, until

from cloudsealed.testing.emulator import Emulator

# Misses a worker after two of its beats: whoever waits for that waits half a minute otherwise.
IMPATIENT = """
from cloudsealed.api import parts
from cloudsealed.cli.main import main
parts.DEAD_SECONDS = 10
main()
"""


def test_serve_waits_for_its_worker_and_one_that_is_killed_comes_back(tmp_path: Path) -> None:
    with served(tmp_path / "data", tmp_path / "log", {}) as running:
        ready = running.ready()
        assert (ready["status"], ready["parts"]["worker"]["alive"]) == ("ready", 1)
        log = running.log.read_text()
        assert log.index(f"the worker is up: process {running.worker}") < log.index("running on")
        first = running.worker
        base = str(running.http.base_url).rstrip("/")  # a port that nobody chose
        told = running.http.get("/.well-known/oauth-authorization-server").json()
        assert told["issuer"] == base
        asked = {"email": "ann@example.com", "name": "Ann", "role": "viewer"}
        link = running.http.post("/v1/users", json=asked).json()["invitation_url"]
        assert link.startswith(f"{base}/invitation?")
        inherited = Path(f"/proc/{first}/environ").read_bytes().split(b"\0")
        assert f"CLOUDSEALED_LISTENS_AT={base}".encode() in inherited  # reports lead there, too
        os.kill(first, signal.SIGKILL)
        until(lambda: running.worker not in (0, first), "the next worker is started")
        next_one = f'{{worker="{socket.gethostname()}:{running.worker}"}}'
        until(lambda: next_one in running.http.get("/metrics").text, "the next worker is seen")
        assert running.http.get("/v1/me").status_code == 200


def test_serve_can_leave_the_work_to_workers_elsewhere(tmp_path: Path) -> None:
    alone = (
        "import sys; sys.argv += ['--workers', '0']\nfrom cloudsealed.cli.main import main\nmain()"
    )
    with served(tmp_path / "data", tmp_path / "log", {}, code=alone) as running:
        assert running.http.get("/v1/me").status_code == 200
        assert running.ready()["parts"]["worker"]["alive"] == 0
        assert "worker is up" not in running.log.read_text()


def test_on_a_full_disk_reads_are_answered_writes_say_why_and_room_is_enough(
    tmp_path: Path, estate: Emulator
) -> None:
    environment = {**estate.environment(), "CLOUDSEALED_LOG_FORMAT": "json"}
    with (
        small_disk(tmp_path / "disk") as disk,
        served(
            tmp_path / "disk" / "data", tmp_path / "log", environment, code=IMPATIENT
        ) as running,
    ):
        connection = running.connect("first").json()["id"]
        before = running.worker
        disk.fill(running.process.pid, before)
        names = iter(range(10_000))
        refused = until(
            lambda: (a := running.connect(f"c{next(names)}")).status_code != 201 and a,
            "a write is refused",
        )
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "service_unavailable"
        assert "disk" in refused.json()["error"]["message"]
        assert running.http.get("/v1/connections").status_code == 200
        assert running.http.get("/readyz").status_code == 200
        until(lambda: "worker" in running.faults(), "the worker says that it cannot write")
        if disk.is_mounted:
            assert "MiB are free" in running.faults()["disk"]
        assert running.http.get("/v1/connections").status_code == 200
        disk.free(running.process.pid, before)
        assert running.connect("after").status_code == 201
        audit = running.ended(running.audit(connection, services=["sqs"]))
        assert audit["status"] == "completed", audit["error"]
        assert running.worker == before, "the worker was started again"
        until(lambda: not running.faults(), "nothing is wrong any more")


def test_serve_ends_in_its_time_while_an_audit_runs_which_goes_on_at_the_next_start(
    tmp_path: Path, estate: Emulator
) -> None:
    with served(tmp_path / "data", tmp_path / "log", estate.environment()) as running:
        connection = running.connect("first").json()["id"]
        ident = running.audit(connection, services=["ec2", "iam", "s3"])
        until(
            lambda: running.http.get(f"/v1/audits/{ident}").json()["status"] != "queued",
            "the audit begins",
        )
        worker = running.worker
        running.stop()
        assert running.process.returncode == 0
        assert not Path(f"/proc/{worker}").exists()
        running.log.write_text("")
        running.start()
        assert running.ended(ident)["status"] == "completed"
        until(lambda: "attempt=1" in running.log.read_text(), "the end of the job is said")
        log = running.log.read_text()
        assert f"audit goes on tenant={running.made['tenant']['id']}" in log
        assert "audit ended" in log
