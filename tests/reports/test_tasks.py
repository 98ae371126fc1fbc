from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pypdf
import pytest

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.jobs import Job, Worker
from cloudsealed.jobs import store as jobs
from cloudsealed.kit.canonical import sha256
from cloudsealed.reports import tasks
from cloudsealed.reports.model import Report, ReportSource
from cloudsealed.reports.service import ReportService
from cloudsealed.reports.store import JOB
from cloudsealed.reports.tasks import GenerateReport
from cloudsealed.storage.blobs import DiskBlobs
from cloudsealed.storage.database import ServiceUnavailableError, SqliteDatabase
from cloudsealed.vocabulary import ReportKind

TENANT = "ten_mine"


class House:
    """A service, the handler of its jobs and a worker, over one database and one folder."""

    def __init__(self, database: SqliteDatabase, blobs: DiskBlobs, clock: Any) -> None:
        self._parts: dict[str, Any] = {"database": database, "blobs": blobs, "clock": clock}
        self.service = ReportService(
            **self._parts,
            audit=lambda tenant, ident: {"status": "completed", "evidence": "kept"},
            frameworks=lambda tenant: {"cis-aws-5.0"},
        )

    def create(self, kind: str = "executive_summary") -> str:
        framework = "cis-aws-5.0" if kind == "compliance_evidence" else None
        body = {"kind": kind, "audit_id": "aud_1", "framework": framework}
        ident: str = orjson.loads(self.service.create(tenant=TENANT, body=body))["id"]
        return ident

    def handler(self, source: Callable[[str, Report], ReportSource]) -> GenerateReport:
        return GenerateReport(**self._parts, source=source, retention_days=90)

    def work(self, source: Callable[[str, Report], ReportSource]) -> bool:
        handlers = {JOB: self.handler(source)}
        worker = Worker(
            self._parts["database"], handlers, slots={JOB: 1}, clock=self._parts["clock"]
        )
        return worker.run_once(JOB)

    def report(self, ident: str) -> dict[str, Any]:
        report: dict[str, Any] = orjson.loads(self.service.get(tenant=TENANT, ident=ident))
        return report

    def file(self, ident: str, name: str) -> bytes:
        return b"".join(self.service.file(tenant=TENANT, ident=ident, format=name).content)


@pytest.fixture
def house(database: SqliteDatabase, blobs: DiskBlobs, clock: Any) -> House:
    return House(database, blobs, clock)


@pytest.mark.parametrize("kind", list(ReportKind))
def test_a_queued_report_becomes_ready_with_both_files(
    kind: ReportKind, house: House, make_source: Any, make_finding: Any, make_framework: Any
) -> None:
    ident = house.create(kind)
    source = make_source([make_finding()], framework=make_framework())
    assert house.work(lambda tenant, report: source)
    report = house.report(ident)
    assert (report["status"], report["error"]) == ("ready", None)
    assert report["finished_at"] == "2026-11-21T10:00:00.000Z"
    assert report["expires_at"] == "2027-02-19T10:00:00.000Z"
    for item in report["formats"]:
        content = house.file(ident, item["format"])
        assert (item["size"], item["sha256"]) == (len(content), sha256(content))
    document = orjson.loads(house.file(ident, "json"))
    assert (document["object"], document["kind"]) == ("report_document", kind)
    pdf = pypdf.PdfReader(io.BytesIO(house.file(ident, "pdf")))
    assert document["title"] in pdf.pages[0].extract_text()


