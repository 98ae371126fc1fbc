"""The job of an audit says whether the audit gets on, and ends it when it is given up."""

from __future__ import annotations

from dataclasses import replace

from cloudsealed.audits.tasks import _Watched
from cloudsealed.jobs import Job

JOB = Job("ten_a", "job_a", "audit", "aud_a", 1, 1)


def test_only_another_phase_or_a_higher_count_is_progress() -> None:
    signs: list[int] = []
    watched = _Watched(replace(JOB, progressed=lambda: signs.append(1)))
    counts = {"calls": 0, "tasks_done": 0}
    watched.report("collecting", counts)
    for _ in range(5):
        watched.report("collecting", counts)
    assert len(signs) == 1
    counts["calls"] = 1
    watched.report("collecting", counts)
    watched.report("evaluating", counts)
    assert len(signs) == 3
