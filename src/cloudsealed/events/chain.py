"""What the chain of a tenant's events is, by which one that is changed, removed or added shows.

The worker gives events their place in it soon after they are written: a number without gap, the
hash of the one before, and their own hash, which covers both and all else of MEMBERS. The last of
each batch is signed with the seal key, for itself and so for all before it. Pure: no database.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.storage.keys import Key, key_id, public_key

MEMBERS = (
    *("id", "object", "tenant_id", "type", "subject", "created_at", "actor", "request_id"),
    *("data", "before", "after", "sequence", "previous"),
)
"""What of an event its hash covers: for good, whatever else the API may show of one later."""


def hash_of(event: Mapping[str, Any]) -> str:
    """Return the hash of an event as the API shows it, whose place in the chain is given."""
    return sha256(canonical({name: event[name] for name in MEMBERS}))


def signed_bytes(tenant: str, sequence: int, own: str) -> bytes:
    """Return what the signature of a chain up to one event is of."""
    return f"cloudsealed-events-v1 {tenant} {sequence} {own}".encode()


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
