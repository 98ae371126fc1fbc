"""The worker beside `serve`: it is there while the server is, and comes back when it dies."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from tests.migrated import with_tables
from tests.waiting import SECONDS, until

from cloudsealed.cli import beside
from cloudsealed.cli.work import CANNOT_GO_ON
from cloudsealed.jobs import enqueue
from cloudsealed.jobs.store import MAX_ATTEMPTS
from cloudsealed.settings import Settings
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.keys import ensure_keys
from cloudsealed.storage.schema import jobs


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSEALED_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(beside, "_STOP_SECONDS", SECONDS)  # it may be asked while it starts
    settings = Settings(data_dir=tmp_path)
    ensure_keys(settings.key_path)
    with_tables(settings)


@pytest.mark.usefixtures("installation")
def test_a_worker_that_is_killed_is_started_again_and_ends_when_asked() -> None:
    with beside.workers_beside() as (worker,):
        first = worker.child
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: worker.child is not first, "the next one is started")
        second = worker.child
        assert second.poll() is None
    assert second.poll() == 0


@pytest.mark.usefixtures("installation")
def test_a_worker_that_ends_by_itself_is_not_started_again() -> None:
    with beside.workers_beside() as (worker,):
        only = worker.child
        only.terminate()
        only.wait(SECONDS)
        until(lambda: not worker.is_watched, "nobody watches it any more")
        assert worker.child is only


@pytest.mark.usefixtures("installation")
def test_a_job_that_hangs_is_found_and_ended_and_the_others_go_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    database = SqliteDatabase(Settings(data_dir=tmp_path).sqlite_path)

    def add(*subjects: str) -> None:
        with database.write() as connection:
            for subject in subjects:
                enqueue(connection, tenant="ten_a", kind="audit", subject=subject)

    def state(subject: str) -> tuple[str, int]:
        statement = jobs.select().with_only_columns(jobs.c.status, jobs.c.attempts)
        with database.read() as connection:
            row = connection.first(statement.where(jobs.c.subject == subject))
        assert row is not None
        return row[0], row[1]

    add("long", "hang")
    command = [sys.executable, str(Path(__file__).with_name("hanging.py"))]
    with beside.workers_beside(command=command) as (worker,):
        first = worker.child
        until(lambda: worker.child is not first, "the next one is started")
        assert first.returncode == CANNOT_GO_ON
        until(lambda: state("hang") == ("failed", MAX_ATTEMPTS), "the one that hangs is given up")
        until(lambda: state("long")[0] == "running", "the other one goes on")
        assert state("long")[1] <= 2, "the attempts of the one that hung were counted as its own"
        add("quick")
        until(lambda: state("quick") == ("done", 1), "a third is done")
        (tmp_path / "go").touch()
        until(lambda: state("long")[0] == "done", "the other one ends")
    assert (tmp_path / "hang.words").read_text().endswith("so it is not tried again")
    assert "it made no progress for" in capfd.readouterr().err
    database.close()


def test_a_worker_that_lived_well_is_started_again_at_once_and_one_that_did_not_ever_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(beside, "LIVED_WELL_SECONDS", float("inf"))
    with beside.workers_beside(command=[sys.executable, "-c", "raise SystemExit(3)"]):
        until(lambda: "starts in 2 s" in caplog.text, "the pauses grow")
        monkeypatch.setattr(beside, "LIVED_WELL_SECONDS", 0.0)
        until(lambda: caplog.text.count("starts in 0.5 s") >= 2, "the pauses begin anew")
    pauses = re.findall(r"starts in (\S+) s", caplog.text)
    assert pauses[:3] == ["0.5", "1", "2"]


@pytest.mark.usefixtures("installation")
def test_a_worker_has_no_more_memory_than_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSEALED_WORKER_MEMORY", "3000")
    with beside.workers_beside() as (worker,):
        limits = Path(f"/proc/{worker.child.pid}/limits")
        line = f"Max data size             {3000 * 1024**2} "
        until(lambda: line in limits.read_text(), "its memory is bounded")
