"""The log of security events: who did what to whose access, written with what it tells of.

Its events are those of the outbox whose type begins with `security.`; nothing changes or removes
one.
"""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from cloudsealed.events import emit
from cloudsealed.events.deed import Actor
from cloudsealed.storage.database import Connection
from cloudsealed.vocabulary import EventType


class Shown(Protocol):
    """What the API shows of something, without a secret."""

    def public(self) -> dict[str, Any]:
        """Return it as JSON values."""


def record(
    connection: Connection,
    kind: EventType,
    *,
    tenant: str,
    subject: str,
    actor: Actor,
    was: Shown | None = None,
    now: Shown | None = None,
    **facts: Any,
) -> None:
    """Append an event about `subject` in the caller's transaction; `facts` hold no secret.

    `was` and `now` are the object before and since, for what the pages do: of a request of the API
    both are read where its event is written.
    """
    who = {"user_id": actor.user_id, "credential_id": actor.credential_id, "ip": actor.ip}
    data = {"actor": who, **facts}
    emit(
        connection,
        tenant=tenant,
        kind=kind,
        subject=subject,
        data=data,
        actor=actor,
        was=None if was is None else orjson.dumps(was.public()),
        now=None if now is None else orjson.dumps(now.public()),
    )
