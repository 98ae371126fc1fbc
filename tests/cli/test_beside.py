"""The worker beside `serve`: it is there while the server is, and comes back when it dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudsealed.cli import beside
from cloudsealed.settings import Settings
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.migrate import migrate


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSEALED_DATA_DIR", str(tmp_path))
    settings = Settings(data_dir=tmp_path)
    ensure_keys(settings.key_path)
    migrate(settings)


@pytest.mark.usefixtures("installation")
def test_a_worker_that_is_killed_is_started_again_and_ends_when_asked() -> None:
    with beside.worker_beside() as worker:
        first = worker.child
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: worker.child is not first)
        second = worker.child
        assert second.poll() is None
    assert second.poll() == 0


@pytest.mark.usefixtures("installation")
def test_a_worker_that_ends_by_itself_is_not_started_again() -> None:
    with beside.worker_beside() as worker:
        only = worker.child
        only.terminate()
        only.wait(30)
        until(lambda: not worker.is_watched)
        assert worker.child is only


@pytest.mark.usefixtures("installation")
def test_a_worker_has_no_more_memory_than_the_setting_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDSEALED_WORKER_MEMORY", "3000")
    with beside.worker_beside() as worker:
        limits = Path(f"/proc/{worker.child.pid}/limits")
        until(lambda: f"Max data size             {3000 * 1024**2} " in limits.read_text())
