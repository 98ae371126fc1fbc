"""Years in an hour: what a served installation holds after many audits and requests.

CHAOS_AUDITS and CHAOS_REQUESTS say how many: 20 and 2000 take minutes. PostgreSQL
allows 30 connections, each process may open 256 files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.held import NARROW, Busy, grown, lives
from tests.served import served
from tests.servers import PostgresServer

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import HOME_REGION

AUDITS = int(os.environ.get("CHAOS_AUDITS", "200"))
REQUESTS = int(os.environ.get("CHAOS_REQUESTS", "100000"))


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    server = PostgresServer(max_connections=30)
    yield server.url()
    server.stop()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_what_is_held_at_the_end_is_what_was_held_after_the_tenth_audit(
    database_url: str, estate: Emulator, tmp_path: Path
) -> None:
    environment = {**estate.environment(), **NARROW, "CLOUDSEALED_DATABASE_URL": database_url}
    with served(tmp_path / "data", tmp_path / "log", environment, files=256) as running:
        busy = Busy(running, regions=[HOME_REGION], services=["sqs"])
        first, last = lives(busy, audits=AUDITS, requests=REQUESTS)
        assert grown(first, last, 1.1) == {}
        assert running.complaints() == []
