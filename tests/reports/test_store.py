from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from cloudsealed.events import EventStore
from cloudsealed.jobs import Worker
from cloudsealed.kit.ids import new_id
from cloudsealed.reports.model import (
    Progress,
    Report,
    ReportFormat,
    ReportNotFoundError,
    ReportRequest,
)
from cloudsealed.reports.store import JOB, ReportStore
from cloudsealed.storage.database import SqliteDatabase
from cloudsealed.storage.schema import reports
from cloudsealed.vocabulary import ReportKind, ReportStage, ReportStatus

MINE, OTHER = "ten_mine", "ten_other"
FORMATS = (ReportFormat("pdf", 12, "ab" * 32), ReportFormat("json", 3, "cd" * 32))


@pytest.fixture
def store(database: SqliteDatabase) -> ReportStore:
    return ReportStore(database)


def _report(
    kind: ReportKind = ReportKind.REMEDIATION_PLAN, audit: str = "aud_1", **given: str
) -> Report:
    request = ReportRequest(
        kind,
        audit,
        given.get("framework"),
        {"severity": ("high", "critical")},
        given.get("language"),
    )
    return Report(
        new_id("rep"), ReportStatus.QUEUED, request, created_at="2026-11-21T10:00:00.000Z"
    )


def test_a_report_is_read_back_as_it_was_written(store: ReportStore) -> None:
    report = _report(ReportKind.COMPLIANCE_EVIDENCE, framework="cis-aws-5.0", language="fr")
    store.add(tenant=MINE, report=report)
    assert store.get(tenant=MINE, ident=report.id) == report
    ended = replace(
        report,
        status=ReportStatus.READY,
        formats=FORMATS,
        finished_at="2026-11-21T10:00:04.000Z",
        expires_at="2027-02-19T10:00:00.000Z",
        error={"code": "internal_error", "message": "none"},
        progress=Progress(ReportStage.WRITING, 90),
    )
    assert store.change(tenant=MINE, was=ReportStatus.QUEUED, report=ended)
    assert store.get(tenant=MINE, ident=report.id) == ended


def test_a_report_from_before_languages_were_asked_for_says_none(
    database: SqliteDatabase, store: ReportStore
) -> None:
    report = _report()
    store.add(tenant=MINE, report=report)
    old = orjson.dumps({"framework": None, "filters": {}}).decode()
    with database.write() as connection:
        connection.run(reports.update().where(reports.c.tenant_id == MINE).values(request=old), {})
    found = store.get(tenant=MINE, ident=report.id)
    assert (found.request.language, found.public()["language"]) == (None, None)


def test_another_tenants_report_is_like_one_that_never_was(store: ReportStore) -> None:
    report = _report()
    store.add(tenant=OTHER, report=report)
    with pytest.raises(ReportNotFoundError, match=report.id):
        store.get(tenant=MINE, ident=report.id)
    with pytest.raises(ReportNotFoundError):
        store.delete(tenant=MINE, ident=report.id)
    assert not store.change(tenant=MINE, was=ReportStatus.QUEUED, report=report)
    page = store.page(tenant=MINE, filters={}, sort="-id", after=None, limit=5)
    assert (page.rows, page.next) == ([], None)


def test_a_report_is_queued_together_with_its_job(
    store: ReportStore, database: SqliteDatabase
) -> None:
    report = _report()
    store.add(tenant=MINE, report=report)
    taken: list[tuple[str, str]] = []
    worker = Worker(
        database, {JOB: lambda job: taken.append((job.tenant, job.subject))}, slots={JOB: 1}
    )
    assert worker.run_once(JOB)
    assert not worker.run_once(JOB)
    assert taken == [(MINE, report.id)]


def test_a_status_changes_only_from_the_one_that_is_expected(store: ReportStore) -> None:
    report = _report()
    store.add(tenant=MINE, report=report)
    running = replace(report, status=ReportStatus.RUNNING)
    assert store.change(tenant=MINE, was=ReportStatus.QUEUED, report=running)
    assert not store.change(tenant=MINE, was=ReportStatus.QUEUED, report=running)
    assert store.get(tenant=MINE, ident=report.id).status is ReportStatus.RUNNING


def test_only_a_report_that_becomes_ready_is_an_event(
    store: ReportStore, database: SqliteDatabase
) -> None:
    report = _report()

    def events() -> list[Any]:
        found = EventStore(database).list(tenant=MINE, filters={"subject": (report.id,)})
        return [orjson.loads(item) for item in found.items]

    store.add(tenant=MINE, report=report)
    store.change(
        tenant=MINE, was=ReportStatus.QUEUED, report=replace(report, status=ReportStatus.RUNNING)
    )
    assert events() == []
    ready = replace(report, status=ReportStatus.READY, formats=FORMATS)
    store.change(tenant=MINE, was=ReportStatus.RUNNING, report=ready)
    (event,) = events()
    assert (event["type"], event["data"]) == ("report.ready", ready.public())


def test_a_walk_over_every_filter_shows_each_match_once_newest_first(store: ReportStore) -> None:
    reports = [_report(list(ReportKind)[n % 3], f"aud_{n % 2}") for n in range(30)]
    for report in reports:
        store.add(tenant=MINE, report=report)
    filters = {
        "kind": ("executive_summary", "remediation_plan"),
        "audit": ("aud_1",),
        "status": ("queued",),
    }
    wanted = [
        report.id
        for report in reversed(reports)
        if report.request.kind in filters["kind"] and report.request.audit_id == "aud_1"
    ]
    seen, after = [], None
    while True:
        page = store.page(tenant=MINE, filters=filters, sort="-id", after=after, limit=3)
        seen, after = [*seen, *(row[0] for row in page.rows)], page.next
        if after is None:
            break
    assert seen == wanted
    assert len(wanted) == 10
