"""How evidence ends: what is older than it is kept goes, the seal and the chain stay.

An audit keeps its row, its seal and the headers of its blocks, so its figures and the state of
controls. Its calls, its tree, and stored answers, snapshots and lines that nothing newer uses are
dropped. The evidence of a reanalysis is that of its source, and ends with it.

First it is said that an audit's evidence is gone, so nobody meets half of it; then its rows go,
some at a time, for as many rounds as it takes and whoever dies meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cloudsealed.audits import shard_store
from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.ledger import forget_calls
from cloudsealed.audits.sealing.tree import forget_tree
from cloudsealed.audits.sealing.trusted import TrustedTime
from cloudsealed.audits.store import AuditStore
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import drop_unused, month_of

ROUND: Final = 500_000
"""How many rows are dropped before whoever does it is seen alive again."""
_PARTS: Final[tuple[Callable[..., int], ...]] = (
    forget_calls,
    forget_tree,
    shard_store.forget_left,
    blocks.forget_left,
)
"""What drops the rows of an audit, `most` at most, and returns how many."""


def expire_evidence(database: Database, clock: Clock, *, tenant: str, days: int) -> int:
    """Say of a tenant's evidence that is for certain older than `days` that it is gone; return of
    how many audits."""
    store = AuditStore(database, clock)
    found = store.expirable(tenant=tenant, before=rfc3339(_cutoff(database, clock, tenant, days)))
    for ident in found:
        store.expire(tenant=tenant, ident=ident)
    return len(found)


def forget_evidence(
    database: Database, clock: Clock, *, tenant: str, days: int, most: int = ROUND
) -> int:
    """Drop what is left of a tenant's evidence that is gone, `most` rows at most; return how many.
    Fewer than `most` were all.

    Stored bytes are shared by audits and marked with the last month of use. They go when that
    month as a whole is older, so up to 31 days after the audit.
    """
    store, gone = AuditStore(database, clock), 0
    for ident in store.forgettable(tenant=tenant):
        for part in _PARTS:
            gone += part(database, tenant=tenant, audit_id=ident, most=most - gone)
        if gone >= most:
            return gone
        store.forgotten(tenant=tenant, ident=ident)
    oldest = store.oldest_evidence(tenant=tenant)
    months = [month_of(_cutoff(database, clock, tenant, days))]
    months += [month_of(parse_rfc3339(oldest))] if oldest else []
    return gone + drop_unused(database, tenant, before=min(months), most=most - gone)


def _cutoff(database: Database, clock: Clock, tenant: str, days: int) -> datetime:
    return TrustedTime(database, clock).certain(tenant) - timedelta(days=days)
