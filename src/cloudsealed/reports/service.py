"""What can be done with reports: ask for one, see how far it is, fetch its files, remove it.

It refuses to make one: that is a job's work, in `tasks`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import orjson

from cloudsealed.audits.model import AuditNotFinishedError
from cloudsealed.audits.sealing.trusted import TrustedTime
from cloudsealed.events import acting_user
from cloudsealed.jobs import Admit, admitted
from cloudsealed.kit.clock import Clock, rfc3339
from cloudsealed.kit.cursor import Position
from cloudsealed.kit.errors import InvalidFieldError
from cloudsealed.kit.ids import new_id
from cloudsealed.reports.bodies import parse_request
from cloudsealed.reports.kinds import KINDS
from cloudsealed.reports.model import (
    FORMATS,
    SUFFIXES,
    Report,
    ReportExpiredError,
    ReportFormat,
    ReportNotFoundError,
    ReportNotReadyError,
    ReportRequest,
)
from cloudsealed.reports.store import ReportStore, decode
from cloudsealed.storage.blobs import Blobs
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keyset import Page
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import AuditStatus, ReportStatus

AuditOf = Callable[[str, str], Mapping[str, Any]]
"""From tenant and audit id to the audit's public JSON; raises when there is none."""
FrameworksOf = Callable[[str], Collection[str]]
"""From tenant to the keys of its frameworks."""


class ReportFile(NamedTuple):
    """A report's file: its pieces from a byte on, its size in bytes and SHA-256 in hex, its media
    type and a name to save it under."""

    open: Callable[[int], Iterator[bytes]]
    size: int
    sha256: str
    content_type: str
    filename: str

    @property
    def content(self) -> Iterator[bytes]:
        """All of its pieces."""
        return self.open(0)


