"""The append-only outbox: what happened, written in the noun's own transaction.

Webhooks and event streams read it; it knows neither.
"""

from cloudsealed.events.store import EventStore, emit

__all__ = ["EventStore", "emit"]
