from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.kit.canonical import sha256
from cloudsealed.kit.errors import InvalidFieldError, NotFoundError
from cloudsealed.reports.model import (
    ReportExpiredError,
    ReportFormat,
    ReportNotFoundError,
    ReportNotReadyError,
)
from cloudsealed.reports.service import ReportService
from cloudsealed.reports.store import ReportStore
from cloudsealed.storage.blobs import BlobNotFoundError, DiskBlobs
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import ReportStatus

TENANT = "ten_mine"
AUDITS = {
    "aud_done": {"status": "completed", "evidence": "kept"},
    "aud_old": {"status": "completed", "evidence": "expired"},
    "aud_busy": {"status": "evaluating", "evidence": "kept"},
}
SUMMARY = {"kind": "executive_summary", "audit_id": "aud_done"}


def _audit(tenant: str, ident: str) -> dict[str, Any]:
    if tenant != TENANT or ident not in AUDITS:
        raise NotFoundError("audit", ident)
    return AUDITS[ident]


@pytest.fixture
def service(database: SqliteDatabase, blobs: DiskBlobs, clock: Any) -> ReportService:
    return ReportService(
        database=database,
        blobs=blobs,
        clock=clock,
        audit=_audit,
        frameworks=lambda tenant: {"cis-aws-5.0"},
    )


def _made_ready(
    service: ReportService, database: SqliteDatabase, blobs: DiskBlobs, expires: str
) -> str:
    ident: str = orjson.loads(service.create(tenant=TENANT, body=SUMMARY))["id"]
    store = ReportStore(database)
    formats = []
    for name, content in (("pdf", b"%PDF-1.7"), ("json", b"{}\n")):
        formats.append(ReportFormat(name, len(content), sha256(content)))
        blobs.put(formats[-1].blob(ident), content)
    report = store.get(tenant=TENANT, ident=ident)
    ready = replace(
        report,
        status=ReportStatus.READY,
        formats=tuple(formats),
        expires_at=expires,
        finished_at="2026-11-21T10:00:05.000Z",
    )
    assert store.change(tenant=TENANT, was=ReportStatus.QUEUED, report=ready)
    return ident


def test_a_created_report_is_queued_and_shows_every_key(service: ReportService) -> None:
    body = {"kind": "compliance_evidence", "audit_id": "aud_done", "framework": "cis-aws-5.0"}
    report = orjson.loads(service.create(tenant=TENANT, body=body))
    assert report == {
        "id": report["id"],
        "object": "report",
        "kind": "compliance_evidence",
        "status": "queued",
        "audit_id": "aud_done",
        "framework": "cis-aws-5.0",
        "filters": {},
        "language": None,
        "formats": [],
        "progress": None,
        "error": None,
        "created_at": "2026-11-21T10:00:00.000Z",
        "finished_at": None,
        "expires_at": None,
        "created_by": None,
        "updated_by": None,
    }
    assert orjson.loads(service.get(tenant=TENANT, ident=report["id"])) == report
    page = service.list(tenant=TENANT, filters={"status": ("queued",)})
    assert [orjson.loads(item) for item in page.items] == [report]
    assert page.next is None


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"audit_id": "aud_none"}, NotFoundError),
        ({"audit_id": "aud_busy"}, AuditNotFinishedError),
        ({"audit_id": "aud_old"}, EvidenceExpiredError),
        ({"kind": "compliance_evidence", "framework": "pci-4"}, InvalidFieldError),
        ({"kind": "poem"}, InvalidFieldError),
    ],
)
def test_a_report_that_cannot_be_made_is_refused_and_leaves_nothing(
    service: ReportService, change: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        service.create(tenant=TENANT, body={**SUMMARY, **change})
    assert service.list(tenant=TENANT, filters={}).items == []


def test_a_file_is_refused_before_the_report_is_ready(service: ReportService) -> None:
    ident = orjson.loads(service.create(tenant=TENANT, body=SUMMARY))["id"]
    with pytest.raises(ReportNotReadyError, match="queued"):
        service.file(tenant=TENANT, ident=ident, format="pdf")


def test_a_failed_report_says_why_it_has_no_file(
    service: ReportService, database: SqliteDatabase
) -> None:
    ident = orjson.loads(service.create(tenant=TENANT, body=SUMMARY))["id"]
    store = ReportStore(database)
    report = store.get(tenant=TENANT, ident=ident)
    failed = replace(
        report, status=ReportStatus.FAILED, error={"code": "internal_error", "message": "Too large"}
    )
    store.change(tenant=TENANT, was=ReportStatus.QUEUED, report=failed)
    with pytest.raises(ReportNotReadyError, match="failed: Too large"):
        service.file(tenant=TENANT, ident=ident, format="json")


def test_a_ready_report_gives_its_files_with_type_and_name(
    service: ReportService, database: SqliteDatabase, blobs: DiskBlobs
) -> None:
    ident = _made_ready(service, database, blobs, "2027-01-01T00:00:00.000Z")
    pdf = service.file(tenant=TENANT, ident=ident, format="pdf")
    assert b"".join(pdf.content) == b"%PDF-1.7"
    assert pdf.content_type == "application/pdf"
    assert pdf.filename == f"cloudsealed-executive-summary-{ident}.pdf"
    found = service.file(tenant=TENANT, ident=ident, format="json")
    assert (b"".join(found.content), found.size) == (b"{}\n", 3)
    assert (found.content_type, found.sha256) == ("application/json", sha256(b"{}\n"))


def test_the_formats_of_a_report_are_those_of_its_kind(service: ReportService) -> None:
    ident = orjson.loads(service.create(tenant=TENANT, body=SUMMARY))["id"]
    assert service.formats(tenant=TENANT, ident=ident) == ("pdf", "json")


def _assert_expired(service: ReportService, ident: str) -> None:
    shown = orjson.loads(service.get(tenant=TENANT, ident=ident))
    assert (shown["status"], shown["formats"]) == ("expired", [])
    with pytest.raises(ReportExpiredError):
        service.file(tenant=TENANT, ident=ident, format="pdf")


def test_a_report_whose_time_is_over_is_expired_before_and_after_its_files_are_dropped(
    service: ReportService, database: SqliteDatabase, blobs: DiskBlobs, clock: Any
) -> None:
    ident = _made_ready(service, database, blobs, "2026-11-22T10:00:00.000Z")
    kept = _made_ready(service, database, blobs, "2027-11-22T10:00:00.000Z")
    blob = ReportStore(database).get(tenant=TENANT, ident=ident).formats[0].blob(ident)
    assert service.expire(tenant=TENANT) == 0
    clock.move(days=1)
    _assert_expired(service, ident)
    assert service.expire(tenant=TENANT) == 1
    _assert_expired(service, ident)
    with pytest.raises(BlobNotFoundError):
        blobs.open(blob)
    assert orjson.loads(service.get(tenant=TENANT, ident=kept))["status"] == "ready"


def test_a_deleted_report_is_gone_with_its_files(
    service: ReportService, database: SqliteDatabase, blobs: DiskBlobs
) -> None:
    ident = _made_ready(service, database, blobs, "2027-01-01T00:00:00.000Z")
    blob = ReportStore(database).get(tenant=TENANT, ident=ident).formats[0].blob(ident)
    service.delete(tenant=TENANT, ident=ident)
    with pytest.raises(BlobNotFoundError):
        blobs.open(blob)
    for call in (service.get, service.delete):
        with pytest.raises(ReportNotFoundError):
            call(tenant=TENANT, ident=ident)
