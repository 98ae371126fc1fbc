"""Writes what became of findings: their rows, their episodes, and the events that tell of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from cloudsealed.events import emit_all
from cloudsealed.findings import store as finding_rows
from cloudsealed.findings.model import Finding
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import EventType, FindingStatus


def write_opened(
    connection: Connection, *, tenant: str, audit_id: str, opened: Sequence[Finding]
) -> None:
    """Add findings that an audit opened; of what yields to another the other's event tells."""
    finding_rows.insert(connection, tenant=tenant, new=opened)
    asking = (each for each in opened if each.yields_to is None)
    told = [(each.id, _fact(audit_id, each)) for each in asking]
    emit_all(connection, tenant=tenant, kind=EventType.FINDING_OPENED, told=told)


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
    episodes = [each for old, new in changed for each in _episodes(old, new)]
    finding_rows.record_episodes(connection, tenant=tenant, told=episodes)
    kinds = [(_told(old, new), new) for old, new in changed]
    for kind, run in groupby(kinds, key=itemgetter(0)):
        if kind is not None:
            told = [(new.id, _fact(audit_id, new)) for _kind, new in run]
            emit_all(connection, tenant=tenant, kind=kind, told=told)


def _episodes(old: Finding, new: Finding) -> Iterator[tuple[Finding, bool]]:
    """Yield what becomes of a finding's history, and whether it begins an episode."""
    begins = (old.last_observation, old.severity) != (new.last_observation, new.severity)
    if begins and old.follows:  # so far it went on without being written
        yield old, False
    yield new, begins


def _told(old: Finding, new: Finding) -> EventType | None:
    """Return which event tells of a change: of its end, or that it asks for attention again."""
    if new.status is FindingStatus.RESOLVED:
        return EventType.FINDING_RESOLVED if old.status is not new.status else None
    if old.status is FindingStatus.RESOLVED:
        asks = new.yields_to is None
    else:
        asks = old.yields_to is not None and new.status is FindingStatus.OPEN
    return EventType.FINDING_REOPENED if asks else None


def _fact(audit_id: str, finding: Finding) -> Mapping[str, Any]:
    return {
        "finding_id": finding.id,
        "severity": finding.severity,
        "audit_id": audit_id,
        "title": finding.title,
    }
