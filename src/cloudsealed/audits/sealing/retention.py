"""How evidence ends: what is older than it is kept goes, the seal and the chain stay.

An audit keeps its row, its seal and the headers of its blocks, so its figures and the state of
controls. Its calls, its tree, and stored answers, snapshots and lines that nothing newer uses are
dropped. The evidence of a reanalysis is that of its source, and ends with it.
"""

from __future__ import annotations

from datetime import timedelta

from cloudsealed.audits.records import blocks
from cloudsealed.audits.records.blocks import FAILED, SEEN
from cloudsealed.audits.records.ledger import forget_calls
from cloudsealed.audits.sealing.tree import forget_tree
from cloudsealed.audits.sealing.trusted import TrustedTime
from cloudsealed.audits.shard_store import forget_shards
from cloudsealed.audits.store import AuditStore
from cloudsealed.kit.clock import Clock, parse_rfc3339, rfc3339
from cloudsealed.storage.database import Database
from cloudsealed.storage.objects import drop_unused, month_of


def expire_evidence(database: Database, clock: Clock, *, tenant: str, days: int) -> int:
    """Drop a tenant's evidence that is for certain older than `days`; return of how many audits.

    Stored bytes are shared by audits and marked with the last month of use. They go when that
    month as a whole is older, so up to 31 days after the audit.
    """
    store = AuditStore(database, clock)
    cutoff = TrustedTime(database, clock).certain(tenant) - timedelta(days=days)
    found = store.expirable(tenant=tenant, before=rfc3339(cutoff))
    for ident in found:
        with database.write() as connection:
            store.expire_in(connection, tenant=tenant, ident=ident)
            forget_calls(connection, tenant=tenant, audit_id=ident)
            forget_tree(connection, tenant=tenant, audit_id=ident)
            forget_shards(connection, tenant=tenant, audit_id=ident)
            blocks.forget(connection, tenant=tenant, audit_id=ident, kinds=(SEEN, FAILED))
    oldest = store.oldest_evidence(tenant=tenant)
    months = [month_of(cutoff), *([month_of(parse_rfc3339(oldest))] if oldest else [])]
    drop_unused(database, tenant, before=min(months))
    return len(found)
