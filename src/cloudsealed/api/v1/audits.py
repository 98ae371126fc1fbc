"""/v1/audits: start a forensic pass, follow it, reanalyze it, read its ledger and seal."""

from __future__ import annotations

from cloudsealed.api.feed import MEDIA_TYPE
from cloudsealed.api.files import File
from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Follow, Reply, Stream, Table
from cloudsealed.api.v1.schemas import audits as shapes
from cloudsealed.api.v1.schemas import ledger
from cloudsealed.audits import bodies
from cloudsealed.audits.matrix import FILTERS as CELLS
from cloudsealed.audits.model import (
    AuditEndedError,
    AuditNotFinishedError,
    AuditNotFoundError,
    AuditNotResumableError,
)
from cloudsealed.audits.records.calls import FILTERS as CALLS
from cloudsealed.audits.store import LISTING
from cloudsealed.auth.model import Scope
from cloudsealed.connections.model import AmbientCredentialsNotAllowedError
from cloudsealed.storage import schema
from cloudsealed.storage.filters import with_negations
from cloudsealed.storage.objects import EvidenceExpiredError
from cloudsealed.vocabulary import EventType

TABLE = Table(
    "Audits",
    "Forensic passes over what connections reach.",
    getter=lambda call: call.services.audits.get(**call.one),
    rows=schema.audits,
)


@TABLE.lists("/v1/audits", Listed.of(LISTING), scope=Scope.AUDITS_READ, answer=shapes.Audit)
def list_audits(call: Call) -> Reply:
    """List audits.

    Newest first: to find the audit to read, to reanalyze or to report on.
    """
    return call.services.audits.list(tenant=call.tenant, deadline=call.deadline, **call.page)


@TABLE.makes(
    "/v1/audits",
    scope=Scope.AUDITS_WRITE,
    status=202,
    heavy=("audits",),
    answer=shapes.Audit,
    body=bodies.AUDIT,
    errors=(AmbientCredentialsNotAllowedError,),
    event=EventType.AUDIT_CREATED,
)
def create_audit(call: Call) -> Reply:
    """Start an audit.

    It is queued at once and runs in the background; two run at a time. Poll `GET
    /v1/audits/{id}` until `finished_at` is not null.
    """
    return call.services.audits.create(tenant=call.tenant, body=call.body, admit=call.admit)


@TABLE.gets("/v1/audits/{id}", scope=Scope.AUDITS_READ, answer=shapes.Audit)
def get_audit(call: Call) -> Reply:
    """Retrieve an audit: status, progress, coverage, counts and scores.

    While it runs this is how far it is; when it is completed, what it found.
    """
    return call.services.audits.get(**call.one, deadline=call.deadline)


@TABLE.makes(
    "/v1/audits/{id}/reanalyze",
    scope=Scope.AUDITS_WRITE,
    status=202,
    heavy=("audits",),
    answer=shapes.Audit,
    body=bodies.REANALYSIS,
    body_optional=True,
    errors=(AuditNotFinishedError, EvidenceExpiredError),
    event=EventType.AUDIT_CREATED,
    tells_made=True,
)
def reanalyze_audit(call: Call) -> Reply:
    """Reanalyze an audit.

    A new audit judges the ledger of an old one by today's policies. No provider call is made.
    """
    body = {} if call.body is None else call.body
    return call.services.audits.reanalyze(**call.one, body=body, admit=call.admit)


@TABLE.acts(
    "/v1/audits/{id}/cancel",
    scope=Scope.AUDITS_WRITE,
    answer=shapes.Audit,
    errors=(AuditEndedError,),
    event=EventType.AUDIT_CANCELED,
)
def cancel_audit(call: Call) -> Reply:
    """Cancel an audit.

    It ends at once, whatever it waits for, and what it has found by then changes no finding. One
    that has ended stays as it is: 409.
    """
    return call.services.audits.cancel(**call.one)


@TABLE.acts(
    "/v1/audits/{id}/resume",
    scope=Scope.AUDITS_WRITE,
    status=202,
    heavy=("audits",),
    answer=shapes.Audit,
    errors=(AuditNotResumableError, AmbientCredentialsNotAllowedError),
    event=EventType.AUDIT_RESUMED,
)
def resume_audit(call: Call) -> Reply:
    """Resume an audit that stopped when the cloud no longer took its credentials.

    For a day it goes on where it was, once they are renewed; no call is made twice.
    """
    return call.services.audits.resume(**call.one, admit=call.admit)


