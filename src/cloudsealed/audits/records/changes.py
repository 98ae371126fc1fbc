"""Writes what became of findings: their rows, their episodes, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsealed.events import emit
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import EventType, FindingStatus


def write_opened(
    connection: Connection, *, tenant: str, audit_id: str, opened: Sequence[Finding]
) -> None:
    """Add findings that an audit opened; of what yields to another the other's event tells."""
    finding_rows.insert(connection, tenant=tenant, new=opened)
    for finding in (each for each in opened if each.yields_to is None):
        _announce(connection, tenant, audit_id, EventType.FINDING_OPENED, finding)


def write_changed(
    connection: Connection,
    *,
    tenant: str,
    audit_id: str,
    changed: Sequence[tuple[Finding, Finding]],
) -> None:
    """Write findings over what they were when this turn read them; `audit_id` is the audit that
    says so."""
    finding_rows.update(connection, tenant=tenant, changed=changed)
    for old, new in changed:
        begins = (old.last_observation, old.severity) != (new.last_observation, new.severity)
        if begins and old.follows:  # so far it went on without being written
            finding_rows.record_episode(connection, tenant=tenant, finding=old, begins=False)
        finding_rows.record_episode(connection, tenant=tenant, finding=new, begins=begins)
        if (kind := _told(old, new)) is not None:
            _announce(connection, tenant, audit_id, kind, new)


def _told(old: Finding, new: Finding) -> EventType | None:
    """Return which event tells of a change: of its end, or that it asks for attention again."""
    if new.status is FindingStatus.RESOLVED:
        return EventType.FINDING_RESOLVED if old.status is not new.status else None
    if old.status is FindingStatus.RESOLVED:
        asks = new.yields_to is None
    else:
        asks = old.yields_to is not None and new.status is FindingStatus.OPEN
    return EventType.FINDING_REOPENED if asks else None


def _announce(
    connection: Connection, tenant: str, audit_id: str, kind: EventType, finding: Finding
) -> None:
    data = {
        "finding_id": finding.id,
        "severity": finding.severity,
        "audit_id": audit_id,
        "title": finding.title,
    }
    emit(connection, tenant=tenant, kind=kind, subject=finding.id, data=data)
