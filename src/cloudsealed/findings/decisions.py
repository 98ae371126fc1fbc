"""What people decided about a finding, over time: read from the events that told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from cloudsealed.events import EventStore
from cloudsealed.findings.service import FindingService
from cloudsealed.kit.cursor import Position
from cloudsealed.storage.keyset import Page, numbered
from cloudsealed.vocabulary import EventType

_AT_ONCE = 200
Decision = dict[str, Any]


def decisions(
    findings: FindingService,
    events: EventStore,
    *,
    tenant: str,
    ident: str,
    after: Position | None = None,
    limit: int = 50,
) -> Page:
    """Return a page of a finding's decisions, newest first; raises FindingNotFoundError."""
    finding = orjson.loads(findings.get(tenant=tenant, ident=ident))
    found = [*_told(events, tenant, ident)]
    oldest = found[-1]["previous"] if found else finding["triage"]
    if oldest is not None:
        found.append(_untold(ident, oldest))
    below = int(after.id) if after is not None else len(found) + 1
    rows = [(len(found) - place, each) for place, each in enumerate(found)]
    page = islice(((n, orjson.dumps(each)) for n, each in rows if n < below), limit + 1)
    return numbered([*page], limit)


def _told(events: EventStore, tenant: str, ident: str) -> Iterator[Decision]:
    """Yield what events tell, newest first."""
    filters = {"subject": (ident,), "type": (EventType.FINDING_TRIAGED.value,)}
    after: Position | None = None
    while True:
        page = events.list(tenant=tenant, filters=filters, after=after, limit=_AT_ONCE)
        yield from (_decision(ident, orjson.loads(item)) for item in page.items)
        if page.next is None:
            return
        after = page.next


def _decision(ident: str, event: Mapping[str, Any]) -> Decision:
    actor = event["actor"] or {}
    return {
        "object": "decision",
        "finding_id": ident,
        "event_id": event["id"],
        "triage": event["after"]["triage"],
        "previous": event["before"]["triage"],
        "decided_at": event["created_at"],
        "decided_by": actor.get("user_id"),
        "decided_by_name": actor.get("name"),
        "credential_id": actor.get("credential_id"),
    }


def _untold(ident: str, triage: Mapping[str, Any]) -> Decision:
    """Return a decision of which no event tells, as before there were any."""
    return {
        "object": "decision",
        "finding_id": ident,
        "event_id": None,
        "triage": triage,
        "previous": None,
        "decided_at": triage["updated_at"],
        "decided_by": triage["updated_by"],
        "decided_by_name": None,
        "credential_id": None,
    }
