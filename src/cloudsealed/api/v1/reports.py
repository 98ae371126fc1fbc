"""/v1/reports: generated deliverables, downloadable as PDF or JSON."""

from __future__ import annotations

from cloudsealed.api import accept
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Stream, Table
from cloudsealed.api.query import Parameter
from cloudsealed.api.v1.schemas import reports as shapes
from cloudsealed.audits.model import AuditNotFinishedError, AuditNotFoundError
from cloudsealed.auth.model import Scope
from cloudsealed.reports.model import FORMATS, ReportExpiredError, ReportNotReadyError
from cloudsealed.reports.store import LISTING
from cloudsealed.storage.objects import EvidenceExpiredError

# A media type as clients name it, without what it says of the file.
_MEDIA = {media.partition(";")[0]: name for name, media in FORMATS.items()}

FORMAT = Parameter("format", "Format of the file; else `Accept` decides", tuple(FORMATS))

TABLE = Table(
    "Reports",
    "Executive summaries, remediation plans, compliance evidence.",
    getter=lambda call: call.services.reports.get(**call.one),
)


@TABLE.lists("/v1/reports", Listed.of(LISTING), scope=Scope.REPORTS_READ, answer=shapes.Report)
def list_reports(call: Call) -> Reply:
    """List reports.

    Newest first, those whose files are gone included.
    """
    return call.services.reports.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/reports", scope=Scope.REPORTS_WRITE, status=202, heavy=("reports",), answer=shapes.Report,
    body=shapes.ReportBody,
    errors=(AuditNotFinishedError, AuditNotFoundError, EvidenceExpiredError),
)  # fmt: skip
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
    "/v1/reports/{id}/download", scope=Scope.REPORTS_READ, produces=tuple(_MEDIA),
    files={FORMATS[name]: shape for name, shape in shapes.FILES.items()},
    parameters={"format": FORMAT},
    errors=(ReportNotReadyError, ReportExpiredError),
)  # fmt: skip
def download_report(call: Call) -> Reply:
    """Download a report's file.

    In the format of `format`, or else the first that `Accept` prefers. Which formats there are
    depends on the kind of report.
    """
    wanted = call.given("format")
    if wanted is None:
        wanted = _MEDIA[accept.choose(call.accept, tuple(_MEDIA)) or ""]
    file = call.services.reports.file(**call.one, format=wanted)
    return Stream(file.content, file.content_type, file.filename)


@TABLE.deletes("/v1/reports/{id}", scope=Scope.REPORTS_WRITE)
def delete_report(call: Call) -> Reply:
    """Delete a report and its files.

    What it told of stays: it can be made again while the audit's evidence is kept.
    """
    call.services.reports.delete(**call.one)
    return None
