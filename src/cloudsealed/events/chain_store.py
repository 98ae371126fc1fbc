"""Gives events their place in the chain: the only SQL that does.

It refuses to chain events in the transactions that write them: those would take turns.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from cloudsealed.events.chain import hash_of, signature
from cloudsealed.events.store import COLUMNS, public
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import KeyRing
from cloudsealed.storage.schema import events
from cloudsealed.storage.tenancy import turn

BATCH = 500
_TENANT = events.c.tenant_id == bindparam("tenant")
_OPEN = (
    select(*(events.c[name] for name in COLUMNS))
    .where(_TENANT, events.c.sequence.is_(None))
    .order_by(events.c.id)
    .limit(bindparam("most"))
)
_LAST = (
    select(events.c.sequence, events.c.hash)
    .where(_TENANT, events.c.sequence.is_not(None))
    .order_by(events.c.sequence.desc())
    .limit(1)
)
_PLACE = (
    events.update()
    .where(_TENANT, events.c.id == bindparam("ident"))
    .values(
        sequence=bindparam("number"),
        previous=bindparam("before"),
        hash=bindparam("own"),
        signature=bindparam("signed"),
    )
)


def extend(database: Database, keys: KeyRing, *, tenant: str) -> bool:
    """Give at most BATCH events of a tenant their place, oldest first; say whether more wait."""
    values = {"tenant": tenant, "most": BATCH}
    with database.read() as connection:
        if connection.first(_OPEN, {**values, "most": 1}) is None:
            return False
    with turn(database, tenant=tenant) as connection:
        found = [public(row) for row in connection.all(_OPEN, values)]
        sequence, previous = connection.first(_LAST, {"tenant": tenant}) or (0, None)
        rows = []
        for number, event in enumerate(found, start=sequence + 1):
            own = hash_of({**event, "sequence": number, "previous": previous})
            rows.append(_place(tenant, event["id"], number, previous, own))
            previous = own
        if rows:
            last = rows[-1]
            last["signed"] = signature(tenant, last["number"], last["own"], keys.current("seal"))
        connection.many(_PLACE, rows)
    return len(found) == BATCH


def _place(tenant: str, ident: str, number: int, previous: str | None, own: str) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "ident": ident,
        "number": number,
        "before": previous,
        "own": own,
        "signed": None,
    }
