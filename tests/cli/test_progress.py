"""The progress of an audit on a terminal, however narrow, and in a log."""

from __future__ import annotations

import io
import logging
import re
from typing import Any

import pytest

from cloudsealed.cli.progress import AuditProgress, LoggedProgress
from cloudsealed.cli.terminal import Terminal

COUNTS = {"tasks_total": 100, "tasks_done": 40, "calls": 12_345, "resources": 1_720}
PHASES = ("collecting", "evaluating", "sealing", "completed")


def counts(**given: int) -> dict[str, Any]:
    return {**COUNTS, "observations": 59_400, **given}


def screen(monkeypatch: pytest.MonkeyPatch, width: int, *phases: str) -> list[str]:
    """Return the lines that a terminal was drawn, one after the other."""
    for name, value in (("COLUMNS", str(width)), ("LINES", "24"), ("TERM", "xterm")):
        monkeypatch.setenv(name, value)
    console = Terminal(stderr=True)
    console.file, console._force_terminal = io.StringIO(), True
    with AuditProgress(console) as progress:
        for phase in phases:
            progress.update(phase, counts())
            progress._progress.refresh()
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())
    return [line for line in re.split(r"[\r\n]+", drawn) if line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_time_and_the_phase_stand_in_every_line(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    lines = screen(monkeypatch, width, *PHASES)
    assert {line.split()[1] for line in lines[1:]} <= {
        p.capitalize() for p in (*PHASES, "planning")
    }
    for line in lines:
        assert re.search(r"\d:\d\d:\d\d", line), line
        assert len(line) <= width


def test_resources_are_shown_while_they_are_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    last = screen(monkeypatch, 60, "collecting")[-1]
    assert "1720 resources · 12345 calls" in last


@pytest.mark.parametrize("phase", ["failed", "canceled"])
def test_a_phase_that_a_reason_follows_is_no_line(
    monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    assert phase.capitalize() not in "".join(screen(monkeypatch, 80, "collecting", phase))


def test_a_log_has_a_record_a_phase_and_a_step(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cloudsealed.cli.progress"), LoggedProgress() as progress:
        for done in (0, 0, 1, 1, 2):
            progress.update("collecting", counts(tasks_done=done))
        progress.waiting()
        progress.waiting()
    said = [record.message for record in caplog.records]
    assert said == ["audit collecting"] * 3 + ["another worker holds the audit"]
