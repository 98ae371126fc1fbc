"""Which audit another is compared with, and the moments that tell what became of findings between.

It reads audits, and writes nothing.
"""

from __future__ import annotations

from cloudsealed.audits.model import Audit, AuditNotFoundError
from cloudsealed.audits.store import AuditStore
from cloudsealed.findings.delta_store import Compared
from cloudsealed.storage.filters import FilterValueError
from cloudsealed.vocabulary import AuditStatus


def compared(store: AuditStore, *, tenant: str, ident: str | None, against: str | None) -> Compared:
    """Return an audit beside `against`, if None the one before it that was asked for the same; one
    that is not there or not completed compares nothing.

    Raises EvidenceExpiredError when what failed in one of the two is gone, and FilterValueError
    where `against` began after the audit.
    """
    audit = _completed(store, tenant, ident)
    if audit is None:
        return Compared()
    if against is not None:
        return _chosen(store, tenant, audit, against)
    before = store.history(tenant=tenant, audit=audit, most=2)[1:]
    for each in (audit, *before):
        each.require_evidence()
    return Compared(audit.id, before[0].id if before else "", _began(audit))


def _chosen(store: AuditStore, tenant: str, audit: Audit, against: str) -> Compared:
    other = _completed(store, tenant, against)
    if other is None:
        return Compared()
    if _began(other) > _began(audit):
        raise FilterValueError("against", f"an audit that began no later than {audit.id}")
    for each in (audit, other):
        each.require_evidence()
    asked = _completed(store, tenant, audit.source_id) or audit  # whose calls both judge
    until = asked.finished_at or asked.created_at
    return Compared(audit.id, other.id, _began(other), until)


def _completed(store: AuditStore, tenant: str, ident: str | None) -> Audit | None:
    try:
        audit = store.shown(tenant=tenant, ident=ident or "")
    except AuditNotFoundError:
        return None
    return audit if audit.status is AuditStatus.COMPLETED else None


def _began(audit: Audit) -> str:
    return min(audit.clock or audit.created_at, audit.started_at or audit.created_at)