@TABLE.lists(
    "/v1/audits/{id}/calls",
    Listed(with_negations(CALLS)),
    scope=Scope.EVIDENCE_READ,
    answer=ledger.ProviderCall,
    errors=(EvidenceExpiredError,),
    event=EventType.EVIDENCE_READ,
)
def list_audit_calls(call: Call) -> Reply:
    """List an audit's provider calls: its ledger.

    Each call with how it ended: what every verdict of the audit rests on.
    """
    filters, after, limit = call.page["filters"], call.page["after"], call.page["limit"]
    return call.services.audits.calls(
        **call.one, filters=filters, after=after, limit=limit, deadline=call.deadline
    )


@TABLE.lists(
    "/v1/audits/{id}/cells",
    Listed(with_negations(CELLS)),
    scope=Scope.AUDITS_READ,
    answer=ledger.PolicyCells,
    errors=(EvidenceExpiredError,),
)
def list_audit_cells(call: Call) -> Reply:
    """List an audit's cells: what each policy said, place by place.

    In the order of the policies' keys. A cell is one policy in one account and region; a policy
    none of whose cells passes the filters is left out.
    """
    filters, after, limit = call.page["filters"], call.page["after"], call.page["limit"]
    return call.services.audits.matrix(**call.one, filters=filters, after=after, limit=limit)


@TABLE.reads(
    "/v1/audits/{id}/coverage",
    scope=Scope.AUDITS_READ,
    answer=ledger.CoverageReport,
    errors=(EvidenceExpiredError,),
)
def get_audit_coverage(call: Call) -> Reply:
    """Retrieve what an audit could not read, and the permission that would cure it.

    For whoever gives the audit its permissions: `iam_statement` allows what was denied and can
    be allowed.
    """
    return call.services.audits.coverage(**call.one)


@TABLE.reads(
    "/v1/audits/{id}/events",
    scope=Scope.AUDITS_READ,
    produces=(MEDIA_TYPE,),
    quick=True,
    answer=shapes.AuditEvent,
)
def follow_audit(call: Call) -> Reply:
    """Follow an audit by server-sent events, until it ends.

    Events are named `status` or `progress` by what changed; each holds how the audit stands, and
    its `id` is that state: with `Last-Event-ID` a client that comes back is told only what it does
    not know, and 204 when the audit has ended and it knows that. States that passed within half a
    second are told as one. A comment comes every 15 seconds when nothing else does.

    A token may have 10 streams open and a tenant a quarter of the process's; beyond that it is 429,
    and 503 when the process has no more. A stream ends within about a second of its credential.
    """
    found = call.services.audits.standings(tenant=call.tenant, idents=[call.ident])
    if call.ident not in found:
        raise AuditNotFoundError(call.ident)
    return Follow(found[call.ident])


@TABLE.reads(
    "/v1/audits/{id}/seal",
    scope=Scope.AUDITS_READ,
    answer=ledger.Envelope,
    errors=(AuditNotFinishedError,),
)
def get_audit_seal(call: Call) -> Reply:
    """Retrieve the seal of a completed audit.

    A DSSE envelope over the root of everything that the audit rests on, chained to the audit
    before.
    """
    return call.services.audits.seal(**call.one)


@TABLE.reads(
    "/v1/audits/{id}/bundle",
    scope=Scope.EVIDENCE_READ,
    produces=("application/zip",),
    ranged=True,
    errors=(AuditNotFinishedError, EvidenceExpiredError),
    event=EventType.EVIDENCE_DOWNLOADED,
)
def get_audit_bundle(call: Call) -> Reply:
    """Download a completed audit's bundle.

    A ZIP file with the seal and all that it covers: `cloudsealed verify` checks it with no server.
    Errors are JSON, so clients that accept JSON alone get the file too.
    """
    kind, name = "application/zip", f"cloudsealed-{call.ident}.zip"
    file = call.services.evidence.bundle_file(**call.one)
    if file is None:
        return Stream(call.services.evidence.bundle(**call.one), kind, name)
    return File(file.open, file.size, file.sha256, kind, name)


@TABLE.deletes(
    "/v1/audits/{id}",
    scope=Scope.AUDITS_WRITE,
    errors=(AuditNotFinishedError,),
    event=EventType.AUDIT_DELETED,
)
def delete_audit(call: Call) -> Reply:
    """Delete an ended audit; its seal stays in the chain.

    Its calls, snapshots and verdicts are deleted. Findings stay as they are.
    """
    call.services.audits.delete(**call.one)
    return None
