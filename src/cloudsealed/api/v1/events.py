"""/v1/events: what happened in a tenant, newest first."""

from __future__ import annotations

from cloudsealed.api.listing import Listed
from cloudsealed.api.operation import Call, Reply, Table
from cloudsealed.api.v1.schemas import access as shapes
from cloudsealed.auth.model import Scope
from cloudsealed.events.store import LISTING

TABLE = Table(
    "Events",
    "What happened to findings, audits, reports and to people's access; nothing changes an event.",
)


@TABLE.lists("/v1/events", Listed.of(LISTING), scope=Scope.EVENTS_READ, answer=shapes.Event)
def list_events(call: Call) -> Reply:
    """List events; `category=security` is the log of who did what to whose access.

    Newest first. Events are never changed or deleted.
    """
    return call.services.events.list(tenant=call.tenant, deadline=call.deadline, **call.page)
