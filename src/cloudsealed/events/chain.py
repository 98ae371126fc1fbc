"""The chain of a tenant's events, by which one that is changed, removed or added shows.

The worker gives events their place in it soon after they are written: a number without gap, the
hash of the one before, and their own hash, which covers both and all else of MEMBERS. The last of
each batch is signed with the seal key, for itself and so for all before it. It refuses to chain
events in the transactions that write them: those would take turns.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import bindparam, select

from cloudsealed.events.store import COLUMNS, public
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.storage.database import Database
from cloudsealed.storage.keys import Key, KeyRing, key_id, public_key
from cloudsealed.storage.schema import events
from cloudsealed.storage.tenancy import turn

BATCH = 500
MEMBERS = (
    *("id", "object", "tenant_id", "type", "subject", "created_at", "actor", "request_id"),
    *("data", "before", "after", "sequence", "previous"),
)
"""What of an event its hash covers: for good, whatever else the API may show of one later."""
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


def hash_of(event: Mapping[str, Any]) -> str:
    """Return the hash of an event as the API shows it, whose place in the chain is given."""
    return sha256(canonical({name: event[name] for name in MEMBERS}))


def signed_bytes(tenant: str, sequence: int, own: str) -> bytes:
    """Return what the signature of a chain up to one event is of."""
    return f"cloudsealed events v1 {tenant} {sequence} {own}".encode()


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


def signature(tenant: str, sequence: int, own: str, key: Key) -> str:
    """Return a key's signature of the chain up to one event, with the key, as JSON."""
    half = public_key(key)
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    made = {
        "key_id": key_id(half),
        "public_key": base64.b64encode(half.public_bytes_raw()).decode(),
        "signature": base64.b64encode(private.sign(signed_bytes(tenant, sequence, own))).decode(),
    }
    return orjson.dumps(made).decode()
