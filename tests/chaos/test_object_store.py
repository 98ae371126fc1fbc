"""The object store stands still, is gone, refuses, is slow: only reports wait, and none is lost.

Run by `make chaos`. CHAOS_FROZEN is for how many seconds it does.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.chaos.doors import Door
from tests.s3_servers import SECRET, S3Server
from tests.served import Document, Served, served
from tests.waiting import until

from cloudsealed.testing.emulator import Emulator

FROZEN = float(os.environ.get("CHAOS_FROZEN", "60"))
SCOPE = {"regions": ["eu-west-1"], "services": ["iam", "s3", "sqs"]}
SILENT = "The object store of the blobs does not answer"
REFUSES = "The object store of the blobs refuses the credentials"

pytestmark = pytest.mark.timeout(1800)


class Stored:
    """An installation whose reports are in an object store, behind a door."""

    def __init__(self, running: Served, store: S3Server, door: Door) -> None:
        self.running, self.store, self.door = running, store, door
        self.connection = running.connect("first").json()["id"]
        self.audit = running.ended(running.audit(self.connection, **SCOPE))
        assert self.audit["status"] == "completed"
        self.report = self.ready(self.asked())
        self.content = self.downloaded(self.report)

    def asked(self) -> str:
        """Ask for a report; return its id."""
        body = {"kind": "executive_summary", "audit_id": self.audit["id"]}
        answer = self.running.http.post("/v1/reports", json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def shown(self, report: str) -> Document:
        answer = self.running.http.get(f"/v1/reports/{report}")
        assert answer.status_code == 200, answer.text
        found: Document = answer.json()
        return found

    def ready(self, report: str) -> Document:
        until(lambda: self.shown(report)["status"] not in ("queued", "running"), "a report ends")
        found = self.shown(report)
        assert found["status"] == "ready", found
        return found

    def downloaded(self, report: Document) -> bytes:
        """Return a report's file, which is the one that it says."""
        answer = self.running.http.get(f"/v1/reports/{report['id']}/download?format=pdf")
        assert answer.status_code == 200, answer.text
        digests = {each["format"]: each["sha256"] for each in report["formats"]}
        assert hashlib.sha256(answer.content).hexdigest() == digests["pdf"]
        return answer.content

    def outlived(self, bring: Callable[[], None], mend: Callable[[], None], words: str) -> str:
        """Have an audit and a report while something is the matter; return how long they took."""
        http, began = self.running.http, time.monotonic()
        bring()
        try:
            report = self.asked()
            again = self.running.ended(self.running.audit(self.connection, **SCOPE))
            assert again["status"] == "completed"
            assert again["verdict_digest"] == self.audit["verdict_digest"]
            audited = time.monotonic() - began
            if words:
                until(lambda: self.running.faults().keys() == {"blobs"}, "it is named")
                refused = http.get(f"/v1/reports/{self.report['id']}/download?format=pdf")
                assert (refused.status_code, refused.json()["error"]["message"]) == (503, words)
                until(lambda: f"report job waits: {words}" in self._log(), "a report waits")
                assert self.shown(report)["status"] in ("queued", "running")
            asked = time.monotonic()
            assert http.get("/v1/findings").status_code == 200
            assert self.running.connect(f"c{time.monotonic_ns()}").status_code == 201
            answered = time.monotonic() - asked
            until(lambda: time.monotonic() - began >= self._least(words), "its time is over", 90)
        finally:
            mend()
        back = time.monotonic()
        assert self.downloaded(self.ready(report))
        waited = time.monotonic() - back
        assert self.downloaded(self.report) == self.content
        until(lambda: not self.running.faults(), "nothing is wrong any more")
        assert self.running.complaints() == []
        assert SECRET not in self._log()
        return (
            f"an audit took {audited:.1f} s, two requests {answered:.2f} s;"
            f" the report was ready {waited:.1f} s after the end of it"
        )

    def _least(self, words: str) -> float:
        return FROZEN if words else 0.0

    def _log(self) -> str:
        return self.running.log.read_text()


@pytest.fixture
def stored(tmp_path: Path, estate: Emulator) -> Iterator[Stored]:
    with ExitStack() as stack:
        store = S3Server("nanio")
        stack.callback(store.stop)
        door = Door(store.port)
        stack.callback(door.close)
        options = ",".join("=".join(pair) for pair in store.options(endpoint=door.endpoint))
        environment = {
            **estate.environment(),
            "CLOUDSEALED_BLOB_URL": store.bucket("reports"),
            "CLOUDSEALED_BLOB_OPTIONS": options,
        }
        running = served(tmp_path / "data", tmp_path / "log", environment)
        yield Stored(stack.enter_context(running), store, door)


def test_an_object_store_that_stands_still_keeps_only_reports_waiting(stored: Stored) -> None:
    took = stored.outlived(stored.store.freeze, stored.store.thaw, SILENT)
    print(f"frozen for {FROZEN:.0f} s: {took}")


def test_an_object_store_that_is_gone_keeps_only_reports_waiting(stored: Stored) -> None:
    took = stored.outlived(stored.store.away, stored.store.back, SILENT)
    print(f"gone for {FROZEN:.0f} s: {took}")


@pytest.mark.parametrize(("status", "words"), [(403, REFUSES), (503, SILENT)])
def test_an_object_store_that_refuses_keeps_only_reports_waiting(
    stored: Stored, status: int, words: str
) -> None:
    took = stored.outlived(lambda: _set(stored.door, status), lambda: _set(stored.door, 0), words)
    print(f"{status} for {FROZEN:.0f} s, {stored.door.refused} times: {took}")


def _set(door: Door, status: int) -> None:
    door.refuses = status


def test_an_object_store_that_is_slow_makes_reports_slow(stored: Stored) -> None:
    def pause(seconds: float) -> Callable[[], None]:
        return lambda: setattr(stored.door, "pause", seconds)

    took = stored.outlived(pause(4.0), pause(0.0), "")
    print(f"4 s an answer: {took}")
