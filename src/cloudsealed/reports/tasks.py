"""The job that makes a report: its document, the PDF of it, both stored, the report ready.

Done twice it gives the same: a report that is neither queued nor running is left alone.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryFile

from cloudsealed.jobs import Job
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.kit.errors import CloudSealedError
from cloudsealed.kit.logs import say
from cloudsealed.reports.kinds import KINDS, build
from cloudsealed.reports.model import (
    Finding,
    Progress,
    Report,
    ReportFormat,
    ReportNotFoundError,
    ReportSource,
)
from cloudsealed.reports.render import RenderError, render_pdf
from cloudsealed.reports.store import ReportStore
from cloudsealed.storage.blobs import Blobs
from cloudsealed.storage.database import Database, ServiceUnavailableError
from cloudsealed.vocabulary import ReportStage, ReportStatus

SourceOf = Callable[[str, Report], ReportSource]
"""From tenant and report to the data of its audit; may raise a CloudSealedError."""

log = logging.getLogger(__name__)
_PIECE = 1 << 20
_GATHERED, _RENDERED = 60, 90  # percent
_EVERY, _STEP = 1.0, 100  # seconds, and findings between two looks at the clock


class GenerateReport:
    """The handler of jobs of the kind `report`."""

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        clock: Clock,
        source: SourceOf,
        retention_days: int,
    ) -> None:
        self._store = ReportStore(database)
        self._blobs = blobs
        self._clock = clock
        self._source = source
        self._kept = timedelta(days=retention_days)

    def __call__(self, job: Job) -> None:
        """Make the report that `job` is about; one that cannot be made fails, with the reason.

        Raises ServiceUnavailableError, to be tried again once what is away is back.
        """
        report = self._begin(job.tenant, job.subject)
        if report is None:
            return
        began = time.monotonic()
        say(log, "report started", report_kind=report.request.kind)
        ended = self._ended(job, report)
        self._finish(job.tenant, ended)
        seconds = round(time.monotonic() - began, 3)
        say(log, "report ended", outcome=ended.status, seconds=seconds)

    def give_up(self, job: Job, reason: Mapping[str, str]) -> None:
        """End the job's report `failed`, unless it has ended."""
        report = self._begin(job.tenant, job.subject)
        if report is not None:
            failed = replace(report, status=ReportStatus.FAILED, error=dict(reason))
            self._finish(job.tenant, failed)

    def _ended(self, job: Job, report: Report) -> Report:
        try:
            formats = self._make(job, report)
        except ServiceUnavailableError:
            raise
        except Exception as error:
            log.exception("report %s failed", report.id)
            return replace(report, status=ReportStatus.FAILED, error=explain(error))
        return replace(report, status=ReportStatus.READY, formats=formats)

    def _begin(self, tenant: str, ident: str) -> Report | None:
        """Set the report running, if a dead worker did not; None when it is gone or done."""
        try:
            report = self._store.get(tenant=tenant, ident=ident)
        except ReportNotFoundError:
            return None
        if report.status is ReportStatus.RUNNING:
            return report
        running = replace(report, status=ReportStatus.RUNNING)
        begun = self._store.change(tenant=tenant, was=ReportStatus.QUEUED, report=running)
        return running if begun else None

    def _make(self, job: Job, report: Report) -> tuple[ReportFormat, ...]:
        told = _Told(self._store, job, report)
        told.tell(ReportStage.GATHERING, 0)
        source = self._source(job.tenant, report)
        counted = told.while_taken(source.findings, source.audit.get("findings") or 0)
        built = build(report.request, replace(source, findings=counted))
        told.tell(ReportStage.RENDERING, _GATHERED)
        pdf = render_pdf(built.document, source.look)
        told.tell(ReportStage.WRITING, _RENDERED)
        files = {"pdf": [pdf], **built.files}
        return tuple(
            self._keep(report, name, files[name]) for name in KINDS[report.request.kind].formats
        )

    def _keep(self, report: Report, name: str, pieces: Iterable[bytes]) -> ReportFormat:
        """Store a file under its digest, which is known only once all of it was made."""
        digest = hashlib.sha256()
        with TemporaryFile() as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
            kept = ReportFormat(name, file.tell(), digest.hexdigest())
            file.seek(0)
            self._blobs.put(kept.blob(report.id), iter(lambda: file.read(_PIECE), b""))
        return kept

    def _finish(self, tenant: str, report: Report) -> None:
        ended = replace(
            report,
            progress=None,
            finished_at=rfc3339(self._clock()),
            # From its creation, so that reports expire in the order of their ids.
            expires_at=rfc3339(parse_rfc3339(report.created_at) + self._kept),
        )
        if not self._store.change(tenant=tenant, was=ReportStatus.RUNNING, report=ended):
            self._discard(tenant, ended)

    def _discard(self, tenant: str, report: Report) -> None:
        """Drop the files made for a report that was deleted, or finished by another worker."""
        try:
            kept = self._store.get(tenant=tenant, ident=report.id).formats
        except ReportNotFoundError:
            kept = ()
        for item in report.formats:
            if item not in kept:
                self._blobs.delete(item.blob(report.id))


class _Told:
    """Writes how far a report is: each stage at once, steps within one at most once a second."""

    def __init__(self, store: ReportStore, job: Job, report: Report) -> None:
        self._store = store
        self._job = job
        self._report = report
        self._next = 0.0

    def tell(self, stage: ReportStage, percent: int) -> None:
        now = replace(self._report, progress=Progress(stage, percent))
        self._store.change(tenant=self._job.tenant, was=ReportStatus.RUNNING, report=now)
        self._job.progressed()
        self._next = time.monotonic() + _EVERY

    def while_taken(self, findings: Iterable[Finding], total: int) -> Iterator[Finding]:
        """Yield findings, telling how many of `total` were taken."""
        for number, finding in enumerate(findings):
            yield finding
            if number % _STEP == 0 and time.monotonic() >= self._next:
                self.tell(ReportStage.GATHERING, min(_GATHERED, _GATHERED * number // (total or 1)))


def explain(error: Exception) -> dict[str, str]:
    """Return why a report failed, for people: never a traceback, never a detail of our insides."""
    unmade = str(error) if isinstance(error, RenderError) else "The report could not be made"
    return CloudSealedError.reason(error, unmade)
