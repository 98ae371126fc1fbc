"""A served installation holds no more of the system after twenty audits than after ten."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.resources import grown, lives, served

from cloudsealed.testing.emulator import Emulator
from cloudsealed.testing.estate_site import HOME_REGION


def test_twenty_audits_and_two_thousand_requests_fit_into_256_open_files_and_leave_nothing(
    estate: Emulator, tmp_path: Path
) -> None:
    with served(tmp_path, estate.environment()) as running:
        scope = {"regions": [HOME_REGION], "services": ["sqs"]}
        figures = lives(running, audits=20, requests=2000, **scope)
    assert grown(figures) == {}
