"""The log of security events: who did what to whose access, written with what it tells of.

Its events are those of the outbox whose type begins with `security.`; nothing changes or removes
one.
"""

from __future__ import annotations

from typing import Any

from cloudsealed.events import emit
from cloudsealed.events.deed import Actor
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import EventType


def record(
    connection: Connection,
    kind: EventType,
    *,
    tenant: str,
    subject: str,
    actor: Actor,
    **facts: Any,
) -> None:
    """Append an event about `subject` in the caller's transaction; `facts` hold no secret."""
    who = {"user_id": actor.user_id, "credential_id": actor.credential_id, "ip": actor.ip}
    data = {"actor": who, **facts}
    emit(connection, tenant=tenant, kind=kind, subject=subject, data=data, actor=actor)
