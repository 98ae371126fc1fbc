"""What a served installation holds after ten audits: as much as its settings say, and no more.

`tests/chaos` has the same for two hundred audits and a hundred thousand requests.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.held import CONNECTIONS, NARROW, Busy, grown, lives
from tests.served import served

from cloudsealed.api.app import THREADS
from cloudsealed.settings import Settings
from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import HOME_REGION

FILES_A_CONNECTION = 3  # SQLite's file, -wal and -shm
FILES_BESIDE, THREADS_BESIDE = 40, 16
PROCESSES = 2


@pytest.mark.timeout(900)  # half a minute, on a machine that does nothing else
def test_ten_audits_hold_what_four_did(
    storage_settings: Settings, estate: Emulator, tmp_path: Path
) -> None:
    environment = {
        **estate.environment(),
        **NARROW,
        "CLOUDSEALED_DATABASE_URL": storage_settings.database_url,
    }
    with served(tmp_path / "data", tmp_path / "log", environment, files=256) as running:
        busy = Busy(running, regions=[HOME_REGION], services=["sqs"])
        first, last = lives(busy, audits=10, warm=4, requests=240)
        assert running.complaints() == []
    files = (CONNECTIONS + 1) * FILES_A_CONNECTION + FILES_BESIDE
    for name in ("api", "worker"):
        assert last[f"{name} files"] <= files
        assert last[f"{name} threads"] <= THREADS + THREADS_BESIDE
        assert last[f"{name} arenas"] == 0
    assert last.get("connections", 0) <= PROCESSES * CONNECTIONS
    memory = {name: value for name, value in first.items() if name.endswith("memory")}
    assert grown(memory, last, 1.3) == {}