def test_a_report_says_how_far_it_is_but_not_with_every_finding(
    house: House, make_source: Any, make_finding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_EVERY", 0.0)
    monkeypatch.setattr(tasks, "_STEP", 1)
    seen: list[Any] = []

    def findings() -> Iterator[Any]:
        for number in range(4):
            yield make_finding(number)
            seen.append(house.report(ident)["progress"])

    ident = house.create()
    assert house.report(ident)["progress"] is None
    source = make_source(findings(), audit={"findings": 4})
    assert house.work(lambda tenant, report: source)
    assert seen == [{"stage": "gathering", "percent": percent} for percent in (0, 15, 30, 45)]
    assert house.report(ident)["progress"] is None

    monkeypatch.setattr(tasks, "_EVERY", 3600.0)
    seen.clear()
    ident = house.create()
    source = make_source(findings(), audit={"findings": 4})
    assert house.work(lambda tenant, report: source)
    assert seen == [{"stage": "gathering", "percent": 0}] * 4


def test_the_source_is_asked_for_the_report_of_its_tenant(house: House, make_source: Any) -> None:
    ident = house.create()
    asked: list[tuple[str, str, str]] = []

    def source(tenant: str, report: Report) -> ReportSource:
        asked.append((tenant, report.id, report.status))
        found: ReportSource = make_source()
        return found

    house.work(source)
    assert asked == [(TENANT, ident, "running")]


def test_a_job_delivered_again_changes_nothing(
    house: House, make_source: Any, make_finding: Any
) -> None:
    ident = house.create()
    house.work(lambda tenant, report: make_source())
    before = house.report(ident)
    again = house.handler(lambda tenant, report: make_source([make_finding()]))
    again(Job(TENANT, "job_2", JOB, ident, epoch=1, attempts=1))
    assert house.report(ident) == before


def test_a_report_whose_worker_died_is_made_by_the_next(house: House, make_source: Any) -> None:
    ident = house.create()
    job = Job(TENANT, "job_1", JOB, ident, epoch=1, attempts=1)

    def dies(tenant: str, report: Report) -> ReportSource:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.handler(dies)(job)
    assert house.report(ident)["status"] == "running"
    house.handler(lambda tenant, report: make_source())(job)
    assert house.report(ident)["status"] == "ready"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AuditNotFinishedError("The audit is failed"), "audit_not_finished", "The audit is failed"),
        (KeyError("a_secret_name"), "internal_error", "The report could not be made"),
    ],
)
def test_a_report_that_cannot_be_made_fails_with_a_reason_for_people(
    house: House, error: Exception, code: str, message: str
) -> None:
    ident = house.create()

    def source(tenant: str, report: Report) -> ReportSource:
        raise error

    assert house.work(source)
    report = house.report(ident)
    assert (report["status"], report["formats"]) == ("failed", [])
    assert report["error"] == {"code": code, "message": message}
    assert not house.work(source)


def test_a_pdf_that_cannot_be_set_fails_the_report_and_leaves_no_file(
    house: House, make_source: Any, tmp_path: Path
) -> None:
    ident = house.create()
    unset = make_source(audit={"coverage": "no share at all"})
    assert house.work(lambda tenant, report: unset)
    error = house.report(ident)["error"]
    assert error == {
        "code": "internal_error",
        "message": "The PDF could not be made in its process",
    }
    assert not (tmp_path / "blobs").exists()


def test_a_report_waits_for_a_store_that_is_away_however_long_that_takes(
    house: House, make_source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "OUTAGE_SECONDS", 0)
    ident = house.create()

    def away(tenant: str, report: Report) -> ReportSource:
        raise ServiceUnavailableError("The database does not answer")

    for _ in range(2 * jobs.MAX_ATTEMPTS):
        assert house.work(away)
        assert house.report(ident)["status"] == "running"
    assert house.work(lambda tenant, report: make_source())
    assert house.report(ident)["status"] == "ready"


def test_a_report_that_is_given_up_is_failed_with_the_reason(house: House) -> None:
    ident = house.create()
    job = jobs.Job(TENANT, "job_x", JOB, ident, 1, jobs.MAX_ATTEMPTS + 1)
    died = {"code": "internal_error", "message": "It died"}
    house.handler(lambda tenant, report: pytest.fail("it is not made")).give_up(job, died)
    report = house.report(ident)
    assert (report["status"], report["error"]) == ("failed", died)
    house.handler(lambda tenant, report: pytest.fail("it is not made")).give_up(
        job, {**died, "message": "Again"}
    )
    assert house.report(ident) == report


def test_a_report_deleted_while_it_is_made_leaves_no_file(
    house: House, make_source: Any, tmp_path: Path
) -> None:
    ident = house.create()

    def deleted(tenant: str, report: Report) -> ReportSource:
        house.service.delete(tenant=tenant, ident=report.id)
        found: ReportSource = make_source()
        return found

    assert house.work(deleted)
    assert list((tmp_path / "blobs").iterdir()) == []
    assert ident not in {
        orjson.loads(r)["id"] for r in house.service.list(tenant=TENANT, filters={}).items
    }


def test_two_workers_at_one_report_leave_the_files_of_the_first(
    house: House, make_source: Any, make_finding: Any
) -> None:
    ident = house.create()
    job = Job(TENANT, "job_1", JOB, ident, epoch=1, attempts=1)

    def overtaken(tenant: str, report: Report) -> ReportSource:
        house.handler(lambda tenant, report: make_source())(job)
        found: ReportSource = make_source()
        return found

    house.handler(overtaken)(job)
    assert house.report(ident)["status"] == "ready"
    assert house.file(ident, "pdf").startswith(b"%PDF-")
