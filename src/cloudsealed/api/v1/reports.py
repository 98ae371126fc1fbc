"""/v1/reports: generated deliverables, downloadable as PDF or JSON."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsealed.api import accept
from cloudsealed.api.errors import NotAcceptableError, filter_error
from cloudsealed.api.files import File
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import reports as shapes
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.auth.model import Scope
from cloudsealed.reports import bodies
from cloudsealed.reports.model import FORMATS, ReportExpiredError, ReportNotReadyError
from cloudsealed.reports.store import LISTING
from cloudsealed.storage import schema
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import EventType

# A media type as clients name it, without what it says of the file.
_MEDIA = {media.partition(";")[0]: name for name, media in FORMATS.items()}

FORMAT = Parameter("format", "Format of the file; else `Accept` decides", tuple(FORMATS))

TABLE = Table(
    "Reports",
    "Executive summaries, remediation plans, compliance evidence.",
    getter=lambda call: call.services.reports.get(**call.one),
    rows=schema.reports,
)


@TABLE.lists("/v1/reports", Listed.of(LISTING), scope=Scope.REPORTS_READ, answer=shapes.Report)
def list_reports(call: Call) -> Reply:
    """List reports.

    Newest first, those whose files are gone included.
    """
    return call.services.reports.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/reports",
    scope=Scope.REPORTS_WRITE,
    status=202,
    heavy=("reports",),
    answer=shapes.Report,
    body=bodies.REPORT,
    errors=(AuditNotFinishedError, AuditNotFoundError, EvidenceExpiredError),
    event=EventType.REPORT_CREATED,
)
def create_report(call: Call) -> Reply:
    """Generate a report of a completed audit.

    It is made in the background, within seconds. Poll `GET /v1/reports/{id}` until it is
    `ready`, then download it.
    """
    return call.services.reports.create(tenant=call.tenant, body=call.body, admit=call.admit)


@TABLE.gets("/v1/reports/{id}", scope=Scope.REPORTS_READ, answer=shapes.Report)
def get_report(call: Call) -> Reply:
    """Retrieve a report.

    How far it is, and which files it has.
    """
    return call.services.reports.get(**call.one, deadline=call.deadline)


@TABLE.reads(
    "/v1/reports/{id}/download",
    scope=Scope.REPORTS_READ,
    produces=tuple(_MEDIA),
    ranged=True,
    files={FORMATS[name]: shape for name, shape in shapes.FILES.items()},
    parameters={"format": FORMAT},
    errors=(ReportNotReadyError, ReportExpiredError),
    event=EventType.REPORT_DOWNLOADED,
)
def download_report(call: Call) -> Reply:
    """Download a report's file.

    In the format of `format`, or else the first that `Accept` prefers. Which formats there are
    depends on the kind of report: another is 422 by `format`, and 406 by `Accept`.
    """
    offered = call.services.reports.formats(**call.one)
    wanted = call.given("format") or _accepted(call.accept, offered)
    if wanted not in offered:
        message = f"format must be one of: {', '.join(offered)}"
        raise filter_error("format")("format", message)
    file = call.services.reports.file(**call.one, format=wanted)
    return File(file.open, file.size, file.sha256, file.content_type, file.filename)


def _accepted(header: str, offered: Sequence[str]) -> str:
    media = [kind for kind, name in _MEDIA.items() if name in offered]
    chosen = accept.choose(header, media)
    if chosen is None:
        raise NotAcceptableError(f"This report is there in: {', '.join(media)}")
    return _MEDIA[chosen]


@TABLE.deletes("/v1/reports/{id}", scope=Scope.REPORTS_WRITE, event=EventType.REPORT_DELETED)
def delete_report(call: Call) -> Reply:
    """Delete a report and its files.

    What it told of stays: it can be made again while the audit's evidence is kept.
    """
    call.services.reports.delete(**call.one)
    return None
