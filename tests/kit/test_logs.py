"""Records come out as one line each, with what they are about, and not the same one for ever."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest

from cloudsealed.kit.logs import (
    MOST_KEPT,
    SAME_SECONDS,
    JsonFormatter,
    LineFormatter,
    LogHandler,
    about,
    carried,
    say,
)


class Written:
    """A logger of its own, what it wrote, and the clock of its handler."""

    def __init__(self, name: str, formatter: logging.Formatter, **options: tuple[str, ...]) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.log = logging.getLogger(name)
        self.log.setLevel(logging.INFO)
        self.log.propagate = False
        self.handler = LogHandler(self.stream, ticks=lambda: self.now, **options)
        self.handler.setFormatter(formatter)
        self.log.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def end(self) -> None:
        self.log.removeHandler(self.handler)
        self.handler.close()


@pytest.fixture
def lines() -> Iterator[Written]:
    written = Written("tests.lines", LineFormatter())
    yield written
    written.end()


@pytest.fixture
def json() -> Iterator[Written]:
    written = Written("tests.json", JsonFormatter())
    yield written
    written.end()


def test_a_line_says_what_it_is_about_and_its_facts(lines: Written) -> None:
    with about(job="job_1"), about(audit="aud_1"):
        say(lines.log, "audit ended", outcome="completed", seconds=1.5, words="two words")
    lines.log.warning("outside")
    first, second = lines.lines
    assert first.endswith(
        " INFO tests.lines: audit ended job=job_1 audit=aud_1 outcome=completed seconds=1.5"
        ' words="two words"'
    )
    assert second.endswith(" WARNING tests.lines: outside")


def test_json_has_the_same_as_fields(json: Written) -> None:
    with about(request="req_1"):
        say(json.log, "login", outcome="accepted", seconds=0.1)
    found = orjson.loads(json.lines[0])
    assert found.pop("time").endswith("Z")
    assert found == {
        "level": "INFO",
        "logger": "tests.json",
        "message": "login",
        "request": "req_1",
        "outcome": "accepted",
        "seconds": 0.1,
    }


HOSTILE = 'x\n2026-01-01 INFO root: forged\r\x1b[2J\x85\u2028\x00 "q"'


def test_no_text_begins_a_line_of_its_own(lines: Written, json: Written) -> None:
    for written in (lines, json):
        say(written.log, f"path {HOSTILE}", value=HOSTILE)
        assert len(written.lines) == 1
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in written.lines[0])
    assert orjson.loads(json.lines[0])["value"].startswith("x\n2026")
    assert r"\n2026-01-01 INFO root: forged\r\x1b[2J\x85\u2028\x00" in lines.lines[0]


def test_an_exception_is_in_its_record(lines: Written, json: Written) -> None:
    for written in (lines, json):
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            written.log.exception("it failed")
    assert "ValueError: x" in orjson.loads(json.lines[0])["exception"]
    assert lines.lines[1].startswith("    Traceback")
    assert all(line.startswith("    ") for line in lines.lines[1:])


def test_the_same_line_comes_once_a_minute_with_its_count(lines: Written) -> None:
    for number in range(42):
        with about(request=f"req_{number}"):
            lines.log.warning("the %s is full", "disk")
    lines.log.warning("another")
    assert len(lines.lines) == 2
    lines.now = SAME_SECONDS + 1
    lines.log.warning("the disk is full")
    told = lines.lines[2]
    assert " WARNING tests.lines: the disk is full … 41 more like it in the last minute" in told
    assert "requests=req_1,req_2" in told
    assert "req_41" not in told
    assert lines.lines[3].endswith("the disk is full")
    assert len(lines.lines) == 4


def test_two_faults_of_one_kind_are_both_traced(lines: Written) -> None:
    def fail(at: int) -> None:
        if at:
            raise ValueError("the first fault")
        raise ValueError("the second fault")

    for at in (1, 0, 1, 0):
        try:
            fail(at)
        except ValueError:
            lines.log.exception("a request failed")
    assert "\n".join(lines.lines).count("ValueError: the first fault") == 1
    assert "\n".join(lines.lines).count("ValueError: the second fault") == 1


def test_a_record_that_cannot_be_written_harms_nobody_who_logs(
    lines: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)  # it would print a trace
    lines.log.info("%d", "no number")
    lines.log.info("on")
    assert [line.rpartition(" ")[2] for line in lines.lines] == ["on"]


def test_what_was_held_back_is_told_at_the_end(lines: Written) -> None:
    for _ in range(3):
        lines.log.error("again")
    lines.handler.close()
    assert len(lines.lines) == 2
    assert "again … 2 more like it" in lines.lines[1]


def test_lines_of_facts_and_of_the_access_log_are_never_held_back() -> None:
    written = Written("tests.every", LineFormatter(), every=("tests.every",))
    for _ in range(3):
        written.log.info("GET /")
        say(written.log, "login", outcome="refused")
    assert len(written.lines) == 6
    written.end()


def test_only_so_many_lines_are_remembered(lines: Written) -> None:
    for number in range(3 * MOST_KEPT):
        lines.log.info("line %d", number)
    assert len(lines.lines) == 3 * MOST_KEPT
    assert len(lines.handler._known) == MOST_KEPT


def test_carried_work_is_about_the_same_in_many_threads_at_once(lines: Written) -> None:
    meet = threading.Barrier(3, timeout=60)

    def work(number: int) -> None:
        meet.wait()
        lines.log.warning("number %d", number)

    with about(request="req_1"):
        carried_work = carried(work)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(carried_work, range(3)))
        list(pool.map(lines.log.warning, ["alone"]))
    assert sorted(line.partition("tests.lines: ")[2] for line in lines.lines) == [
        "alone",
        *(f"number {number} request=req_1" for number in range(3)),
    ]