class ReportService:
    """The use cases of reports."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        clock: Clock,
        audit: AuditOf,
        frameworks: FrameworksOf,
    ) -> None:
        self._store = ReportStore(database)
        self._blobs = blobs
        self._clock = clock
        self._time = TrustedTime(database, clock)
        self._audit = audit
        self._frameworks = frameworks

    def list(
        self,
        *,
        tenant: str,
        filters: Mapping[str, tuple[str, ...]],
        sort: str = "-id",
        after: Position | None = None,
        limit: int = 50,
        deadline: float | None = None,
    ) -> Page:
        """Return a page of reports as public JSON."""
        rows = self._store.page(
            tenant=tenant, filters=filters, sort=sort, after=after, limit=limit, deadline=deadline
        )
        return Page([self._public(decode(row[2:])) for row in rows.rows], rows.next)

    def get(self, *, tenant: str, ident: str, deadline: float | None = None) -> bytes:
        """Return a report as public JSON; raises ReportNotFoundError."""
        return self._public(self._store.get(tenant=tenant, ident=ident, deadline=deadline))

    def create(self, *, tenant: str, body: Any, admit: Admit = admitted) -> bytes:
        """Queue a report of a completed audit; return it as public JSON.

        Raises a 422 that names the bad field, AuditNotFinishedError, and what the audit's look-up
        raises.
        """
        request = parse_request(body)
        audit = self._audit(tenant, request.audit_id)
        if audit["status"] != AuditStatus.COMPLETED:
            raise AuditNotFinishedError(
                f"The audit is {audit['status']}; a report needs one that is completed"
            )
        if audit["evidence"] == "expired":
            raise EvidenceExpiredError(request.audit_id)
        self.refuse_unknown(tenant=tenant, request=request)
        report = self.prepare(request)
        admit()
        with self._store.database.write() as connection:
            return self.add(connection, tenant=tenant, report=report)

    def prepare(self, request: ReportRequest) -> Report:
        """Return the report that was asked for, which is stored nowhere."""
        created = rfc3339(self._clock())
        return Report(
            new_id("rep"),
            ReportStatus.QUEUED,
            request,
            created_at=created,
            created_by=acting_user(),
        )

    def add(self, connection: Connection, *, tenant: str, report: Report) -> bytes:
        """Queue a prepared report in the caller's transaction; return it as public JSON."""
        self._store.insert(connection, tenant=tenant, report=report)
        return self._public(report)

    def refuse_unknown(
        self, *, tenant: str, request: ReportRequest, field: str = "framework"
    ) -> None:
        """Raise the 422 that names `field` when the tenant has no such framework."""
        if request.framework is not None and request.framework not in self._frameworks(tenant):
            raise InvalidFieldError(field, f"No such framework: {request.framework}")

    def refuse_open(self, *, tenant: str, ident: str) -> None:
        """Raise ReportNotReadyError while a report is being made; one that is gone is not."""
        try:
            status = self._store.get(tenant=tenant, ident=ident).status
        except ReportNotFoundError:
            return
        if status in (ReportStatus.QUEUED, ReportStatus.RUNNING):
            raise ReportNotReadyError(f"The last report, {ident}, is not ready: it is {status}")

    def formats(self, *, tenant: str, ident: str) -> tuple[str, ...]:
        """Return the formats that reports of a report's kind have; raises ReportNotFoundError."""
        return KINDS[self._store.get(tenant=tenant, ident=ident).request.kind].formats

    def file(self, *, tenant: str, ident: str, format: str) -> ReportFile:  # noqa: A002 - the API's word
        """Return one of a report's files, ready to stream, of a format of `formats`.

        Raises ReportNotFoundError, ReportNotReadyError and ReportExpiredError.
        """
        report = self._seen(self._store.get(tenant=tenant, ident=ident))
        stored = _ready(report, format)
        return ReportFile(
            partial(self._blobs.open, stored.blob(report.id)),
            stored.size,
            stored.sha256,
            FORMATS[format],
            f"cloudsealed-{report.request.kind.replace('_', '-')}-{report.id}"
            f".{SUFFIXES.get(format, format)}",
        )

    def delete(self, *, tenant: str, ident: str) -> None:
        """Remove a report and its files; raises ReportNotFoundError."""
        report = self._store.delete(tenant=tenant, ident=ident)
        self._store.database.after(lambda: self._delete_files(report))

    def _delete_files(self, report: Report) -> None:
        for item in report.formats:
            self._blobs.delete(item.blob(report.id))

    def expire(self, *, tenant: str) -> int:
        """Drop the files of every report whose time is over for certain; return how many."""
        count = 0
        if not self._store.overdue(tenant=tenant, now=rfc3339(self._clock())):
            return count  # what is certain is no later than this, and takes longer to find
        now = rfc3339(self._time.certain(tenant))
        while overdue := self._store.overdue(tenant=tenant, now=now):
            for report in overdue:
                gone = replace(report, status=ReportStatus.EXPIRED, formats=())
                self._store.change(tenant=tenant, was=ReportStatus.READY, report=gone)
                self._delete_files(report)
            count += len(overdue)
        return count

    def _public(self, report: Report) -> bytes:
        return orjson.dumps(self._seen(report).public())

    def _seen(self, report: Report) -> Report:
        """Return the report as it stands now: its time may be over before its row says so."""
        over = report.expires_at is not None and report.expires_at <= rfc3339(self._clock())
        if report.status is ReportStatus.READY and over:
            return replace(report, status=ReportStatus.EXPIRED, formats=())
        return report


def _ready(report: Report, wanted: str) -> ReportFormat:
    if report.status is ReportStatus.EXPIRED:
        raise ReportExpiredError(f"The report expired at {report.expires_at}: make a new one")
    for stored in report.formats:
        if stored.format == wanted:
            return stored
    if report.error is not None:
        raise ReportNotReadyError(f"The report failed: {report.error['message']}")
    raise ReportNotReadyError(f"The report is {report.status}; try again when it is ready")
