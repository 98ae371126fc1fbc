"""A worker whose clock jumps, one that hangs, one whose database was migrated under its hands.

Run by `make chaos`.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from tests.e2e.installation import Installation
from tests.e2e.test_shared_audit import begun
from tests.e2e.workers import RUN, SOON, UNPACED, WORKER, at_work, calls_of, same
from tests.waiting import SECONDS, until

from cloudsealed.cli.work import CANNOT_GO_ON
from cloudsealed.kit.clock import parse_rfc3339, utc_now
from cloudsealed.settings import Settings
from cloudsealed.testing.emulator import Emulator

PATIENCE = 10
_JUMPS = """
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from cloudsealed import wiring
from cloudsealed.kit import clock
jumped, right = Path({jumped!r}), clock.utc_now

def utc_now():
    return right() + timedelta(hours={hours}) if jumped.exists() else right()

for module in list(sys.modules.values()):
    if module.__name__.startswith("cloudsealed") and getattr(module, "utc_now", None) is right:
        module.utc_now = utc_now
wiring.build_services = partial(wiring.build_services, clock=utc_now)
"""
_HANGS = """
import threading
from pathlib import Path
from cloudsealed.audits.steps import judging
real = judging._judge

def hangs(*given):
    Path({hung!r}).touch()
    threading.Event().wait()

judging._judge = hangs
"""
_NEWER = (
    "ALTER TABLE calls RENAME COLUMN request_id TO asked_as",
    "ALTER TABLE audit_shards RENAME COLUMN counts TO told",
    "UPDATE alembic_version SET version_num = '9999'",
)
_OURS = (
    "ALTER TABLE calls RENAME COLUMN asked_as TO request_id",
    "ALTER TABLE audit_shards RENAME COLUMN told TO counts",
    "UPDATE alembic_version SET version_num = %s",
)

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_worker_whose_clock_jumps_takes_nothing_from_others_and_dates_nothing_by_it(
    installation: Installation,
    settings: Settings,
    estate: Emulator,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    hours: int,
) -> None:
    jumped = tmp_path / "jumped"
    jumps = _JUMPS.format(jumped=str(jumped), hours=hours)
    audit = begun(installation)
    with at_work(settings, estate, 2) as right:
        calls_of(installation, audit, 10)
        with at_work(settings, estate, 1, UNPACED + SOON + jumps + RUN):
            before = calls_of(installation, audit, 30)
            jumped.touch()
            calls_of(installation, audit, before + 40)
            said = capfd.readouterr().err
            right.kill(2)
            left = time.monotonic()
            shown = same(installation, audit)
            took = time.monotonic() - left
            other = same(installation, begun(installation))
    print(f"{hours:+} h: the one whose clock jumped ended the audit {took:.0f} s after the others")
    assert "was taken over" not in said
    assert other["verdict_digest"] == shown["verdict_digest"]
    for each in (shown, other):
        for name in ("started_at", "finished_at"):
            assert abs(parse_rfc3339(each[name]) - utc_now()) < timedelta(minutes=10), name


def test_a_worker_that_hangs_in_an_account_ends_and_another_judges_it(
    installation: Installation, settings: Settings, estate: Emulator, tmp_path: Path
) -> None:
    hung = tmp_path / "hung"
    hangs = UNPACED + SOON + _HANGS.format(hung=str(hung)) + RUN
    audit = begun(installation)
    more = {"CLOUDSEALED_JOB_PATIENCE": str(PATIENCE)}
    with at_work(settings, estate, 1, hangs, more) as hanging:
        until(hung.exists, "it hangs")
        began = time.monotonic()
        with at_work(settings, estate, 1):
            code = hanging.alive[0].wait(SECONDS)
            ended = time.monotonic() - began
            same(installation, audit)
        took = time.monotonic() - began
    print(f"it ended itself after {ended:.0f} s, the audit was over after {took:.0f} s")
    assert code == CANNOT_GO_ON


def test_workers_of_a_version_that_the_database_has_left_end_and_lose_nothing(
    installation: Installation,
    settings: Settings,
    estate: Emulator,
    capfd: pytest.CaptureFixture[str],
) -> None:
    audit = begun(installation)
    with psycopg.connect(settings.database_url, autocommit=True) as server:
        row = server.execute("SELECT version_num FROM alembic_version").fetchone()
        with at_work(settings, estate, 2) as old:
            calls_of(installation, audit, 30)
            until(lambda: _migrated(server, _NEWER), "it is migrated")
            began = time.monotonic()
            assert [each.wait(SECONDS) for each in old.alive] == [CANNOT_GO_ON] * 2
            ended = time.monotonic() - began
        assert "revision 9999" in capfd.readouterr().err
        assert _migrated(server, _OURS, row)
    assert installation.get(audit)["status"] == "collecting"
    with at_work(settings, estate, 2, WORKER):
        same(installation, audit)
    print(f"workers of the former version had ended {ended:.0f} s after the migration")


def _migrated(server: psycopg.Connection, steps: tuple[str, ...], given: object = None) -> bool:
    """Migrate in one transaction; False when workers were in its way, and it is as it was."""
    try:
        with server.transaction():
            for step in steps:
                server.execute(step.encode(), given if "%s" in step else None)
    except psycopg.errors.DeadlockDetected:
        return False
    return True
