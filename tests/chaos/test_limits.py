"""The Valkey of two servers is gone, or stands still, while they answer and audits run.

Run by `make chaos`. CHAOS_SILENT is for how many seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.served import Served, served
from tests.servers import PostgresServer
from tests.valkey_server import ValkeyServer
from tests.waiting import until

from cloudsealed.testing.emulator import Emulator

SILENT = float(os.environ.get("CHAOS_SILENT", "20"))
SCOPE = {"regions": ["eu-west-1"], "services": ["iam", "s3", "sqs"]}
PATIENCE = 2.0  # of a server, once every few seconds
BESIDE = 3.0  # seconds that a request may take on a busy machine

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    found = ValkeyServer()
    yield found
    found.thaw()
    found.remove()


@pytest.fixture
def servers(
    server: PostgresServer, valkey: ValkeyServer, estate: Emulator, tmp_path: Path
) -> Iterator[tuple[Served, Served]]:
    environment = {
        **estate.environment(),
        "CLOUDSEALED_DATABASE_URL": server.create(f"c{time.monotonic_ns()}"),
        "CLOUDSEALED_VALKEY_URL": valkey.url,
        "CLOUDSEALED_KEY_FILE": str(tmp_path / "keys.json"),
        "CLOUDSEALED_LIMIT_CORE": "1000000/hour",
    }
    with ExitStack() as stack:
        first = stack.enter_context(served(tmp_path / "a", tmp_path / "a.log", environment))
        made = first.made
        other = served(tmp_path / "b", tmp_path / "b.log", environment, made=made)
        yield first, stack.enter_context(other)


def used(running: Served) -> int:
    """Ask for something; return how many requests this was the last of."""
    answer = running.http.get("/v1/audits")
    assert answer.status_code == 200, answer.text
    return int(answer.headers["x-ratelimit-used"])


def share(servers: tuple[Served, Served]) -> bool:
    first, other = servers
    return used(other) == used(first) - 1 or used(first) == used(other) - 1


@pytest.mark.parametrize("kind", ["gone", "frozen"])
def test_without_their_valkey_servers_count_alone_and_answer_and_audits_end(
    servers: tuple[Served, Served], valkey: ValkeyServer, kind: str
) -> None:
    first, other = servers
    connection = first.connect("first").json()["id"]
    whole = first.ended(first.audit(connection, **SCOPE))
    assert whole["status"] == "completed"
    assert used(other) == used(first) - 1 == used(other) - 2, "they do not share"
    (valkey.stop if kind == "gone" else valkey.freeze)()
    began, longest, asked = time.monotonic(), 0.0, 0
    audit = first.audit(connection, **SCOPE)
    while time.monotonic() - began < SILENT:
        for each in servers:
            at = time.monotonic()
            used(each)
            longest, asked = max(longest, time.monotonic() - at), asked + 1
    for each in servers:
        until(lambda of=each: "limits" in _faults(of), "it is named")
    shown = first.ended(audit)
    assert (shown["status"], shown["verdict_digest"]) == ("completed", whole["verdict_digest"])
    (valkey.start if kind == "gone" else valkey.thaw)()
    back = time.monotonic()
    until(lambda: share(servers), "they share again")
    shared = time.monotonic() - back
    until(lambda: not _faults(first) and not _faults(other), "nothing is wrong any more")
    assert first.complaints() == other.complaints() == []
    print(
        f"{kind} for {SILENT:.0f} s: {asked} requests answered, the longest after {longest:.2f} s;"
        f" counted together {shared:.1f} s after it was back"
    )
    assert longest < PATIENCE + BESIDE


def _faults(running: Served) -> dict[str, str]:
    """Return the faults of a server's parts and of its limits."""
    ready = running.ready()
    limits = {"limits": ready["limits"]["fault"]} if ready["limits"]["fault"] else {}
    return running.faults() | limits
