"""Many parts of one audit, judged by every policy: none decides otherwise than the whole."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Install
from tests.e2e.scopes import Recorded, differences, scopes

from cloudsealed.testing.emulator import Emulator

SUBSETS = 300


def test_no_part_of_an_audit_decides_otherwise_than_the_whole(
    estate: Emulator, install: Install, tmp_path: Path
) -> None:
    installation = install(tmp_path, estate)
    recorded = Recorded.of(installation, installation.audit()["id"])
    assert list(differences(recorded, scopes(SUBSETS))) == []
