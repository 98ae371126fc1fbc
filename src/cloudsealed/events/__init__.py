"""The append-only outbox: what happened and who did it, written in the noun's own transaction.

Webhooks and event streams read it; it knows neither.
"""

from cloudsealed.events.deed import OPERATOR, Actor, Deed, acting_user, doing
from cloudsealed.events.store import EventStore, append, emit, emit_all, emit_changes

__all__ = [
    "OPERATOR",
    "Actor",
    "Deed",
    "EventStore",
    "acting_user",
    "append",
    "doing",
    "emit",
    "emit_all",
    "emit_changes",
]
