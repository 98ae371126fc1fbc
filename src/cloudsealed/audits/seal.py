"""The seal: a signed Merkle root over an audit's policies, calls, snapshots and observations.

The leaves are canonical JSON lines; an answer and a snapshot are named in theirs by the SHA-256 of
what is stored. The statement is an in-toto Statement in a DSSE envelope, signed with Ed25519, and
names the seal before it, so that a tenant's audits form one chain.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudsealed.audits.blocks import OBSERVATIONS, SNAPSHOTS, Blocks
from cloudsealed.audits.chain import append, next_link
from cloudsealed.audits.ledger import Ledger
from cloudsealed.audits.model import Audit
from cloudsealed.kit.canonical import canonical, sha256
from cloudsealed.kit.merkle import leaf_hash, root
from cloudsealed.storage.database import Connection, Database
from cloudsealed.storage.keys import Key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "https://cloudsealed.io/audit-seal/v1"
CALL = (
    "provider", "account", "region", "service", "operation", "parameters", "page", "outcome",
    "error_code", "digest", "called_at",
)  # fmt: skip


def leaves_by_kind(
    database: Database, *, tenant: str, audit: Audit
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each kind of leaf in order, with its leaves in order."""
    blocks = Blocks(database, tenant=tenant, audit_id=audit.id)
    yield "policies", (canonical(["policy", version]) for version in audit.policy_set)
    calls = Ledger(database, tenant=tenant, audit_id=audit.source_id).entries()
    yield "calls", (canonical(["call", *(entry[n] for n in CALL)]) for entry in calls)
    for kind in (SNAPSHOTS, OBSERVATIONS):
        found = (blocks.raw_lines(block) for block in blocks.all(kind))
        yield kind, chain.from_iterable(found)


def leaves(
    database: Database, *, tenant: str, audit: Audit, counts: dict[str, int]
) -> Iterator[bytes]:
    """Yield the leaves in order: policies, calls, snapshots, observations; fill in `counts`."""
    for kind, lines in leaves_by_kind(database, tenant=tenant, audit=audit):
        counts[kind] = 0
        for line in lines:
            counts[kind] += 1
            yield line


def sign(statement: Mapping[str, Any], key: Key) -> bytes:
    """Return the DSSE envelope (v1) of a statement."""
    payload = canonical(statement)
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    signature = private.sign(signed_bytes(payload))
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": key_id(private.public_key()), "sig": base64.b64encode(signature).decode()}
        ],
    }
    return canonical(envelope)


def opened(envelope: bytes, public: Ed25519PublicKey) -> dict[str, Any]:
    """Return the statement of an envelope; raises InvalidSignature unless `public` signed it."""
    document = orjson.loads(envelope)
    payload = base64.b64decode(document["payload"], validate=True)
    signature = base64.b64decode(document["signatures"][0]["sig"], validate=True)
    public.verify(signature, signed_bytes(payload))
    statement: dict[str, Any] = orjson.loads(payload)
    return statement


def public_key(key: Key) -> Ed25519PublicKey:
    """Return the public half of a seal key."""
    return Ed25519PrivateKey.from_private_bytes(key.secret).public_key()


def key_id(public: Ed25519PublicKey) -> str:
    """Return the SHA-256 of a public key's 32 raw bytes, in hex."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw)


def signed_bytes(payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding (protocol, version 1)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(
    connection: Connection, *, tenant: str, audit: Audit, tree_root: bytes,
    counts: Mapping[str, int], verdict_digest: str, finished_at: str, key: Key,
) -> bytes:  # fmt: skip
    """Sign an audit as the next of the tenant's chain, in the caller's transaction."""
    sequence, previous = next_link(connection, tenant=tenant)
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": audit.id, "digest": {"sha256": tree_root.hex()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "tenant_id": tenant,
            "audit_id": audit.id,
            "kind": audit.kind,
            "source_id": audit.source_id,
            "clock": audit.clock,
            "started_at": audit.started_at,
            "finished_at": finished_at,
            "leaves": dict(counts),
            "tree_size": sum(counts.values()),
            "verdict_digest": verdict_digest,
            "sequence": sequence,
            "previous": previous,
        },
    }
    envelope = sign(statement, key)
    append(connection, tenant=tenant, sequence=sequence, audit_id=audit.id, envelope=envelope)
    return envelope


def merkle_root(lines: Iterator[bytes]) -> bytes:
    """Return the root over the leaves."""
    return root(map(leaf_hash, lines))
