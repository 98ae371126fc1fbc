"""Rows of reports. The only SQL of reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, select

from cloudsealed.events import emit
from cloudsealed.jobs import enqueue
from cloudsealed.reports.model import (
    Progress,
    Report,
    ReportFormat,
    ReportNotFoundError,
    ReportRequest,
)
from cloudsealed.storage.database import Connection, Row
from cloudsealed.storage.filters import Filter
from cloudsealed.storage.keyset import Listing, Paged
from cloudsealed.storage.schema import reports
from cloudsealed.vocabulary import EventType, ReportKind, ReportStage, ReportStatus

JOB = "report"
"""The kind of job that makes a report; its subject is the report's id."""

_CHANGED = ("status", "finished_at", "expires_at", "error", "files", "progress")
_COLUMNS = ("id", "kind", "audit_id", "request", "created_at", "created_by", *_CHANGED)
_FILTERS = (
    Filter("audit", "Audit it is made from", "audit_id", kind="id", prefix="aud", sorts=("-id",)),
    Filter("kind", "What it is", "kind", tuple(ReportKind), kind="enum", sorts=("-id",)),
    Filter("status", "How far it is", "status", tuple(ReportStatus), kind="enum", sorts=("-id",)),
)

LISTING = Listing(table=reports, columns=_COLUMNS, filters=_FILTERS)

_TENANT = reports.c.tenant_id == bindparam("tenant")
_ONE = reports.c.id == bindparam("ident")
_INSERT = reports.insert()
_LOADED = select(*(reports.c[name] for name in _COLUMNS)).where(_TENANT)
_GET = _LOADED.where(_ONE)
_OVERDUE = (
    _LOADED.where(
        reports.c.status == ReportStatus.READY.value, reports.c.expires_at <= bindparam("now")
    )
    .order_by(reports.c.id)
    .limit(100)
)
_CHANGE = (
    reports.update()
    .where(_TENANT, _ONE, reports.c.status == bindparam("old_status"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_DELETE = reports.delete().where(_TENANT, _ONE)


def encode(tenant: str, report: Report) -> dict[str, Any]:
    """Return the whole row of a report."""
    request = report.request
    return {
        "tenant_id": tenant,
        "id": report.id,
        "kind": request.kind,
        "status": report.status,
        "audit_id": request.audit_id,
        "request": _json(
            {
                "framework": request.framework,
                "filters": request.filters,
                "language": request.language,
            }
        ),
        "created_at": report.created_at,
        "finished_at": report.finished_at,
        "expires_at": report.expires_at,
        "error": _json(report.error) if report.error is not None else None,
        "files": _json(report.formats),
        "progress": _json(report.progress) if report.progress is not None else None,
        "created_by": report.created_by,
    }


def decode(row: Sequence[Any]) -> Report:
    """Return the report of a row that holds the columns of LISTING."""
    ident, kind, audit_id, request, created, author, status, *rest = row
    finished, expires, error, files, progress = rest
    asked = orjson.loads(request)
    filters = {name: tuple(values) for name, values in asked["filters"].items()}
    return Report(
        id=ident,
        status=ReportStatus(status),
        request=ReportRequest(
            ReportKind(kind), audit_id, asked["framework"], filters, asked.get("language")
        ),
        created_at=created,
        finished_at=finished,
        expires_at=expires,
        error=orjson.loads(error) if error is not None else None,
        formats=tuple(ReportFormat(**file) for file in orjson.loads(files)),
        progress=_progress(orjson.loads(progress)) if progress is not None else None,
        created_by=author,
    )


def _progress(value: dict[str, Any]) -> Progress:
    return Progress(ReportStage(value["stage"]), value["percent"])


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


class ReportStore(Paged):
    """Reads and writes reports; each change of status is a transaction of its own."""

    listing = LISTING

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> Report:
        """Return one report; raises ReportNotFoundError."""
        with self.database.read(deadline) as connection:
            return _one(connection, tenant, ident)

    def add(self, *, tenant: str, report: Report) -> None:
        """Add a report, and the job that will make it."""
        with self.database.write() as connection:
            self.insert(connection, tenant=tenant, report=report)

    def insert(self, connection: Connection, *, tenant: str, report: Report) -> None:
        """Add a report, and the job that will make it, in the caller's transaction."""
        connection.run(_INSERT, encode(tenant, report))
        enqueue(connection, tenant=tenant, kind=JOB, subject=report.id)

    def change(self, *, tenant: str, was: ReportStatus, report: Report) -> bool:
        """Write a report's new state over a row whose status `was` so; False when it is not.

        A report that becomes ready is an event.
        """
        row = encode(tenant, report)
        values = {f"new_{name}": row[name] for name in _CHANGED}
        with self.database.write() as connection:
            named = {"tenant": tenant, "ident": report.id, "old_status": was.value}
            if connection.run(_CHANGE, {**named, **values}) == 0:
                return False
            if report.status is ReportStatus.READY:
                emit(
                    connection,
                    tenant=tenant,
                    kind=EventType.REPORT_READY,
                    subject=report.id,
                    data=report.public(),
                )
        return True

    def overdue(self, *, tenant: str, now: str) -> list[Report]:
        """Return at most 100 ready reports whose time is over, oldest first."""
        with self.database.read() as connection:
            rows: list[Row] = connection.all(_OVERDUE, {"tenant": tenant, "now": now})
        return [decode(row) for row in rows]

    def delete(self, *, tenant: str, ident: str) -> Report:
        """Remove a report; return what it was; raises ReportNotFoundError."""
        with self.database.write() as connection:
            report = _one(connection, tenant, ident)
            connection.run(_DELETE, {"tenant": tenant, "ident": ident})
        return report


def _one(connection: Connection, tenant: str, ident: str) -> Report:
    row = connection.first(_GET, {"tenant": tenant, "ident": ident})
    if row is None:
        raise ReportNotFoundError(ident)
    return decode(row)
